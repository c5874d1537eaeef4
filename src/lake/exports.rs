//! The manifests that exports leave in the lake: `_exports/<export id>.json`.
//!
//! In: an [`ExportManifest`]. Out: one JSON object per export, created once and never
//! overwritten, and the list of them in the order of the exports. A manifest names the
//! database, never a password.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::storage::{Location, StorageError};

/// The folder of the manifests; the underscore keeps dataset readers out of it.
const FOLDER: &str = "_exports";

/// What can go wrong with a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ExportsError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A manifest of this name is already there.
    #[error("`{object}` is already there: another export bears the same time")]
    Exists {
        /// The lake and the path below it.
        object: String,
    },
    /// A manifest is no JSON of ours.
    #[error("cannot read the export manifest `{object}`")]
    Unreadable {
        /// The lake and the path below it.
        object: String,
        /// Where the text departs from a manifest.
        #[source]
        source: serde_json::Error,
    },
}

/// One export: what was copied, from which state of which database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportManifest {
    /// The export's start in UTC, to the microsecond: `20250304T101500.000000Z`.
    pub export: String,
    /// `user@host:port/database`.
    pub database: String,
    /// The server's version as it tells it.
    pub server_version: String,
    /// The snapshot of every table, as `xmin:xmax:running transactions`.
    pub snapshot: String,
    /// Start of the export.
    #[serde(with = "instant")]
    pub started_at: DateTime<Utc>,
    /// When the last file was in place.
    #[serde(with = "instant")]
    pub finished_at: DateTime<Utc>,
    /// The tables in the order in which they were asked for.
    pub tables: Vec<ExportedTable>,
}

/// One table of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedTable {
    /// `schema.name`.
    pub table: String,
    /// Rows in all files.
    pub rows: u64,
    /// Size of all files.
    pub bytes: u64,
    /// The columns by which the rows are ordered; none means the server's order.
    pub ordered_by: Vec<String>,
    /// The columns in the files.
    pub columns: Vec<ExportedColumn>,
    /// Columns that a run may read and the database does not have.
    pub absent: Vec<String>,
    /// Columns that the database has and the export does not take.
    pub left_out: Vec<String>,
    /// The files, in row order.
    pub files: Vec<ExportedFile>,
    /// Files of an earlier export that were removed.
    pub removed: Vec<String>,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedColumn {
    /// Its name.
    pub name: String,
    /// Its type in the database.
    pub postgres: String,
    /// Its type in the file, in Arrow's words.
    pub arrow: String,
    /// Values without end (`NaN`, ±infinity) that the file does not hold as they were.
    #[serde(default)]
    pub not_finite: u64,
}

/// One file of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedFile {
    /// Path below the lake.
    pub path: String,
    /// Rows in the file.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
}

/// The name of an export that starts at this time; names sort by time.
pub fn export_id(started_at: DateTime<Utc>) -> String {
    started_at.format("%Y%m%dT%H%M%S%.6fZ").to_string()
}

/// Creates the manifest and returns its path below the lake.
///
/// # Errors
/// [`ExportsError::Exists`] when an export of the same name is there, which stays as it is.
pub async fn write(lake: &Location, manifest: &ExportManifest) -> Result<String, ExportsError> {
    let path = format!("{FOLDER}/{}.json", manifest.export);
    let mut text =
        serde_json::to_vec_pretty(manifest).map_err(|source| ExportsError::Unreadable {
            object: lake.describe(&path),
            source,
        })?;
    text.push(b'\n');
    if lake.create(&path, text).await? {
        Ok(path)
    } else {
        Err(ExportsError::Exists {
            object: lake.describe(&path),
        })
    }
}

/// Every export of the lake, the oldest first.
///
/// # Errors
/// [`ExportsError::Unreadable`] names the first manifest that is not one.
pub async fn list(lake: &Location) -> Result<Vec<ExportManifest>, ExportsError> {
    let mut manifests = Vec::new();
    for (path, _) in lake.list(FOLDER).await? {
        if path
            .rsplit_once('.')
            .is_none_or(|(_, ending)| ending != "json")
        {
            continue;
        }
        if let Some(text) = lake.read(&path).await? {
            let manifest =
                serde_json::from_slice(&text).map_err(|source| ExportsError::Unreadable {
                    object: lake.describe(&path),
                    source,
                })?;
            manifests.push(manifest);
        }
    }
    Ok(manifests)
}

/// Instants as RFC 3339 text: chrono's own form needs a feature that every crate above
/// arrow would be rebuilt for.
mod instant {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        instant: &DateTime<Utc>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&instant.to_rfc3339_opts(SecondsFormat::Micros, true))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<DateTime<Utc>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let instant = DateTime::parse_from_rfc3339(&text).map_err(D::Error::custom)?;
        Ok(instant.to_utc())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;
    use crate::storage::StoreOptions;

    fn manifest(second: u32) -> ExportManifest {
        let started_at = Utc.with_ymd_and_hms(2025, 3, 4, 10, 15, second).unwrap();
        ExportManifest {
            export: export_id(started_at),
            database: "reader@127.0.0.1:5432/crm".to_owned(),
            server_version: "15.18".to_owned(),
            snapshot: "731:731:".to_owned(),
            started_at,
            finished_at: started_at,
            tables: Vec::new(),
        }
    }

    #[tokio::test]
    async fn manifests_are_listed_oldest_first_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let lake =
            Location::open(folder.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
        let path = write(&lake, &manifest(9)).await.unwrap();
        assert_eq!(path, "_exports/20250304T101509.000000Z.json");
        write(&lake, &manifest(1)).await.unwrap();
        assert_eq!(list(&lake).await.unwrap(), [manifest(1), manifest(9)]);
        let error = write(&lake, &manifest(9)).await.unwrap_err();
        assert!(matches!(error, ExportsError::Exists { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_torn_manifest_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let lake =
            Location::open(folder.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
        lake.write("_exports/1.json", "{\"export\": ")
            .await
            .unwrap();
        let error = list(&lake).await.unwrap_err();
        assert!(error.to_string().ends_with("/_exports/1.json`"), "{error}");
    }
}
