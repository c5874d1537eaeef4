//! `touchpath export`: Postgres tables into the lake.

use std::path::PathBuf;
use std::sync::Mutex;

use serde::Serialize;

use crate::error::Failure;
use crate::export::{self, Database, ExportRequest, UrlSource};
use crate::lake::exports::ExportManifest;
use crate::pipeline::order;
use crate::printer::{self, Total};

use super::{Context, contacts};

/// Copy Postgres tables into the lake
///
/// All tables are read in one snapshot, so they agree with one another. The password comes
/// from PGPASSWORD or the setting `password_file`, never from the command line.
#[derive(Debug, clap::Args, Serialize)]
#[command(after_help = "Example:
  touchpath export --from postgres://reader@localhost/crm --lake lake
  touchpath export stg.crm_events --from postgres://reader@localhost/crm --lake lake")]
pub(super) struct ExportArgs {
    /// Tables to copy [default: every table the queries read]
    #[arg(value_name = "TABLE")]
    #[serde(skip)]
    tables: Vec<String>,
    /// The database
    #[arg(long, value_name = "URL")]
    #[serde(skip)]
    from: Option<String>,
    /// The lake
    #[arg(long, value_name = "LOCATION")]
    lake: Option<String>,
    /// What becomes of phone numbers and e-mail addresses [default: hmac with a key, else drop]
    #[arg(long, value_name = "POLICY")]
    contacts: Option<contacts::Policy>,
    /// The key that they are hashed with, outside of the lake and readable by you alone
    #[arg(long, value_name = "FILE")]
    contacts_key_file: Option<PathBuf>,
}

pub(super) async fn run(arguments: &ExportArgs, context: &Context) -> Result<(), Failure> {
    let lake =
        context.config.lake.as_deref().ok_or_else(|| {
            Failure::usage("no lake is named").with_hint("give `--lake LOCATION`")
        })?;
    let location = context.open(lake)?;
    let contacts = contacts::asked(context, &location)?;
    contacts::warn_of_another_key(context, &location, &contacts).await?;
    let request = ExportRequest {
        database: database(arguments, context)?,
        tables: tables(arguments, context)?,
        lake: location,
        contacts,
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
    tell(context, &manifest);
    contacts::tell(context, &manifest);
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

/// Says what was copied of each table and what was not.
fn tell(context: &Context, manifest: &ExportManifest) {
    for table in &manifest.tables {
        let total = Total {
            rows: table.rows,
            bytes: Some(table.bytes),
        };
        context.printer.detail(&format!("{}: {total}", table.table));
        let is_contact = |column: &String| table.contacts.iter().any(|it| it.column == *column);
        let left_out = table.left_out.iter().filter(|column| !is_contact(column));
        for (columns, why) in [
            (
                left_out.cloned().collect(),
                "not exported, no query may read them",
            ),
            (table.absent.clone(), "not in the database, read as null"),
        ] {
            let columns: Vec<String> = columns;
            if !columns.is_empty() {
                let columns = columns.join(", ");
                context
                    .printer
                    .note(&format!("{}: {columns}: {why}", table.table));
            }
        }
    }
}

fn database(arguments: &ExportArgs, context: &Context) -> Result<Database, Failure> {
    let password = context.password()?;
    let (url, source) = match (&arguments.from, &context.config.from) {
        (Some(url), _) => (url.as_str(), UrlSource::Argument),
        (None, Some(url)) => (url.expose(), UrlSource::Settings),
        (None, None) => {
            return Err(Failure::usage("no database is named")
                .with_hint("give `--from postgres://user@host/database` or set `TOUCHPATH_FROM`"));
        }
    };
    Ok(Database::parse(url, source, password.as_deref())?)
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
