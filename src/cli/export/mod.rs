//! `touchpath export`: Postgres tables into the lake.

mod request;
mod tables;
mod talk;

use std::path::PathBuf;

use arrow::record_batch::RecordBatch;
use clap::ValueEnum;
use serde::Serialize;

use super::{Context, Written, contacts};
use crate::config::NotFinite;
use crate::error::{Exit, Failure};
use crate::export::{self, ExportRequest, PartState};
use crate::output;
use crate::printer::Total;
use talk::{Lines, say_what_changed, say_what_stood};

/// Copy Postgres tables into the lake
///
/// All tables are read in one snapshot, so they agree with one another. What `--from` leaves
/// out comes from the service file, the PG* variables and ~/.pgpass, as with psql; a password
/// never stands on the command line.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[derive(Debug, clap::Args, Serialize)]
#[command(after_help = "Examples:
  touchpath export --from postgres://reader@localhost/crm --lake lake
  touchpath export stg.crm_events --from postgres://reader@localhost/crm --lake lake --dry-run
  touchpath export --from postgres://localhost/crm --lake lake --query 'raw.vip=select * from vip'
  touchpath export --from postgres://reader@localhost/crm --lake lake --resume
  touchpath export stg.crm_events --incremental updated_at --from postgres://localhost/crm")]
pub(super) struct ExportArgs {
    /// Tables to copy, as schema.table [default: every table the queries read]
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
    /// Copy a query's rows as table NAME, as NAME=SQL; may be repeated
    #[arg(long = "query", value_name = "NAME=SQL")]
    #[serde(skip)]
    queries: Vec<String>,
    /// Copy only rows for which a condition holds, as TABLE=CONDITION; may be repeated
    #[arg(long = "where", value_name = "TABLE=SQL")]
    #[serde(skip)]
    conditions: Vec<String>,
    /// Copy only these columns, as TABLE=a,b,c; may be repeated
    #[arg(long, value_name = "TABLE=COLUMNS")]
    #[serde(skip)]
    columns: Vec<String>,
    /// Read only rows changed since the last export, as COLUMN that every change sets, for all
    /// tables, or as TABLE=COLUMN; may be repeated
    #[arg(long, value_name = "[TABLE=]COLUMN", conflicts_with_all = ["repair", "verify"])]
    #[serde(skip)]
    incremental: Vec<String>,
    /// With --incremental, read again what changed that long before the newest row of the lake:
    /// a time such as 30min, or a number for columns of numbers [default: 1h]
    #[arg(long, value_name = "TIME|N", requires = "incremental")]
    #[serde(skip)]
    overlap: Option<String>,
    /// With --incremental, compare keys to find rows that were deleted
    #[arg(long, requires = "incremental")]
    #[serde(skip)]
    deletes: bool,
    /// Connections that read at the same time [default: one per core, at most 4]
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
    /// Minutes after which the server gives a statement up [default: 360]
    #[arg(long, value_name = "N")]
    statement_minutes: Option<u32>,
    /// Go on with a killed export: what it has read stands if it agrees with the database, or
    /// as it is with `relaxed`
    #[arg(
        long,
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "consistent"
    )]
    #[serde(skip)]
    resume: Option<Resume>,
    /// Write anew what is missing, damaged or changed since in the lake's exported tables
    #[arg(long, conflicts_with = "resume")]
    #[serde(skip)]
    repair: bool,
    /// Read every exported file again and count the database's rows; write nothing
    #[arg(long, conflicts_with_all = ["resume", "repair"])]
    #[serde(skip)]
    verify: bool,
    /// Show what would be read; write nothing
    #[arg(long, conflicts_with_all = ["resume", "repair", "verify"])]
    #[serde(skip)]
    dry_run: bool,
    /// What becomes of phone numbers and e-mail addresses [default: hmac with a key, else drop]
    #[arg(long, value_name = "POLICY")]
    contacts: Option<contacts::Policy>,
    /// The key that they are hashed with, outside of the lake and readable by you alone
    #[arg(long, value_name = "FILE")]
    contacts_key_file: Option<PathBuf>,
    #[command(flatten)]
    #[serde(flatten)]
    written: Written,
}

/// The values of `--resume`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Resume {
    /// All tables show one moment of the database
    Consistent,
    /// Nothing is read twice, and tables may disagree
    Relaxed,
}

pub(super) async fn run(arguments: &ExportArgs, context: &Context) -> Result<(), Failure> {
    let lake =
        context.config.lake.as_deref().ok_or_else(|| {
            Failure::usage("no lake is named").with_hint("give `--lake LOCATION`")
        })?;
    let request = request::of(arguments, context, lake)?;
    if arguments.dry_run {
        let planned = export::dry_run(&request).await?;
        return print(&tables::planned(&planned)?, arguments, context);
    }
    if arguments.verify {
        return verify(&request, arguments, context).await;
    }
    copy(&request, arguments, context).await
}

async fn copy(
    request: &ExportRequest,
    arguments: &ExportArgs,
    context: &Context,
) -> Result<(), Failure> {
    contacts::warn_of_another_key(context, &request.lake, &request.contacts).await?;
    let lines = Lines::new(context.printer.progress_lines());
    let manifest = export::export(request, context.now, &|now| lines.show(now)).await?;
    drop(lines);
    say_what_stood(request.mode, &manifest, context);
    say_what_changed(&manifest, context);
    for table in &manifest.tables {
        let is_contact = |column: &String| table.contacts.iter().any(|it| it.column == *column);
        let left_out = table.left_out.iter().filter(|column| !is_contact(column));
        for (columns, why) in [
            (left_out.cloned().collect(), "not exported"),
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
        for (column, count) in table.not_finite() {
            let what = match context.config.not_finite {
                NotFinite::DuckDb => "were infinite, and DuckDB alone reads them so",
                NotFinite::Null | NotFinite::Refuse => "had no end and became null",
            };
            let name = &table.table;
            context
                .printer
                .note(&format!("{name}.{column}: {count} values {what}"));
        }
    }
    contacts::tell(context, &manifest);
    print(&tables::tables(&manifest)?, arguments, context)?;
    let total = Total {
        rows: manifest.tables.iter().map(|table| table.rows).sum(),
        bytes: Some(manifest.tables.iter().map(|table| table.bytes).sum()),
    };
    let lake = context.config.lake.as_deref().unwrap_or_default();
    let what = format!("exported {} tables into {lake}", manifest.tables.len());
    context
        .printer
        .done(&what, total, context.started.elapsed());
    Ok(())
}

async fn verify(
    request: &ExportRequest,
    arguments: &ExportArgs,
    context: &Context,
) -> Result<(), Failure> {
    let verified = export::verify(request).await?;
    print(&tables::verified(&verified)?, arguments, context)?;
    let parts = verified.iter().flat_map(|table| &table.parts);
    let wrong = parts
        .clone()
        .filter(|part| part.state != PartState::Whole)
        .count();
    let changed = verified
        .iter()
        .filter(|table| table.rows != table.database_rows)
        .count();
    if changed > 0 {
        context.printer.note(&format!(
            "{changed} tables have another number of rows in the database now"
        ));
    }
    if wrong > 0 {
        let all = parts.count();
        return Err(Failure {
            exit: Exit::Audit,
            message: format!("{wrong} of {all} parts are not what the database gave"),
            hint: Some("`touchpath export --repair` writes them anew".to_owned()),
        });
    }
    Ok(())
}

fn print(batch: &RecordBatch, arguments: &ExportArgs, context: &Context) -> Result<(), Failure> {
    let format = context.format(&arguments.written)?;
    let mut data = context.printer.data();
    output::write_batches(
        batch.schema(),
        std::slice::from_ref(batch),
        format,
        &mut data,
    )?;
    Ok(())
}
