//! `touchpath compact`: a table's increments into one set of files.

use serde::Serialize;

use crate::engine::user_message;
use crate::error::Failure;
use crate::lake::compact::{self, CompactError};
use crate::lake::scan;
use crate::printer::Total;

use super::{Context, Limits};

/// Fold the increments of exported tables into whole files
///
/// Each table's latest rows are written anew, in the order of their key; then the old files
/// are removed. Until that a reader sees the table as it was. Do not run it beside an export
/// of the same tables.
#[derive(Debug, clap::Args, Serialize)]
#[command(after_help = "Example:
  touchpath compact --lake data/demo")]
pub(super) struct CompactArgs {
    /// Tables to fold [default: every table with increments]
    #[arg(value_name = "TABLE")]
    #[serde(skip)]
    tables: Vec<String>,
    /// The lake
    #[arg(long, value_name = "LOCATION")]
    lake: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    limits: Limits,
}

pub(super) async fn run(arguments: &CompactArgs, context: &Context) -> Result<(), Failure> {
    let lake = context.lake()?;
    let (memory, threads) = (context.config.memory, context.config.threads);
    let session = scan::session(memory, threads).map_err(|error| user_message(&error))?;
    let mut total = Total {
        rows: 0,
        bytes: Some(0),
    };
    let mut tables = 0;
    for table in compact::tables(&lake, &arguments.tables).await? {
        let folded = compact::compact(&session, &lake, &table, context.now).await;
        let folded = folded.map_err(failure)?;
        if folded.increments == 0 {
            context
                .printer
                .detail(&format!("{table}: no increments to fold"));
            continue;
        }
        tables += 1;
        total.rows += folded.rows;
        total.bytes = total.bytes.map(|bytes| bytes + folded.bytes);
        context.printer.note(&format!(
            "{table}: {} rows of {}, from {} increments",
            folded.rows, folded.rows_before, folded.increments
        ));
    }
    let what = format!("folded {tables} tables of {lake}");
    context
        .printer
        .done(&what, total, context.started.elapsed());
    Ok(())
}

/// Too little memory or a damaged file is told as in queries.
fn failure(error: CompactError) -> Failure {
    let message = error.to_string();
    match error {
        CompactError::Rows { source, .. } => {
            let failure = user_message(&source);
            Failure {
                message: format!("{message}: {}", failure.message),
                ..failure
            }
        }
        error => error.into(),
    }
}
