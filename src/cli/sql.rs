//! `touchpath sql`: one statement, or a file of them.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Exit, Failure};
use crate::output::Format;
use crate::printer::{Total, write_failure};
use crate::shell::{self, Statement, split};

use super::{Context, Limits, Places, Written, session};

/// Run SQL over the tables of a lake and its current run
///
/// The tables are `raw.…`, `stg.…` and `prod.…`. Only statements that read are run. Several
/// statements are separated by `;` and stop at the first that fails.
#[derive(Debug, clap::Args, Serialize)]
#[command(after_help = "Examples:
  touchpath sql --lake data/demo 'select count(*) from stg.crm_events'
  touchpath sql --lake data/demo --format json 'show tables'
  echo 'select 1; select 2;' | touchpath sql --lake data/demo -f -")]
pub(super) struct SqlArgs {
    /// The statement
    #[arg(value_name = "QUERY", required_unless_present = "file")]
    #[serde(skip)]
    query: Option<String>,
    /// A file of statements, `-` for stdin
    #[arg(short, long, value_name = "FILE", conflicts_with = "query")]
    #[serde(skip)]
    file: Option<PathBuf>,
    #[command(flatten)]
    #[serde(flatten)]
    places: Places,
    #[command(flatten)]
    #[serde(flatten)]
    written: Written,
    #[command(flatten)]
    #[serde(flatten)]
    limits: Limits,
}

pub(super) async fn run(arguments: &SqlArgs, context: &Context) -> Result<(), Failure> {
    let format = context.format(&arguments.written)?;
    let statements = split(&text(arguments)?).all();
    check(&statements, format)?;
    let engine = session::open(context).await?;
    let mut out = context.printer.data();
    let mut rows = 0;
    for (index, statement) in statements.iter().enumerate() {
        if index > 0 && matches!(format, Format::Table | Format::Markdown) {
            out.write_all(b"\n")
                .map_err(|error| write_failure(&error))?;
        }
        rows += shell::run(engine.context(), statement, format, &mut out)
            .await
            .map_err(|error| {
                let mut failure = Failure::from(error);
                if statements.len() > 1 && failure.exit != Exit::Done {
                    let number = index + 1;
                    failure.message = format!(
                        "statement {number}, line {}: {}",
                        statement.line, failure.message
                    );
                }
                failure
            })?;
    }
    context.printer.done(
        "selected",
        Total { rows, bytes: None },
        context.started.elapsed(),
    );
    Ok(())
}

fn text(arguments: &SqlArgs) -> Result<String, Failure> {
    match (&arguments.file, &arguments.query) {
        (Some(file), _) => read(file)
            .map_err(|error| Failure::usage(format!("cannot read `{}`: {error}", file.display()))),
        (None, Some(query)) => Ok(query.clone()),
        (None, None) => Ok(String::new()),
    }
}

fn read(file: &Path) -> std::io::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(file)
}

fn check(statements: &[Statement], format: Format) -> Result<(), Failure> {
    match statements {
        [] => Err(Failure::usage("there is no statement to run")),
        [_, _, ..] if format == Format::Parquet => Err(Failure::usage(
            "a parquet file holds the result of one statement, not of several",
        )),
        _ => Ok(()),
    }
}
