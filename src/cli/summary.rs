//! What `run` prints: the summary, and on a terminal both contract tables.

use crate::engine::Engine;
use crate::error::Failure;
use crate::lake::runs::RunManifest;
use crate::output::Format;
use crate::report::{self, RunSummary};

use super::Context;

/// What the report says of a run beside its figures.
pub(super) fn about(manifest: &RunManifest, currency: &str) -> RunSummary {
    RunSummary {
        run_id: manifest.run.clone(),
        published_at: manifest
            .finished_at
            .format("%Y-%m-%d %H:%M UTC")
            .to_string(),
        since: manifest.settings.since.clone(),
        rule_set: manifest.settings.rules.clone(),
        models: manifest.settings.models.clone(),
        lake: manifest.lake.clone(),
        currency: currency.to_owned(),
        note: None,
    }
}

/// Prints the run's summary: readable as a table, one row in every other format.
pub(super) async fn print(
    engine: &Engine,
    manifest: &RunManifest,
    format: Format,
    context: &Context,
) -> Result<(), Failure> {
    if format != Format::Table {
        let summary = "select * from prod.summary";
        super::print_query(engine.context(), summary, format, context).await?;
        return Ok(());
    }
    let about = about(manifest, &context.config.currency);
    let report = report::read(engine.context(), about).await?;
    let width = context.printer.width();
    context
        .printer
        .text(&report.to_summary(width, context.printer.color()))
}
