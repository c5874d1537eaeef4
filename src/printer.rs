//! The only place that prints: data to stdout, talk to stderr.
//!
//! In: what commands have to say. Out: text that suits the reader, a terminal or not, with
//! colour or without, quiet or verbose. A reader of stdout that goes away ends the program
//! quietly, see [`write_failure`].

use std::io::{self, BufWriter, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{
    DecimalBytes, HumanCount, HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget,
    ProgressStyle,
};

use crate::error::{Exit, Failure};

/// How much the program says on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Talk {
    /// Failures only.
    Quiet,
    /// Also warnings, progress and the final line of a command.
    Normal,
    /// Also details.
    Verbose,
}

/// Says things on the right stream in the right form.
#[derive(Debug, Clone)]
pub struct Printer {
    talk: Talk,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    color: bool,
}

impl Printer {
    /// A printer for this process's streams.
    pub fn new(talk: Talk) -> Self {
        let stderr_is_terminal = io::stderr().is_terminal();
        Self {
            talk,
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal,
            color: stderr_is_terminal,
        }
    }

    /// The same printer with another amount of talk.
    #[must_use]
    pub fn with_talk(self, talk: Talk) -> Self {
        Self { talk, ..self }
    }

    /// The same printer without colour.
    #[must_use]
    pub fn without_color(self) -> Self {
        Self {
            color: false,
            ..self
        }
    }

    /// Whether a person reads stdout.
    pub fn stdout_is_terminal(&self) -> bool {
        self.stdout_is_terminal
    }

    /// How many columns the terminal has; a page's worth where there is none.
    pub fn width(&self) -> u16 {
        const PAGE: u16 = 100;
        terminal_size::terminal_size().map_or(PAGE, |(width, _)| width.0)
    }

    /// Whether stderr may carry colour.
    pub fn color(&self) -> bool {
        self.color
    }

    /// stdout, buffered; flush it before it goes.
    pub fn data(&self) -> BufWriter<io::Stdout> {
        BufWriter::with_capacity(64 * 1024, io::stdout())
    }

    /// Writes a text, and a line end, to stdout.
    ///
    /// # Errors
    /// [`write_failure`].
    pub fn text(&self, text: &str) -> Result<(), Failure> {
        let mut out = self.data();
        out.write_all(text.trim_end_matches('\n').as_bytes())
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.flush())
            .map_err(|error| write_failure(&error))
    }

    /// Says something that is worth a line.
    pub fn note(&self, text: &str) {
        if self.talk >= Talk::Normal {
            say(text);
        }
    }

    /// Says something that only `--verbose` asks for.
    pub fn detail(&self, text: &str) {
        if self.talk >= Talk::Verbose {
            say(text);
        }
    }

    /// Warns: the command goes on.
    pub fn warn(&self, text: &str) {
        if self.talk >= Talk::Normal {
            say(&format!("{} {text}", self.painted("33", "warning:")));
        }
    }

    /// Says why the command failed, and what to do; a silent failure says nothing.
    pub fn failure(&self, failure: &Failure) {
        if failure.exit == Exit::Done {
            return;
        }
        say(&format!(
            "{} {}",
            self.painted("31", "error:"),
            failure.told()
        ));
        if let Some(hint) = &failure.hint {
            say(&format!("\n{} {hint}", self.painted("36", "hint:")));
        }
    }

    /// The final line of a command: `exported: 1,234 rows, 5.60 MB, 0.7 s`.
    pub fn done(&self, what: &str, total: Total, elapsed: Duration) {
        self.note(&format!("{what}: {total}, {}", seconds(elapsed)));
    }

    /// A line that follows work of `rows` rows, if they are known; seen on terminals only.
    pub fn progress(&self, label: &str, rows: Option<u64>) -> Progress {
        let target = if self.talk >= Talk::Normal && self.stderr_is_terminal {
            ProgressDrawTarget::stderr_with_hz(5)
        } else {
            ProgressDrawTarget::hidden()
        };
        Progress::new(ProgressBar::with_draw_target(rows, target), label, rows)
    }

    /// Lines that stand below one another, for work that goes on side by side.
    pub fn progress_lines(&self) -> ProgressLines {
        let target = if self.talk >= Talk::Normal && self.stderr_is_terminal {
            ProgressDrawTarget::stderr_with_hz(5)
        } else {
            ProgressDrawTarget::hidden()
        };
        ProgressLines(MultiProgress::with_draw_target(target))
    }

    /// Prints what clap has to say: help to stdout, mistakes to stderr.
    ///
    /// # Errors
    /// [`write_failure`].
    pub fn usage(&self, said: &clap::Error) -> Result<(), Failure> {
        let text = said.render();
        if said.use_stderr() {
            let text = if self.color {
                text.ansi().to_string()
            } else {
                text.to_string()
            };
            say(text.trim_end());
            return Ok(());
        }
        let color = self.color && self.stdout_is_terminal;
        self.text(&if color {
            text.ansi().to_string()
        } else {
            text.to_string()
        })
    }

    fn painted(&self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[1;{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A failed write to stdout as the failure of the command.
///
/// When the reader went away (`| head`) that is no failure at all: exit 0, nothing said.
pub fn write_failure(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure {
            exit: Exit::Done,
            message: String::new(),
            hint: None,
        };
    }
    Failure {
        exit: Exit::Store,
        message: format!("cannot write to stdout: {error}"),
        hint: None,
    }
}

/// Writes a line to stderr. Nobody is left to hear that stderr is closed, so that is the one
/// error that is dropped.
fn say(text: &str) {
    let mut stderr = io::stderr().lock();
    drop(stderr.write_all(format!("{text}\n").as_bytes()));
}

/// How much was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// Rows read or written.
    pub rows: u64,
    /// Bytes written, where that means something.
    pub bytes: Option<u64>,
}

impl std::fmt::Display for Total {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = if self.rows == 1 { "" } else { "s" };
        write!(f, "{} row{plural}", HumanCount(self.rows))?;
        match self.bytes {
            Some(bytes) => write!(f, ", {}", DecimalBytes(bytes)),
            None => Ok(()),
        }
    }
}

/// `0.7 s`; tests filter it.
fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}

/// One progress line: `orders  41 % · 12,400,000 rows · 310.00 MB · 400,000 rows/s · 2 minutes left`.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    label: String,
    rows: Option<u64>,
    started: Instant,
}

/// Several progress lines at once.
#[derive(Debug)]
pub struct ProgressLines(MultiProgress);

impl ProgressLines {
    /// Begins a line below the others.
    pub fn line(&self, label: &str, rows: Option<u64>) -> Progress {
        let bar = ProgressBar::no_length();
        bar.set_length(rows.unwrap_or_default());
        Progress::new(self.0.add(bar), label, rows)
    }
}

impl Progress {
    fn new(bar: ProgressBar, label: &str, rows: Option<u64>) -> Self {
        bar.set_style(
            ProgressStyle::default_bar()
                .template("{msg}")
                .unwrap_or_else(|_| {
                    // The template is constant and valid; indicatif's own is a fair stand-in.
                    ProgressStyle::default_bar()
                }),
        );
        Self {
            bar,
            label: label.to_owned(),
            rows,
            started: Instant::now(),
        }
    }

    /// Shows how far the work is.
    pub fn at(&self, done: Total) {
        self.bar.set_position(done.rows);
        self.bar
            .set_message(line(&self.label, self.rows, done, self.started.elapsed()));
    }
}

impl Progress {
    /// Shows how many of `total` steps are done, and which one is next.
    pub fn step(&self, next: &str, done: usize, total: usize) {
        self.bar
            .set_message(format!("{}  {done} of {total} · {next}", self.label));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn line(label: &str, rows: Option<u64>, done: Total, elapsed: Duration) -> String {
    let share = rows
        .filter(|rows| *rows > 0)
        .map(|rows| share(done.rows, rows));
    let mut parts = Vec::new();
    if let Some(share) = share {
        parts.push(format!("{:.0} %", share * 100.0));
    }
    parts.push(format!("{} rows", HumanCount(done.rows)));
    if let Some(bytes) = done.bytes {
        parts.push(DecimalBytes(bytes).to_string());
    }
    if let Some(rate) = u128::from(done.rows * 1000).checked_div(elapsed.as_millis())
        && elapsed.as_secs() >= 1
    {
        parts.push(format!(
            "{} rows/s",
            HumanCount(u64::try_from(rate).unwrap_or(u64::MAX))
        ));
    }
    if let Some(share) = share.filter(|share| *share > 0.0 && elapsed.as_secs() >= 1) {
        let left = elapsed.mul_f64(((1.0 - share) / share).min(1e6));
        parts.push(format!("{} left", HumanDuration(left)));
    }
    format!("{label}  {}", parts.join(" · "))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share shown in whole per cents"
)]
fn share(done: u64, rows: u64) -> f64 {
    (done as f64 / rows as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_progress_line_tells_share_rows_bytes_and_the_time_left() {
        let done = Total {
            rows: 250_000,
            bytes: Some(31_000_000),
        };
        // A quarter took 40 s, so three quarters take 120 s.
        assert_eq!(
            line("orders", Some(1_000_000), done, Duration::from_secs(40)),
            "orders  25 % · 250,000 rows · 31.00 MB · 6,250 rows/s · 2 minutes left"
        );
        assert_eq!(
            line(
                "orders",
                None,
                Total {
                    rows: 7,
                    bytes: None
                },
                Duration::from_secs(40)
            ),
            "orders  7 rows · 0 rows/s"
        );
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let failure = write_failure(&io::ErrorKind::BrokenPipe.into());
        assert_eq!((failure.exit, failure.message.as_str()), (Exit::Done, ""));
        assert_eq!(
            write_failure(&io::ErrorKind::StorageFull.into()).exit,
            Exit::Store
        );
    }

    #[test]
    fn one_row_is_one_row() {
        assert_eq!(
            Total {
                rows: 1,
                bytes: None
            }
            .to_string(),
            "1 row"
        );
        assert_eq!(
            Total {
                rows: 1000,
                bytes: Some(2500)
            }
            .to_string(),
            "1,000 rows, 2.50 kB"
        );
    }
}
