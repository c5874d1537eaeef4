//! `touchpath run`: from a lake to a published run.

use serde::Serialize;

use crate::error::{Exit, Failure};
use crate::lake::runs;

use super::compute::{self, Asked};
use super::{Context, Places, Written, summary};

/// Compute every result dataset, audit them, publish them as one run
///
/// The summary goes to stdout: tables on a terminal, the dataset `summary` otherwise. A run
/// whose audits fail is not published (exit 1).
#[derive(Debug, clap::Args, Serialize)]
#[command(after_help = "Examples:
  touchpath run --lake data/demo --since 2025-01-01
  touchpath run --lake s3://bucket/lake --out results --models linear,time_decay")]
pub(super) struct RunArgs {
    #[command(flatten)]
    #[serde(flatten)]
    places: Places,
    #[command(flatten)]
    #[serde(flatten)]
    asked: Asked,
    /// Publish even when audits fail
    #[arg(long)]
    publish_failed: bool,
    #[command(flatten)]
    #[serde(flatten)]
    written: Written,
}

pub(super) async fn run(arguments: &RunArgs, context: &Context) -> Result<(), Failure> {
    let format = context.format(&arguments.written)?;
    let lake = context.lake()?;
    let out = context.out_or_new(&lake)?;
    let outcome = compute::compute(context, &lake, &out).await?;
    let printer = &context.printer;
    outcome
        .manifest
        .notes
        .iter()
        .for_each(|note| printer.note(note));
    let failed = outcome.failed();
    if !failed.is_empty() && !context.config.publish_failed {
        compute::discard(context, &out, &outcome.manifest.run).await;
        return Err(Failure {
            exit: Exit::Audit,
            message: format!(
                "audits failed, nothing was published:\n  {}",
                failed.join("\n  ")
            ),
            hint: Some("mend the data, or publish all the same with `--publish-failed`".to_owned()),
        });
    }
    for audit in &failed {
        printer.warn(&format!("audit {audit}"));
    }
    let commit = match runs::publish(&out, &outcome.manifest).await {
        Ok(commit) => commit,
        Err(error) => {
            compute::discard(context, &out, &outcome.manifest.run).await;
            return Err(error.into());
        }
    };
    summary::print(&outcome.engine, &outcome.manifest, format, context).await?;
    let what = format!(
        "published {} as number {commit} in {out}",
        outcome.manifest.run
    );
    printer.done(&what, outcome.total(), context.started.elapsed());
    Ok(())
}
