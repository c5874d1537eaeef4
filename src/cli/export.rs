//! `touchpath export`: Postgres tables into the lake.

use std::sync::Mutex;

use serde::Serialize;

use crate::error::Failure;
use crate::export::{self, ExportRequest};
use crate::pipeline::order;
use crate::printer::{self, Total};

use super::Context;

/// Copy Postgres tables into the lake
///
/// All tables are read in one snapshot, so they agree with one another. What `--from` leaves
/// out comes from the service file, the PG* variables and ~/.pgpass, as with psql; a password
/// never stands on the command line.
#[derive(Debug, clap::Args, Serialize)]
#[command(after_help = "Example:
  touchpath export --from postgres://reader@localhost/crm --lake lake
  touchpath export stg.crm_events --from postgres://reader@localhost/crm --lake lake")]
pub(super) struct ExportArgs {
    /// Tables to copy [default: every table the queries read]
    #[arg(value_name = "TABLE")]
    #[serde(skip)]
    tables: Vec<String>,
    /// The database: `postgres://user@host/name`, `host=… user=…` or `service=…`
    #[arg(long, value_name = "URL")]
    #[serde(skip)]
    from: Option<String>,
    /// The lake
    #[arg(long, value_name = "LOCATION")]
    lake: Option<String>,
}

pub(super) async fn run(arguments: &ExportArgs, context: &Context) -> Result<(), Failure> {
    let lake =
        context.config.lake.as_deref().ok_or_else(|| {
            Failure::usage("no lake is named").with_hint("give `--lake LOCATION`")
        })?;
    let request = ExportRequest {
        database: context.database(arguments.from.as_deref())?,
        tables: tables(arguments, context)?,
        lake: context.open(lake)?,
    };
    let line: Mutex<Option<(String, printer::Progress)>> = Mutex::new(None);
    let progress = |now: &export::Progress<'_>| {
        // A poisoned lock means a crash elsewhere; the line is only for looking at.
        let Ok(mut line) = line.lock() else { return };
        if line.as_ref().is_none_or(|(table, _)| table != now.table) {
            let started = context.printer.progress(now.table, now.estimated_rows);
            *line = Some((now.table.to_owned(), started));
        }
        if let Some((_, line)) = line.as_ref() {
            line.at(Total {
                rows: now.rows,
                bytes: Some(now.bytes),
            });
        }
    };
    let manifest = export::export(&request, context.now, &progress).await?;
    drop(line);
    for table in &manifest.tables {
        let total = Total {
            rows: table.rows,
            bytes: Some(table.bytes),
        };
        context.printer.detail(&format!("{}: {total}", table.table));
        for (columns, why) in [
            (&table.left_out, "not exported, no query may read them"),
            (&table.absent, "not in the database, read as null"),
        ] {
            if !columns.is_empty() {
                let columns = columns.join(", ");
                context
                    .printer
                    .note(&format!("{}: {columns}: {why}", table.table));
            }
        }
    }
    let total = Total {
        rows: manifest.tables.iter().map(|table| table.rows).sum(),
        bytes: Some(manifest.tables.iter().map(|table| table.bytes).sum()),
    };
    let what = format!("exported {} tables into {lake}", manifest.tables.len());
    context
        .printer
        .done(&what, total, context.started.elapsed());
    Ok(())
}

/// The tables asked for, or those of the lake that the queries read.
fn tables(arguments: &ExportArgs, context: &Context) -> Result<Vec<String>, Failure> {
    if !arguments.tables.is_empty() {
        return Ok(arguments.tables.clone());
    }
    let datasets = order::datasets(context.config.queries.as_deref())?;
    let mut tables: Vec<String> = datasets
        .iter()
        .flat_map(|dataset| dataset.reads.iter())
        .filter(|table| table.starts_with("raw.") || table.starts_with("stg."))
        .cloned()
        .collect();
    tables.sort();
    tables.dedup();
    Ok(tables)
}
