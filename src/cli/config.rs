//! `touchpath config`: each setting, its value and where it came from.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};

use crate::error::{Exit, Failure};
use crate::output::write_batches;

use super::{Context, Written};

/// Show every setting and where it came from
///
/// Secrets are masked. A setting is changed by a flag, by its variable (`lookback_days` is
/// `TOUCHPATH_LOOKBACK_DAYS`) or in touchpath.toml, in this order.
#[derive(Debug, clap::Args, serde::Serialize)]
#[command(after_help = "Example:\n  TOUCHPATH_LAKE=data/demo touchpath config")]
pub(super) struct ConfigArgs {
    #[command(flatten)]
    #[serde(flatten)]
    written: Written,
}

pub(super) fn run(arguments: &ConfigArgs, context: &Context) -> Result<(), Failure> {
    let listing = &context.config.listing;
    let names: StringArray = listing
        .iter()
        .map(|line| Some(line.name.as_str()))
        .collect();
    let values: StringArray = listing.iter().map(|line| line.value.as_deref()).collect();
    let origins: StringArray = listing
        .iter()
        .map(|line| Some(line.origin.to_string()))
        .collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("setting", Arc::new(names) as _, false),
        ("value", Arc::new(values) as _, true),
        ("origin", Arc::new(origins) as _, false),
    ])
    .map_err(|error| Failure::new(Exit::Usage, &error))?;
    let mut out = context.printer.data();
    write_batches(
        batch.schema(),
        &[batch],
        context.format(&arguments.written)?,
        &mut out,
    )?;
    Ok(())
}
