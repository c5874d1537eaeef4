//! What lies in a lake: which tables, in which files, and which runs were published.
//!
//! In: a [`Location`]. Out: the Parquet files of each table, and the manifests of runs.
//! A table is a folder `<schema>/<table>/` with Parquet files anywhere below it, or one
//! file `<schema>/<table>.parquet`.

pub mod compact;
pub mod exports;
pub mod forget;
pub mod latest;
pub mod names;
pub mod runs;
pub mod scan;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Exit, Failure};
use crate::storage::{Location, StorageError};
use exports::{ExportedPart, ExportedTable, PartContent};

/// What can go wrong when a lake's tables are looked for.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// An export's manifest is not readable.
    #[error(transparent)]
    Exports(#[from] exports::ExportsError),
    /// A file that an export lists is not there.
    #[error("`{table}` misses the file `{object}`, which the export {export} has written")]
    PartMissing {
        /// `schema.table`.
        table: String,
        /// The lake and the path below it.
        object: String,
        /// The export's name.
        export: String,
    },
}

impl From<LakeError> for Failure {
    fn from(error: LakeError) -> Self {
        match error {
            LakeError::Storage(error) => error.into(),
            LakeError::Exports(error) => Self::new(Exit::Store, &error),
            LakeError::PartMissing { .. } => Self::new(Exit::Store, &error)
                .with_hint("`touchpath export --repair` writes what is missing anew"),
        }
    }
}

/// The Parquet files of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFiles {
    /// `raw` or `stg`.
    pub schema: String,
    /// The table's name.
    pub table: String,
    /// Paths of the files that hold its rows, sorted; without those of increments.
    pub files: Vec<String>,
    /// What later exports have added, by generation; empty for a table that was last
    /// exported whole.
    pub increments: Vec<ExportedPart>,
    /// The columns that name a row; empty when no export tells.
    pub key: Vec<String>,
}

/// Every table of one schema, sorted by name.
///
/// Of the parts that exports write, those count that the table's newest export lists, so
/// that a reader sees one export or the next and never a mix. Other Parquet files count as
/// they lie there. Names that begin with `_` or `.` are somebody's working files and are
/// passed over, as is everything that does not end in `.parquet`.
///
/// # Errors
/// [`LakeError::PartMissing`] when a listed part is gone, or the store's failure.
pub async fn tables(lake: &Location, schema: &str) -> Result<Vec<TableFiles>, LakeError> {
    let listed = lake.list(schema).await?.into_iter();
    let there: BTreeSet<String> = listed.map(|(path, _)| path).collect();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in &there {
        if let Some(table) = table_of(schema, path) {
            let files = found.entry(table.to_owned()).or_default();
            files.insert(path.clone());
        }
    }
    let mut exported = exports::newest(lake).await?;
    let mut tables = Vec::with_capacity(found.len());
    for (folder, files) in found {
        let table = names::decoded(&folder);
        tables.push(match exported.remove(&format!("{schema}/{folder}")) {
            Some((export, newest)) => {
                check_parts(lake, &export, &newest, &there)?;
                let files = rows_of(&newest, &files);
                let increments = newest.parts.into_iter().filter(|part| part.generation > 0);
                TableFiles {
                    schema: schema.to_owned(),
                    table,
                    files,
                    increments: increments.collect(),
                    key: newest.key,
                }
            }
            None => TableFiles {
                schema: schema.to_owned(),
                table,
                files: files.into_iter().collect(),
                increments: Vec::new(),
                key: Vec::new(),
            },
        });
    }
    Ok(tables)
}

/// The table in this folder below the lake; `None` when it has no files.
///
/// # Errors
/// The same as those of [`tables`].
pub async fn table(lake: &Location, folder: &str) -> Result<Option<TableFiles>, LakeError> {
    let Some((schema, folder)) = folder.split_once('/') else {
        return Ok(None);
    };
    let name = names::decoded(folder);
    let tables = tables(lake, schema).await?;
    Ok(tables.into_iter().find(|table| table.table == name))
}

/// Makes sure that every part that the export lists is there.
fn check_parts(
    lake: &Location,
    export: &str,
    table: &ExportedTable,
    there: &BTreeSet<String>,
) -> Result<(), LakeError> {
    let missing = table.parts.iter().find(|part| !there.contains(&part.path));
    missing.map_or(Ok(()), |part| {
        Err(LakeError::PartMissing {
            table: table.table.clone(),
            object: lake.describe(&part.path),
            export: export.to_owned(),
        })
    })
}

/// The files of an exported table: the export's own parts, and those that are no export's.
fn rows_of(table: &ExportedTable, files: &BTreeSet<String>) -> Vec<String> {
    let own = table.parts.iter();
    let own = own.filter(|part| part.generation == 0 && part.content == PartContent::Rows);
    let foreign = files
        .iter()
        .filter(|file| exports::export_of_part(file).is_none());
    let all: BTreeSet<String> = own.map(|part| &part.path).chain(foreign).cloned().collect();
    all.into_iter().collect()
}

/// The table a file belongs to, if it is a table's file.
fn table_of<'a>(schema: &str, path: &'a str) -> Option<&'a str> {
    let below = path.strip_prefix(schema)?.strip_prefix('/')?;
    let name = below.rsplit('/').next()?;
    let hidden = below.split('/').any(|part| part.starts_with(['_', '.']));
    if hidden || !name.ends_with(".parquet") {
        return None;
    }
    match below.split_once('/') {
        Some((table, _)) => Some(table),
        None => below.strip_suffix(".parquet"),
    }
}

#[cfg(test)]
mod tests {
    use super::table_of;

    #[test]
    fn a_table_is_a_folder_or_one_file() {
        assert_eq!(table_of("raw", "raw/t/part-0.parquet"), Some("t"));
        assert_eq!(table_of("raw", "raw/t/day=1/part-0.parquet"), Some("t"));
        assert_eq!(table_of("raw", "raw/t.parquet"), Some("t"));
    }

    #[test]
    fn working_files_are_not_tables() {
        for path in [
            "raw/t/_part.parquet",
            "raw/.t/a.parquet",
            "raw/t/a.csv",
            "raw2/t/a.parquet",
        ] {
            assert_eq!(table_of("raw", path), None, "{path}");
        }
    }
}
