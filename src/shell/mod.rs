//! The shell: reads statements and dot commands, runs them, prints their results.
//!
//! In: lines from a person at a terminal, or from a pipe. Out: results on stdout, the number
//! of rows and the time on stderr. A statement that fails does not end the shell; a pipe of
//! statements in which one failed ends with that failure's exit code.

mod commands;
mod editor;
mod query;
mod statements;

use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Instant;

use datafusion::execution::context::SessionContext;
use reedline::{Reedline, Signal};

use crate::engine::user_message;
use crate::error::{Exit, Failure};
use crate::output::{Format, write_batches};
use crate::printer::{Printer, Total};
use commands::Action;
pub use query::{QueryError, run};
pub use statements::{Split, Statement, split};

/// What the shell needs besides a session.
#[derive(Debug)]
pub struct ShellOptions {
    /// How results are printed.
    pub format: Format,
    /// Where the history is kept, if anywhere.
    pub history: Option<PathBuf>,
}

/// A session, and how to talk with its user.
pub struct Shell<'a> {
    session: &'a SessionContext,
    printer: &'a Printer,
    options: ShellOptions,
}

impl std::fmt::Debug for Shell<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shell")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Whether the shell goes on after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Read,
    Leave,
}

impl<'a> Shell<'a> {
    /// A shell on a session.
    pub fn new(session: &'a SessionContext, printer: &'a Printer, options: ShellOptions) -> Self {
        Self {
            session,
            printer,
            options,
        }
    }

    /// Reads until the user leaves or the input ends.
    ///
    /// # Errors
    /// The terminal fails, the reader of stdout goes away, or, without a terminal, the first
    /// statement that failed.
    pub async fn run(&self) -> Result<(), Failure> {
        if io::stdin().is_terminal() {
            self.talk().await
        } else {
            self.follow(io::stdin()).await
        }
    }

    async fn talk(&self) -> Result<(), Failure> {
        let mut editor = self.editor()?;
        self.printer
            .note("type a statement that ends with `;`, or `.help`; Ctrl-D leaves");
        loop {
            let read = tokio::task::block_in_place(|| editor.read_line(&editor::ShellPrompt));
            let text = match read {
                Ok(Signal::Success(text)) => text,
                Ok(Signal::CtrlD) => return Ok(()),
                Ok(_) => continue,
                Err(error) => return Err(terminal_failure(&error)),
            };
            let outcome = tokio::select! {
                outcome = self.obey(&text) => outcome,
                _ = tokio::signal::ctrl_c() => {
                    self.printer.note("cancelled");
                    continue;
                }
            };
            match outcome {
                Ok(Next::Read) => {}
                Ok(Next::Leave) => return Ok(()),
                Err(failure) if failure.exit == Exit::Done => return Err(failure),
                Err(failure) => self.printer.failure(&failure),
            }
        }
    }

    fn editor(&self) -> Result<Reedline, Failure> {
        let tables = commands::tables(self.session);
        let color = self.printer.color();
        let history = self.options.history.as_deref();
        match editor::create(tables.clone(), history, color) {
            Ok(editor) => Ok(editor),
            Err(error) => {
                let folder = history.unwrap_or_else(|| Path::new("")).display();
                self.printer
                    .warn(&format!("no history is kept in `{folder}`: {error}"));
                editor::create(tables, None, color).map_err(|error| terminal_failure(&error))
            }
        }
    }

    /// Runs the statements of a pipe as they arrive, the failed ones reported.
    async fn follow(&self, input: impl io::Read) -> Result<(), Failure> {
        let mut first_failure: Option<Exit> = None;
        let mut text = String::new();
        let mut lines = io::BufReader::new(input).lines();
        loop {
            let line = tokio::task::block_in_place(|| lines.next()).transpose();
            let line = line.map_err(|error| terminal_failure(&error))?;
            let is_last = line.is_none();
            if let Some(line) = line {
                text.push_str(&line);
                text.push('\n');
            }
            if !is_last && !editor::is_whole(&text) {
                continue;
            }
            match self.obey(&std::mem::take(&mut text)).await {
                Ok(Next::Read) => {}
                Ok(Next::Leave) => break,
                Err(failure) if failure.exit == Exit::Done => return Err(failure),
                Err(failure) => {
                    self.printer.failure(&failure);
                    first_failure.get_or_insert(failure.exit);
                }
            }
            if is_last {
                break;
            }
        }
        match first_failure {
            None => Ok(()),
            Some(exit) => Err(Failure {
                exit,
                message: "a statement failed, see above".to_owned(),
                hint: None,
            }),
        }
    }

    async fn obey(&self, text: &str) -> Result<Next, Failure> {
        if text.trim_start().starts_with('.') {
            return self.obey_command(text).await;
        }
        for statement in split(text).all() {
            let started = Instant::now();
            let mut out = self.printer.data();
            let rows = run(self.session, &statement, self.options.format, &mut out).await?;
            self.printer
                .done("selected", Total { rows, bytes: None }, started.elapsed());
        }
        Ok(Next::Read)
    }

    async fn obey_command(&self, line: &str) -> Result<Next, Failure> {
        match commands::parse(line).map_err(Failure::usage)? {
            (Action::Quit, _) => return Ok(Next::Leave),
            (Action::Help, _) => self.printer.text(&commands::help())?,
            (Action::Tables, _) => self
                .printer
                .text(&commands::tables(self.session).join("\n"))?,
            (Action::Schema, table) => {
                let columns = commands::columns(self.session, table).await;
                let columns = columns.map_err(|error| user_message(&error))?;
                let mut out = self.printer.data();
                write_batches(columns.schema(), &[columns], self.options.format, &mut out)?;
            }
        }
        Ok(Next::Read)
    }
}

fn terminal_failure(error: &io::Error) -> Failure {
    Failure {
        exit: Exit::Store,
        message: format!("cannot read the input: {error}"),
        hint: None,
    }
}
