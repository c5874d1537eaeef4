//! What lies in a lake: which tables, in which files, and which runs were published.
//!
//! In: a [`Location`]. Out: the Parquet files of each table, and the manifests of runs.
//! A table is a folder `<schema>/<table>/` with Parquet files anywhere below it, or one
//! file `<schema>/<table>.parquet`.

pub mod exports;
pub mod runs;

use std::collections::BTreeMap;

use crate::storage::{Location, StorageError};

/// The Parquet files of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFiles {
    /// `raw` or `stg`.
    pub schema: String,
    /// The table's name.
    pub table: String,
    /// Paths below the lake, sorted.
    pub files: Vec<String>,
}

/// Every table of one schema, sorted by name.
///
/// Names that begin with `_` or `.` are somebody's working files and are passed over, as
/// is everything that does not end in `.parquet`.
///
/// # Errors
/// [`StorageError`] when the location cannot be listed.
pub async fn tables(lake: &Location, schema: &str) -> Result<Vec<TableFiles>, StorageError> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, _) in lake.list(schema).await? {
        let Some(table) = table_of(schema, &path) else {
            continue;
        };
        found
            .entry(table.to_owned())
            .or_default()
            .push(path.clone());
    }
    Ok(found
        .into_iter()
        .map(|(table, files)| TableFiles {
            schema: schema.to_owned(),
            table,
            files,
        })
        .collect())
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
