//! `touchpath shell`: SQL by hand.

use serde::Serialize;

use crate::error::Failure;
use crate::output::Format;
use crate::shell::{Shell, ShellOptions};

use super::{Context, Limits, Places, Written, session};

/// Type SQL over the tables of a lake and its current run
///
/// Statements end with `;` and may span lines; `.help` lists the shell's own commands. Without
/// a terminal the statements are read from stdin.
#[derive(Debug, clap::Args, Serialize)]
#[command(after_help = "Example:\n  echo '.tables' | touchpath shell --lake data/demo")]
pub(super) struct ShellArgs {
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

pub(super) async fn run(arguments: &ShellArgs, context: &Context) -> Result<(), Failure> {
    let format = context.format(&arguments.written)?;
    if format == Format::Parquet {
        return Err(Failure::usage(
            "the shell prints many results, and a parquet file holds one",
        ));
    }
    let engine = session::open(context).await?;
    let history = context.config.state_folder.clone();
    Shell::new(
        engine.context(),
        &context.printer,
        ShellOptions { format, history },
    )
    .run()
    .await
}
