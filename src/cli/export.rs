//! `touchpath export`: Postgres tables into the lake.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Mutex;

use arrow::record_batch::RecordBatch;
use clap::ValueEnum;
use serde::Serialize;

use crate::config::NotFinite;
use crate::error::{Exit, Failure};
use crate::export::{
    self, Conversions, ExportRequest, Incremental, KeeperProgram, Mode, NoConversion, Overlap,
    PartState, Selection,
};
use crate::lake::exports::{ExportManifest, PartContent};
use crate::output;
use crate::pipeline::order;
use crate::printer::{self, ProgressLines, Total};

use super::{Context, Written, contacts, exported};

/// Copy Postgres tables into the lake
///
/// All tables are read in one snapshot, so they agree with one another. What `--from` leaves
/// out comes from the service file, the PG* variables and ~/.pgpass, as with psql; a password
/// never stands on the command line.
#[derive(Debug, clap::Args, Serialize)]
#[command(after_help = "Examples:
  touchpath export --from postgres://reader@localhost/crm --lake lake
  touchpath export stg.crm_events --from postgres://reader@localhost/crm --lake lake --dry-run
  touchpath export --from postgres://localhost/crm --lake lake --query 'raw.vip=select * from vip'
  touchpath export --from postgres://reader@localhost/crm --lake lake --resume
  touchpath export stg.crm_events --incremental updated_at --deletes \\
    --from postgres://reader@localhost/crm --lake lake")]
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
    let mut request = ExportRequest::new(
        context.database(arguments.from.as_deref())?,
        tables(arguments, context)?,
        context.open(lake)?,
    );
    request.queries = named("--query", &arguments.queries)?;
    request.selections = selections(arguments)?;
    request.contacts = contacts::asked(context, &request.lake)?;
    request.increments = increments(arguments, &request.tables)?;
    request.memory_bytes = context.config.memory;
    request.threads = context.config.threads;
    request.conversions = conversions(context)?;
    request.jobs = context.config.jobs;
    request.statement_minutes = context.config.statement_minutes;
    request.mode = match arguments.resume {
        Some(Resume::Consistent) => Mode::Resume,
        Some(Resume::Relaxed) => Mode::ResumeRelaxed,
        None if arguments.repair => Mode::Repair,
        None => Mode::Fresh,
    };
    request.keeper = keeper(arguments, context);
    if arguments.dry_run {
        let planned = export::dry_run(&request).await?;
        return print(&exported::planned(&planned)?, arguments, context);
    }
    if arguments.verify {
        return verify(&request, arguments, context).await;
    }
    copy(&request, arguments, context).await
}

/// This program as the keeper of the snapshot, with the arguments that name the database.
fn keeper(arguments: &ExportArgs, context: &Context) -> Option<KeeperProgram> {
    let mut words: Vec<OsString> = vec!["keep-snapshot".into()];
    if let Some(url) = &arguments.from {
        words.extend(["--from".into(), url.into()]);
    }
    if let Some(file) = &context.settings_file {
        words.extend(["--config".into(), file.into()]);
    }
    Some(KeeperProgram {
        path: std::env::current_exe().ok()?,
        arguments: words,
    })
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
    print(&exported::tables(&manifest)?, arguments, context)?;
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

/// Tells which parts of an earlier attempt stood and which were read anew.
fn say_what_stood(mode: Mode, manifest: &ExportManifest, context: &Context) {
    let what = match mode {
        Mode::Fresh => return,
        Mode::Resume | Mode::ResumeRelaxed => "of the killed export",
        Mode::Repair => "of the last export",
    };
    for table in &manifest.tables {
        let (stood, all) = (table.stood, table.parts.len());
        let read = all - stood;
        context.printer.note(&format!(
            "{}: {stood} of {all} parts {what} stood, {read} read anew",
            table.table
        ));
    }
    if !manifest.is_one_snapshot {
        context
            .printer
            .warn("the lake's tables are not of one moment of the database");
    }
}

/// Tells what increments have brought.
fn say_what_changed(manifest: &ExportManifest, context: &Context) {
    for table in &manifest.tables {
        let newest = table.parts.iter().map(|part| part.generation).max();
        let Some(record) = &table.increment else {
            continue;
        };
        if newest.unwrap_or(0) == 0 {
            let text = format!(
                "{}: exported whole, the lake did not tell how far it had come",
                table.table
            );
            context.printer.note(&text);
            continue;
        }
        let count = |content| {
            let of_increment = table
                .parts
                .iter()
                .filter(|part| Some(part.generation) == newest && part.content == content);
            of_increment.map(|part| part.rows).sum::<u64>()
        };
        let since = match &record.since {
            Some(since) => format!("{} from {since} on", record.column),
            None => format!("any {}", record.column),
        };
        context.printer.note(&format!(
            "{}: {} rows with {since}, {} keys gone",
            table.table,
            count(PartContent::Rows),
            count(PartContent::DeletedKeys)
        ));
        if !record.added.is_empty() {
            let added = record.added.join(", ");
            context.printer.note(&format!(
                "{}: {added}: new, null in earlier rows",
                table.table
            ));
        }
    }
}

async fn verify(
    request: &ExportRequest,
    arguments: &ExportArgs,
    context: &Context,
) -> Result<(), Failure> {
    let verified = export::verify(request).await?;
    print(&exported::verified(&verified)?, arguments, context)?;
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

/// One line for each table that is being read.
struct Lines {
    lines: ProgressLines,
    open: Mutex<BTreeMap<String, printer::Progress>>,
}

impl Lines {
    fn new(lines: ProgressLines) -> Self {
        Self {
            lines,
            open: Mutex::new(BTreeMap::new()),
        }
    }

    fn show(&self, now: &export::Progress<'_>) {
        // A poisoned lock means a crash elsewhere; the lines are only for looking at.
        let Ok(mut open) = self.open.lock() else {
            return;
        };
        if now.is_complete {
            open.remove(now.table);
            return;
        }
        let line = open
            .entry(now.table.to_owned())
            .or_insert_with(|| self.lines.line(now.table, now.estimated_rows));
        line.at(Total {
            rows: now.rows,
            bytes: Some(now.bytes),
        });
    }
}

/// What the settings say about the forms of columns.
fn conversions(context: &Context) -> Result<Conversions, Failure> {
    let forms = context.config.columns.iter().map(|(column, form)| {
        let form = form.parse().map_err(|error: NoConversion| {
            Failure::usage(format!("`columns`: the form of `{column}`, {error}"))
        })?;
        Ok((column.clone(), form))
    });
    Ok(Conversions {
        columns: forms.collect::<Result<_, Failure>>()?,
        not_finite: match context.config.not_finite {
            NotFinite::Refuse => export::NotFinite::Refuse,
            NotFinite::Null => export::NotFinite::Null,
            NotFinite::DuckDb => export::NotFinite::DuckDb,
        },
    })
}

/// The tables asked for, or those of the lake that the queries read; none beside `--query`.
fn tables(arguments: &ExportArgs, context: &Context) -> Result<Vec<String>, Failure> {
    if !arguments.tables.is_empty() || !arguments.queries.is_empty() {
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

/// `NAME=TEXT` arguments as pairs.
fn named(flag: &str, arguments: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let pair = |argument: &String| match argument.split_once('=') {
        Some((name, text)) if !name.trim().is_empty() && !text.trim().is_empty() => {
            Ok((name.trim().to_owned(), text.trim().to_owned()))
        }
        _ => Err(Failure::usage(format!(
            "`{flag} {argument}` names no table or says nothing of it"
        ))
        .with_hint(format!("write `{flag} 'schema.table=…'`"))),
    };
    arguments.iter().map(pair).collect()
}

/// The tables to be read in increments: those named, or all.
fn increments(
    arguments: &ExportArgs,
    tables: &[String],
) -> Result<BTreeMap<String, Incremental>, Failure> {
    let overlap = match &arguments.overlap {
        None => None,
        Some(text) => Some(Overlap::parse(text).ok_or_else(|| {
            Failure::usage(format!("`--overlap {text}` is no time and no number"))
                .with_hint("write it as `90s`, `30min`, `1h`, `2d`, or `1000` for a number")
        })?),
    };
    let incremental = |column: &str| Incremental {
        column: column.to_owned(),
        overlap,
        deletes: arguments.deletes,
    };
    let mut increments = BTreeMap::new();
    for text in &arguments.incremental {
        match text.split_once('=') {
            Some((table, column)) => {
                increments.insert(table.trim().to_owned(), incremental(column.trim()));
            }
            None => increments.extend(
                tables
                    .iter()
                    .map(|table| (table.clone(), incremental(text.trim()))),
            ),
        }
    }
    Ok(increments)
}

fn selections(arguments: &ExportArgs) -> Result<BTreeMap<String, Selection>, Failure> {
    let mut selections: BTreeMap<String, Selection> = BTreeMap::new();
    for (table, condition) in named("--where", &arguments.conditions)? {
        selections.entry(table).or_default().condition = Some(condition);
    }
    for (table, columns) in named("--columns", &arguments.columns)? {
        let columns = columns.split(',').map(|column| column.trim().to_owned());
        selections.entry(table).or_default().columns = Some(columns.collect());
    }
    Ok(selections)
}
