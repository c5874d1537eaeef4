//! The request that `touchpath export` makes of its flags and the settings.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::{ExportArgs, Resume};
use crate::cli::{Context, contacts};
use crate::config::NotFinite;
use crate::error::Failure;
use crate::export::{
    self, Conversions, ExportRequest, Incremental, KeeperProgram, Mode, NoConversion, Overlap,
    Selection,
};
use crate::pipeline::order;

/// The request that the flags and the settings make.
pub(super) fn of(
    arguments: &ExportArgs,
    context: &Context,
    lake: &str,
) -> Result<ExportRequest, Failure> {
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
    Ok(request)
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
