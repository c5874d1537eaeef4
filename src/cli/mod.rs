//! The commands: one file each that parses, calls the library and prints.

mod check;
mod compact;
mod compute;
mod config;
mod contacts;
mod demo;
mod export;
mod forget;
mod keep_snapshot;
mod report;
mod run;
mod runs;
mod session;
mod shell;
mod sql;
mod summary;

use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::{DateTime, Utc};
use clap::{Parser, Subcommand, ValueEnum};
use datafusion::prelude::SessionContext;
use figment::value::Dict;
use serde::Serialize;

use crate::config::{Config, flags};
use crate::error::Failure;
use crate::export::{Database, Surroundings, UrlSource};
use crate::output::Format;
use crate::printer::{Printer, Talk};
use crate::shell::{run as run_statement, split};
use crate::storage::{Location, StoreOptions};

/// Multi-touch attribution over a Parquet lake
///
/// A LOCATION is a folder or `s3://bucket/prefix`. Settings come from flags, then
/// TOUCHPATH_* variables, then touchpath.toml, then defaults; `touchpath config` shows them.
#[derive(Debug, Parser)]
#[command(
    name = "touchpath",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Args {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The flags that every command has.
#[derive(Debug, clap::Args, Serialize)]
struct Global {
    /// The settings file [default: touchpath.toml here or in a folder above]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Global options"
    )]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Say nothing but errors
    #[arg(short, long, global = true, help_heading = "Global options")]
    #[serde(skip)]
    quiet: bool,
    /// Say more
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "quiet",
        help_heading = "Global options"
    )]
    #[serde(skip)]
    verbose: bool,
    /// How log lines are written
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        help_heading = "Global options"
    )]
    log_format: Option<LogFormat>,
}

/// The values of `--log-format`.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum LogFormat {
    /// Readable lines
    Text,
    /// One JSON object per line
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Export(export::ExportArgs),
    Compact(compact::CompactArgs),
    Run(run::RunArgs),
    Report(report::ReportArgs),
    Check(check::CheckArgs),
    Runs(runs::RunsArgs),
    Forget(forget::ForgetArgs),
    #[command(hide = true)]
    KeepSnapshot(keep_snapshot::KeepSnapshotArgs),
    Config(config::ConfigArgs),
    Sql(sql::SqlArgs),
    Shell(shell::ShellArgs),
}

/// `--lake` and `--out` of the commands that read results.
#[derive(Debug, clap::Args, Serialize)]
struct Places {
    /// The lake that is read
    #[arg(long, value_name = "LOCATION")]
    lake: Option<String>,
    /// Where runs are published [default: the lake]
    #[arg(long, value_name = "LOCATION")]
    out: Option<String>,
}

/// `--format` of the commands that print a result.
///
/// No global flag: `report` has formats of its own.
#[derive(Debug, clap::Args, Serialize)]
struct Written {
    /// How the result is written [default: table on a terminal, else csv]
    #[arg(long, value_name = "FORMAT")]
    #[serde(skip)]
    format: Option<Format>,
}

/// What queries may use of the machine.
#[derive(Debug, clap::Args, Serialize)]
struct Limits {
    /// Memory that queries may hold, such as 512MB [default: 2GB]
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Threads that queries use [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl Args {
    /// What `--config` names.
    pub fn settings_file(&self) -> Option<&Path> {
        self.global.config.as_deref()
    }

    /// The settings among the flags.
    pub fn settings(&self) -> Dict {
        let mut settings = flags(&self.global);
        settings.extend(match &self.command {
            Command::Demo(arguments) => flags(arguments),
            Command::Export(arguments) => flags(arguments),
            Command::Compact(arguments) => flags(arguments),
            Command::Run(arguments) => flags(arguments),
            Command::Report(arguments) => flags(arguments),
            Command::Check(arguments) => flags(arguments),
            Command::Runs(arguments) => flags(arguments),
            Command::Forget(arguments) => flags(arguments),
            Command::KeepSnapshot(arguments) => flags(arguments),
            Command::Config(arguments) => flags(arguments),
            Command::Sql(arguments) => flags(arguments),
            Command::Shell(arguments) => flags(arguments),
        });
        settings
    }

    /// How much the user wants to hear.
    pub fn talk(&self) -> Talk {
        match (self.global.quiet, self.global.verbose) {
            (true, _) => Talk::Quiet,
            (_, true) => Talk::Verbose,
            _ => Talk::Normal,
        }
    }

    /// The threads that the command's tasks share.
    ///
    /// An export has one a connection: it decodes and encodes about as fast as the server
    /// sends, whose next rows wait in the socket meanwhile. A second would hold 13 MiB more
    /// and save no time (`benches/README.md`).
    pub fn threads(&self, config: &Config) -> usize {
        match self.command {
            Command::Export(_) => config.threads.min(config.jobs),
            _ => config.threads,
        }
    }

    /// Whether Ctrl-C is the command's own business.
    pub fn handles_interrupt(&self) -> bool {
        matches!(
            self.command,
            Command::Shell(_) | Command::Run(_) | Command::Check(_)
        )
    }

    /// Runs the command.
    ///
    /// # Errors
    /// The command's failure, with its exit code.
    pub async fn run(&self, context: &Context) -> Result<(), Failure> {
        match &self.command {
            Command::Demo(arguments) => Box::pin(demo::run(arguments, context)).await,
            Command::Export(arguments) => Box::pin(export::run(arguments, context)).await,
            Command::Compact(arguments) => Box::pin(compact::run(arguments, context)).await,
            Command::Run(arguments) => Box::pin(run::run(arguments, context)).await,
            Command::Report(arguments) => Box::pin(report::run(arguments, context)).await,
            Command::Check(arguments) => Box::pin(check::run(arguments, context)).await,
            Command::Runs(arguments) => Box::pin(runs::run(arguments, context)).await,
            Command::Forget(arguments) => Box::pin(forget::run(arguments, context)).await,
            Command::KeepSnapshot(arguments) => {
                Box::pin(keep_snapshot::run(arguments, context)).await
            }
            Command::Config(arguments) => config::run(arguments, context),
            Command::Sql(arguments) => Box::pin(sql::run(arguments, context)).await,
            Command::Shell(arguments) => Box::pin(shell::run(arguments, context)).await,
        }
    }
}

/// Runs one query and prints its result; returns its rows.
async fn print_query(
    session: &SessionContext,
    query: &str,
    format: Format,
    context: &Context,
) -> Result<u64, Failure> {
    let statement = split(query).all();
    let mut rows = 0;
    for statement in &statement {
        rows += run_statement(session, statement, format, &mut context.printer.data()).await?;
    }
    Ok(rows)
}

/// What every command works with.
#[derive(Debug)]
pub struct Context {
    /// The settings.
    pub config: Config,
    /// What `--config` names.
    pub settings_file: Option<PathBuf>,
    /// Where to talk.
    pub printer: Printer,
    /// The clock, which only `main` reads.
    pub now: fn() -> DateTime<Utc>,
    /// When the command began.
    pub started: Instant,
}

impl Context {
    /// How results are written: as told, else tables for people and CSV for programs.
    ///
    /// # Errors
    /// Parquet, asked for on a terminal.
    fn format(&self, asked: &Written) -> Result<Format, Failure> {
        let is_terminal = self.printer.stdout_is_terminal();
        match asked.format {
            Some(Format::Parquet) if is_terminal => {
                Err(Failure::usage("a terminal cannot show parquet")
                    .with_hint("send it to a file: `> result.parquet`"))
            }
            Some(format) => Ok(format),
            None if is_terminal => Ok(Format::Table),
            None => Ok(Format::Csv),
        }
    }

    /// The database of an argument, else of the setting `from`, else of the `PG*` variables;
    /// every command that has to do with one finds it here.
    ///
    /// # Errors
    /// None is named, or its parameters cannot be used.
    fn database(&self, argument: Option<&str>) -> Result<Database, Failure> {
        let argument = argument.map(|url| (url, UrlSource::Argument));
        let setting = self.config.from.as_ref();
        let setting = setting.map(|url| (url.expose(), UrlSource::Settings));
        let variables = self.config.postgres_variables.iter();
        let around = Surroundings {
            variables: variables
                .map(|(name, value)| (name.clone(), value.expose().to_owned()))
                .collect(),
            home: self.config.home.clone(),
            user: self.config.user.clone(),
            password_file: self.config.password_file.clone(),
        };
        Ok(Database::resolve(argument.or(setting), &around)?)
    }

    /// The lake, which must be there.
    ///
    /// # Errors
    /// No lake is named, or it is not there.
    fn lake(&self) -> Result<Location, Failure> {
        let lake = self.config.lake.as_deref().ok_or_else(|| {
            Failure::usage("no lake is named").with_hint(
                "give `--lake LOCATION`, set `TOUCHPATH_LAKE`, or write `lake = \"…\"` into \
                 `touchpath.toml`",
            )
        })?;
        self.existing(lake, "lake")
    }

    /// Where runs are published, which must be there; `None` when neither it nor a lake is named.
    ///
    /// # Errors
    /// It is not there.
    fn out(&self) -> Result<Option<Location>, Failure> {
        self.config
            .out
            .as_deref()
            .map(|out| self.existing(out, "folder"))
            .transpose()
    }

    /// Where a run will be published: as told, else beside the lake's tables.
    ///
    /// # Errors
    /// It cannot be made.
    fn out_or_new(&self, lake: &Location) -> Result<Location, Failure> {
        match self.config.out.as_deref() {
            Some(out) => self.open(out),
            None => Ok(lake.clone()),
        }
    }

    /// Opens a location that is only read: a mistyped folder must not come into being.
    fn existing(&self, text: &str, what: &str) -> Result<Location, Failure> {
        if !text.contains("://") && !Path::new(text).is_dir() {
            return Err(Failure::usage(format!("there is no {what} `{text}`")));
        }
        self.open(text)
    }

    /// Opens a location; a folder that is not there is made.
    fn open(&self, text: &str) -> Result<Location, Failure> {
        let options = StoreOptions {
            s3_endpoint: self.config.s3_endpoint.clone(),
            s3_region: self.config.s3_region.clone(),
            s3_allow_http: self.config.s3_allow_http,
            s3_credentials: None,
        };
        Ok(Location::open(text, &options)?)
    }
}
