//! The manifests that exports leave in the lake: `_exports/<export id>.json`.
//!
//! In: an [`ExportManifest`]. Out: one JSON object per export, created once and never
//! overwritten, and the list of them in the order of the exports. A manifest names the
//! database, never a password.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::storage::{Location, StorageError};

/// The folder of the manifests; the underscore keeps dataset readers out of it.
const FOLDER: &str = "_exports";

/// The ending of the folder of an export that is not finished.
const WORKING: &str = ".working";

/// Characters of an export's name.
const EXPORT_ID_LENGTH: usize = "20250304T101500.000000Z".len();

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
    /// The snapshot that this export read, as `xmin:xmax:running transactions`.
    pub snapshot: String,
    /// Whether every part of every table shows the database as of `snapshot`.
    pub is_one_snapshot: bool,
    /// Start of the export.
    #[serde(with = "instant")]
    pub started_at: DateTime<Utc>,
    /// When the last file was in place.
    #[serde(with = "instant")]
    pub finished_at: DateTime<Utc>,
    /// The tables in the order in which they were asked for.
    pub tables: Vec<ExportedTable>,
}

/// One table of an export: everything that makes up the table from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedTable {
    /// `schema.name`; a part that is no plain name is quoted.
    pub table: String,
    /// Its folder below the lake.
    pub folder: String,
    /// SHA-256 of the `--where` condition or the `--query`; their text may hold a person's data.
    pub selection: Option<String>,
    /// Rows in all parts.
    pub rows: u64,
    /// Size of all parts.
    pub bytes: u64,
    /// The columns that name a row; none when the table has no primary key.
    pub key: Vec<String>,
    /// The columns by which the rows of each part are ordered; none means the server's order.
    pub ordered_by: Vec<String>,
    /// The columns in the files.
    pub columns: Vec<ExportedColumn>,
    /// Columns that a run may read and the database does not have.
    pub absent: Vec<String>,
    /// Columns that the database has and the export does not take.
    pub left_out: Vec<String>,
    /// The columns of phone numbers and addresses, and what became of them.
    #[serde(default)]
    pub contacts: Vec<ExportedContact>,
    /// The files; each holds other rows unless its generation says otherwise.
    pub parts: Vec<ExportedPart>,
    /// Files of earlier exports that this one replaces; they are removed after it is written.
    pub removed: Vec<String>,
    /// Parts of an earlier attempt or export that stood.
    #[serde(default)]
    pub stood: usize,
    /// What the last increment went by, or the next one will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub increment: Option<IncrementRecord>,
}

/// What an increment goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncrementRecord {
    /// The column that tells changes.
    pub column: String,
    /// How far before the highest value it begins: seconds, such as `3600s`, or a bare number.
    pub overlap: String,
    /// The value from which the last increment read; none when everything was read.
    pub since: Option<String>,
    /// The highest value of the database as the lake has it, those in the future aside: a
    /// number, a date or a time.
    pub high_water: Option<String>,
    /// Columns that came with the last increment; they are null in the rows before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
}

impl ExportedTable {
    /// Values without end that the parts do not hold as they were, by column.
    pub fn not_finite(&self) -> BTreeMap<&str, u64> {
        let mut counts = BTreeMap::new();
        for (column, count) in self.parts.iter().flat_map(|part| &part.not_finite) {
            *counts.entry(column.as_str()).or_default() += count;
        }
        counts
    }
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
}

/// One column of contacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedContact {
    /// Its name.
    pub column: String,
    /// `phone` or `email`.
    pub kind: String,
    /// `drop`: not exported; `hmac`: hashed; `keep`: as it is.
    pub policy: String,
    /// Digits that change with the key of the hashes and tell nothing of it.
    pub key: Option<String>,
}

/// One file of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedPart {
    /// Path below the lake.
    pub path: String,
    /// Rows in the file.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The snapshot that the part shows.
    pub snapshot: String,
    /// The pages of the database's table whose rows the part holds; none for what is not
    /// read by pages.
    pub pages: Option<Pages>,
    /// The first and the last key of the part, where keys are numbers, dates or UUIDs.
    pub key_range: Option<(Vec<String>, Vec<String>)>,
    /// Values without end (`NaN`, ±infinity) that the file does not hold as they were, by
    /// column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_finite: BTreeMap<String, u64>,
    /// Rows that were taken out of the file since, see `lake::forget`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub forgotten: u64,
    /// 0 for a whole table's part; an increment's rows replace rows of the same key of every
    /// lower generation.
    #[serde(default)]
    pub generation: u32,
    /// What an increment's file holds.
    #[serde(default)]
    pub content: PartContent,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What a part's rows are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartContent {
    /// The table's rows.
    #[default]
    Rows,
    /// Keys of rows that the database no longer has.
    DeletedKeys,
}

/// A range of pages of one relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages {
    /// The table itself, or the partition.
    pub relation: String,
    /// The relation's file in the server: another one means that its rows have moved.
    pub file_node: u32,
    /// The first page.
    pub first: u32,
    /// The page after the last; none for the relation's last range.
    pub end: Option<u32>,
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
    let text = text(lake, &path, manifest)?;
    if lake.create(&path, text).await? {
        Ok(path)
    } else {
        Err(ExportsError::Exists {
            object: lake.describe(&path),
        })
    }
}

fn text(lake: &Location, path: &str, manifest: &ExportManifest) -> Result<Vec<u8>, ExportsError> {
    let mut text =
        serde_json::to_vec_pretty(manifest).map_err(|source| ExportsError::Unreadable {
            object: lake.describe(path),
            source,
        })?;
    text.push(b'\n');
    Ok(text)
}

/// Every export of the lake, the oldest first.
///
/// # Errors
/// [`ExportsError::Unreadable`] names the first manifest that is not one.
pub async fn list(lake: &Location) -> Result<Vec<ExportManifest>, ExportsError> {
    let mut manifests = Vec::new();
    for (path, _) in lake.list(FOLDER).await? {
        // Deeper files are the working state of exports that are not finished.
        let is_manifest = path
            .strip_prefix(FOLDER)
            .and_then(|path| path.strip_prefix('/')?.strip_suffix(".json"))
            .is_some_and(|name| name.len() == EXPORT_ID_LENGTH);
        if !is_manifest {
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

/// A part that was written anew with fewer rows.
#[derive(Debug, Clone, Copy)]
pub struct Replaced<'a> {
    /// Path below the lake.
    pub path: &'a str,
    /// What the part was.
    pub before_sha256: &'a str,
    /// Its rows now.
    pub rows: u64,
    /// Its size now.
    pub bytes: u64,
    /// What it is now.
    pub sha256: &'a str,
}

/// Corrects every manifest that lists the part as it was.
///
/// The one change that a manifest ever sees: rows were taken out of a file, and readers that
/// verify it must find what it is now. The part's key range is given up, for its ends may be
/// keys of rows that are gone.
///
/// # Errors
/// [`ExportsError::Unreadable`] names the first manifest that is not one.
pub async fn replace_part(lake: &Location, replaced: &Replaced<'_>) -> Result<(), ExportsError> {
    for mut manifest in list(lake).await? {
        let mut has_changed = false;
        for table in &mut manifest.tables {
            for part in &mut table.parts {
                if part.path != replaced.path || part.sha256 != replaced.before_sha256 {
                    continue;
                }
                table.rows = table.rows - part.rows + replaced.rows;
                table.bytes = table.bytes - part.bytes + replaced.bytes;
                part.forgotten += part.rows - replaced.rows;
                part.rows = replaced.rows;
                part.bytes = replaced.bytes;
                replaced.sha256.clone_into(&mut part.sha256);
                part.key_range = None;
                has_changed = true;
            }
        }
        if has_changed {
            let path = format!("{FOLDER}/{}.json", manifest.export);
            lake.write(&path, text(lake, &path, &manifest)?).await?;
        }
    }
    Ok(())
}

/// For each table the export that last wrote it, as `(export, table)`, by folder.
///
/// # Errors
/// [`ExportsError::Unreadable`] names the first manifest that is not one.
pub async fn newest(
    lake: &Location,
) -> Result<BTreeMap<String, (String, ExportedTable)>, ExportsError> {
    let mut newest = BTreeMap::new();
    for manifest in list(lake).await? {
        for table in manifest.tables {
            newest.insert(table.folder.clone(), (manifest.export.clone(), table));
        }
    }
    Ok(newest)
}

/// Whether the manifest of an export is written.
///
/// # Errors
/// The store's failure.
pub async fn is_finished(lake: &Location, export: &str) -> Result<bool, StorageError> {
    let size = lake.size(&format!("{FOLDER}/{export}.json")).await?;
    Ok(size.is_some())
}

/// The folder in which an export keeps what it needs until its manifest is written.
pub fn working_folder(export: &str) -> String {
    format!("{FOLDER}/{export}{WORKING}")
}

/// Every file of the exports that are not finished, sorted by export.
///
/// # Errors
/// The store's failure.
pub async fn working_files(lake: &Location) -> Result<Vec<String>, StorageError> {
    let files = lake.list(FOLDER).await?.into_iter().map(|(path, _)| path);
    let is_working = |path: &String| {
        let below = path.strip_prefix(FOLDER).unwrap_or(path);
        below.split('/').any(|folder| folder.ends_with(WORKING))
    };
    Ok(files.filter(is_working).collect())
}

/// The working folders of exports, each with the export's name.
///
/// # Errors
/// The store's failure.
pub async fn working_folders(lake: &Location) -> Result<Vec<(String, String)>, StorageError> {
    let folders = lake.folders(FOLDER).await?.into_iter();
    let working = folders.filter_map(|folder| {
        let name = folder.strip_prefix(FOLDER)?.strip_prefix('/')?;
        let export = name.strip_suffix(WORKING)?.to_owned();
        Some((export, folder))
    });
    Ok(working.collect())
}

/// When the export of this name began.
pub fn started_at(export: &str) -> Option<DateTime<Utc>> {
    let time = chrono::NaiveDateTime::parse_from_str(export, "%Y%m%dT%H%M%S%.6fZ").ok()?;
    Some(time.and_utc())
}

/// The folder of a table's part.
///
/// Rows of increments and deleted keys are hidden: who reads a table's folder without the
/// manifest then sees it as it was last exported whole, and no key twice.
pub fn part_folder(table_folder: &str, generation: u32, content: PartContent) -> String {
    match (content, generation) {
        (PartContent::DeletedKeys, _) => format!("{table_folder}/_deleted"),
        (PartContent::Rows, 0) => table_folder.to_owned(),
        (PartContent::Rows, _) => format!("{table_folder}/_increments"),
    }
}

/// The name of a part below its table's folder; parts sort by export, then by number.
pub fn part_name(export: &str, number: usize) -> String {
    format!("part-{export}-{number:05}.parquet")
}

/// The export that a file's name says it is of.
pub fn export_of_part(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    let (export, number) = name
        .strip_prefix("part-")?
        .strip_suffix(".parquet")?
        .rsplit_once('-')?;
    let is_ours = export.len() == EXPORT_ID_LENGTH
        && export.ends_with('Z')
        && number.bytes().all(|digit| digit.is_ascii_digit());
    is_ours.then_some(export)
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
            is_one_snapshot: true,
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

    #[test]
    fn a_parts_name_tells_its_export() {
        let moment = Utc.with_ymd_and_hms(2025, 3, 4, 10, 15, 9).unwrap();
        assert_eq!(started_at("20250304T101509.000000Z"), Some(moment));
        let name = part_name("20250304T101509.000000Z", 12);
        assert_eq!(name, "part-20250304T101509.000000Z-00012.parquet");
        assert_eq!(
            export_of_part(&format!("raw/t/{name}")),
            Some("20250304T101509.000000Z")
        );
        for other in ["part-00000.parquet", "part-1-2.parquet", "x.parquet"] {
            assert_eq!(export_of_part(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn a_torn_manifest_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let lake =
            Location::open(folder.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
        lake.write("_exports/20250304T101500.000000Z.json", "{\"export\": ")
            .await
            .unwrap();
        let error = list(&lake).await.unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("/_exports/20250304T101500.000000Z.json`"),
            "{error}"
        );
    }
}
