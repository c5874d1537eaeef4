//! `touchpath check`: everything a run does but publish.

use serde::Serialize;

use crate::error::{Exit, Failure};

use super::compute::{self, Asked};
use super::{Context, Written};

/// Read everything, compute and audit, publish nothing
///
/// The quality table goes to stdout. Exit 1 when an audit fails.
#[derive(Debug, clap::Args, Serialize)]
#[command(after_help = "Example:
  touchpath check --lake data/demo --since 2025-01-01")]
pub(super) struct CheckArgs {
    /// The lake that is read
    #[arg(long, value_name = "LOCATION")]
    lake: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    asked: Asked,
    #[command(flatten)]
    #[serde(flatten)]
    written: Written,
}

pub(super) async fn run(arguments: &CheckArgs, context: &Context) -> Result<(), Failure> {
    let format = context.format(&arguments.written)?;
    let lake = context.lake()?;
    // Datasets read one another from files: a folder of this process holds them meanwhile.
    let folder = tempfile::tempdir().map_err(|error| Failure::new(Exit::Store, &error))?;
    let scratch = context.open(&folder.path().to_string_lossy())?;
    let outcome = compute::compute(context, &lake, &scratch).await?;
    outcome
        .manifest
        .notes
        .iter()
        .for_each(|note| context.printer.note(note));
    let quality = "select * from prod.quality order by \"check\"";
    super::print_query(outcome.engine.context(), quality, format, context).await?;
    let failed = outcome.failed();
    if !failed.is_empty() {
        let message = format!("audits failed:\n  {}", failed.join("\n  "));
        return Err(Failure {
            exit: Exit::Audit,
            message,
            hint: None,
        });
    }
    context
        .printer
        .done("checked", outcome.total(), context.started.elapsed());
    Ok(())
}
