//! `touchpath runs`: what was published.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray, UInt64Array};
use arrow::error::ArrowError;
use clap::Subcommand;
use serde::Serialize;

use crate::error::Failure;
use crate::lake::runs::{self, Commit};
use crate::output;

use super::{Context, Written};

/// Show published runs
#[derive(Debug, clap::Args, Serialize)]
#[command(after_help = "Example:
  touchpath runs list --out data/demo")]
pub(super) struct RunsArgs {
    #[command(subcommand)]
    #[serde(flatten)]
    command: RunsCommand,
}

#[derive(Debug, Subcommand, Serialize)]
#[serde(untagged)]
enum RunsCommand {
    /// List the published runs, the current one last
    List(ListArgs),
}

#[derive(Debug, clap::Args, Serialize)]
struct ListArgs {
    /// Where runs are published
    #[arg(long, value_name = "LOCATION")]
    out: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    written: Written,
}

pub(super) async fn run(arguments: &RunsArgs, context: &Context) -> Result<(), Failure> {
    let RunsCommand::List(arguments) = &arguments.command;
    let format = context.format(&arguments.written)?;
    let out = context.out()?.ok_or_else(|| {
        Failure::usage("no place of runs is named").with_hint("give `--out LOCATION`")
    })?;
    let commits = runs::commits(&out).await?;
    let mut datasets = Vec::with_capacity(commits.len());
    let mut rows = Vec::with_capacity(commits.len());
    for (_, commit) in &commits {
        let manifest = runs::manifest(&out, &commit.run).await?;
        let published = manifest.map_or_else(Vec::new, |manifest| manifest.datasets);
        datasets.push(published.len() as u64);
        rows.push(published.iter().map(|dataset| dataset.rows).sum());
    }
    let batch =
        table(&commits, datasets, rows).map_err(|error| Failure::usage(error.to_string()))?;
    let mut data = context.printer.data();
    output::write_batches(
        batch.schema(),
        std::slice::from_ref(&batch),
        format,
        &mut data,
    )?;
    Ok(())
}

fn table(
    commits: &[(u64, Commit)],
    datasets: Vec<u64>,
    rows: Vec<u64>,
) -> Result<RecordBatch, ArrowError> {
    let numbers: UInt64Array = commits.iter().map(|(number, _)| Some(*number)).collect();
    let names: StringArray = commits
        .iter()
        .map(|(_, commit)| Some(commit.run.as_str()))
        .collect();
    let times: StringArray = commits
        .iter()
        .map(|(_, commit)| Some(commit.at.to_rfc3339()))
        .collect();
    let last = commits.last().map(|(number, _)| *number);
    let current: StringArray = commits
        .iter()
        .map(|(number, _)| Some(if Some(*number) == last { "yes" } else { "" }))
        .collect();
    RecordBatch::try_from_iter([
        ("number", Arc::new(numbers) as _),
        ("run", Arc::new(names) as _),
        ("published_at", Arc::new(times) as _),
        ("datasets", Arc::new(UInt64Array::from(datasets)) as _),
        ("rows", Arc::new(UInt64Array::from(rows)) as _),
        ("current", Arc::new(current) as _),
    ])
}
