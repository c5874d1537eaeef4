//! Forgets a client: rewrites the files of a lake and of published runs that hold its rows.
//!
//! In: a client's id, a lake, a place of runs. Out: the same files without the client's rows,
//! and a log of what was rewritten that does not tell whose rows they were. Rows that stay
//! keep their values and their order.
//!
//! Every file is first written anew beside the old one; then the log names old and new; only
//! then does each new file take the old one's place, and manifests follow. A file is the old
//! one or the new one, whole, and what a killed command has begun the next one ends.

mod log;
mod rewrite;
mod trace;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::exports::ExportsError;
use super::runs::RunsError;
use super::{names, table_of};
use crate::error::{Exit, Failure};
use crate::schema::{RELATIONS, RESULT_TIES, Tie};
use crate::storage::{Location, ParquetRows, StorageError};
use log::Log;
use trace::{ClientFile, Trace};

/// The hidden folders below a table's that hold files of the table.
const INCREMENT_FOLDERS: [&str; 2] = ["/_increments/", "/_deleted/"];

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// The store failed, or a file is damaged.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// An export's manifest is not readable.
    #[error(transparent)]
    Exports(#[from] ExportsError),
    /// A run's manifest is not readable.
    #[error(transparent)]
    Runs(#[from] RunsError),
    /// The columns that tie rows to clients cannot be read, or rows cannot be taken out.
    #[error("cannot tell whose the rows of `{object}` are")]
    Ties {
        /// The file.
        object: String,
        /// The kernel's own error.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// A log is not what we write.
    #[error("`{object}` is not a log of ours")]
    Log {
        /// The file.
        object: String,
        /// What JSON says.
        #[source]
        source: serde_json::Error,
    },
}

impl From<ForgetError> for Failure {
    fn from(error: ForgetError) -> Self {
        match error {
            ForgetError::Storage(error) => error.into(),
            ForgetError::Runs(error) => error.into(),
            error => Self::new(Exit::Store, &error)
                .with_hint("`touchpath forget` again takes up where this one stopped"),
        }
    }
}

/// What was forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// The tables and datasets that held the client, by name.
    pub tables: Vec<ForgottenTable>,
    /// How many requests, leads, clicks and contacts of the client stay in rows of others.
    pub shared: usize,
    /// Tables that we do not know, with columns that might name clients.
    pub unknown: Vec<String>,
    /// Files that unfinished exports have left and nobody reads.
    pub unfinished: Vec<String>,
    /// Whether an earlier command that was killed has been brought to its end.
    pub resumed: bool,
}

/// One table or dataset that held the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgottenTable {
    /// `schema.table`, or `runs/<run>/<dataset>`.
    pub table: String,
    /// Files that were rewritten.
    pub files: u64,
    /// Rows that are gone.
    pub rows: u64,
}

/// Removes a client's rows from the lake's tables and from the runs published in `out`.
///
/// A client that is nowhere changes nothing.
///
/// # Errors
/// See [`ForgetError`]; every file then is the old one or the new one, whole.
pub async fn forget(
    client: i64,
    lake: &Location,
    out: &Location,
    now: impl Fn() -> DateTime<Utc>,
) -> Result<Forgotten, ForgetError> {
    let mut places = vec![lake.clone()];
    if out.url() != lake.url() {
        places.push(out.clone());
    }
    let mut forgotten = Forgotten::default();
    for place in &places {
        forgotten.resumed |= log::finish_earlier(place, &now).await?;
    }
    let mut files = tables(lake, &mut forgotten).await?;
    files.extend(results(out).await?);
    let trace = Trace::follow(client, &files).await?;
    forgotten.shared = trace.shared();

    let mut tables: BTreeMap<String, ForgottenTable> = BTreeMap::new();
    for place in &places {
        let mut log = Log::begin(now());
        let here = files.iter().filter(|file| file.place.url() == place.url());
        for file in here {
            if trace.count(file).await? == 0 {
                continue;
            }
            let rewritten = rewrite::stage(file, &trace).await?;
            let table = tables
                .entry(file.table.clone())
                .or_insert_with(|| ForgottenTable {
                    table: file.table.clone(),
                    files: 0,
                    rows: 0,
                });
            table.files += 1;
            table.rows += rewritten.rows_removed();
            log.files.push(rewritten);
        }
        if !log.files.is_empty() {
            log.write(place).await?;
            log.finish(place, &now).await?;
        }
    }
    forgotten.tables = tables.into_values().collect();
    Ok(forgotten)
}

/// The lake's files that may hold clients; every file of a table counts, those too that no
/// export lists any more.
async fn tables(
    lake: &Location,
    forgotten: &mut Forgotten,
) -> Result<Vec<ClientFile>, ForgetError> {
    let mut files = Vec::new();
    for (path, _) in lake.list("").await? {
        let schema = path.split('/').next().unwrap_or_default();
        if schema.starts_with(['_', '.']) || ["runs", "commits"].contains(&schema) {
            continue;
        }
        // Versions that later ones replace, and keys of deleted rows, are the client's too.
        let place = INCREMENT_FOLDERS
            .iter()
            .fold(path.clone(), |path, folder| path.replace(folder, "/"));
        let Some(folder) = table_of(schema, &place) else {
            if rewrite::is_unfinished(&path) {
                forgotten.unfinished.push(path);
            }
            continue;
        };
        let (schema, table) = (names::decoded(schema), names::decoded(folder));
        let mut relations = RELATIONS.iter();
        let known = relations.find(|known| known.schema == schema && known.table == table);
        let name = format!("{schema}.{table}");
        if known.is_none() && forgotten.unknown.contains(&name) {
            continue;
        }
        let columns = ParquetRows::open(lake, &path).await?;
        let has = |column: &str| columns.schema().column_with_name(column).is_some();
        match known {
            Some(known) => files.extend(client_file(lake, &name, &path, known.ties, has)),
            None if RELATIONS
                .iter()
                .flat_map(|known| known.ties)
                .any(|(column, tie)| *tie <= Tie::Request && has(column)) =>
            {
                forgotten.unknown.push(name);
            }
            None => {}
        }
    }
    Ok(files)
}

/// The files of every published run that may hold clients.
async fn results(out: &Location) -> Result<Vec<ClientFile>, ForgetError> {
    let mut files = Vec::new();
    for (path, _) in out.list("runs").await? {
        let hidden = path.split('/').any(|part| part.starts_with(['_', '.']));
        let Some((table, _)) = path.rsplit_once('/') else {
            continue;
        };
        if hidden || !path.ends_with(".parquet") {
            continue;
        }
        let columns = ParquetRows::open(out, &path).await?;
        let has = |column: &str| columns.schema().column_with_name(column).is_some();
        files.extend(client_file(out, table, &path, RESULT_TIES, has));
    }
    Ok(files)
}

/// The file with those tying columns that it has; `None` when it has none.
fn client_file(
    place: &Location,
    table: &str,
    path: &str,
    ties: &[(&str, Tie)],
    has: impl Fn(&str) -> bool,
) -> Option<ClientFile> {
    let ties: Vec<(String, Tie)> = ties
        .iter()
        .filter(|(column, _)| has(column))
        .map(|(column, tie)| ((*column).to_owned(), *tie))
        .collect();
    (!ties.is_empty()).then(|| ClientFile {
        place: place.clone(),
        table: table.to_owned(),
        path: path.to_owned(),
        ties,
    })
}
