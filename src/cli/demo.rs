//! `touchpath demo`: the synthetic lake, as Parquet or in Postgres.

use serde::Serialize;

use crate::demo::{DemoLake, load_postgres, write_lake};
use crate::error::Failure;
use crate::printer::Total;

use super::Context;

/// Write the synthetic lake, or load the same rows into Postgres
///
/// Scale 1 reproduces the published figures; N makes N times the clients. The data is
/// synthetic: no row of it is a person's.
#[derive(Debug, clap::Args, Serialize)]
#[command(after_help = "Examples:
  touchpath demo data/demo
  touchpath demo --postgres postgres://postgres@localhost/demo")]
pub(super) struct DemoArgs {
    /// Where the lake is written
    #[arg(value_name = "LOCATION", required_unless_present = "postgres")]
    #[serde(skip)]
    location: Option<String>,
    /// How many times the published number of clients
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[serde(skip)]
    scale: u32,
    /// Varies everything but the figures
    #[arg(long, value_name = "S", default_value_t = 1)]
    #[serde(skip)]
    seed: u64,
    /// Load the rows into this database instead; its tables must not exist yet
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "location",
        hide_env_values = true
    )]
    #[serde(skip)]
    postgres: Option<String>,
}

pub(super) async fn run(arguments: &DemoArgs, context: &Context) -> Result<(), Failure> {
    let lake = DemoLake::try_new(arguments.scale, arguments.seed)?;
    let line = context
        .printer
        .progress("copies of the plan", Some(arguments.scale.into()));
    let copies = usize::try_from(arguments.scale).unwrap_or(usize::MAX);
    let done = |done: u32| {
        line.step("the next", usize::try_from(done).unwrap_or(copies), copies);
    };
    let summary = match (&arguments.postgres, &arguments.location) {
        (Some(url), _) => {
            let mut connection = context.database(Some(url))?.connect().await?;
            load_postgres(lake, &mut connection.client, done).await?
        }
        (None, Some(location)) => write_lake(lake, &context.open(location)?, done).await?,
        (None, None) => return Err(Failure::usage("no location is named")),
    };
    drop(line);
    let total = Total {
        rows: summary.rows,
        bytes: Some(summary.bytes),
    };
    let what = format!("synthetic lake, {} tables", summary.tables);
    context
        .printer
        .done(&what, total, context.started.elapsed());
    Ok(())
}
