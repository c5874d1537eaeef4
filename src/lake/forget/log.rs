//! The log of what was forgotten: `_exports/forgotten/<time>.json` below a place.
//!
//! In: files that were staged. Out: a log that names them, the files in place, the manifests
//! of exports and runs in step with them. The log tells tables, files and figures, never a
//! client's id or data. It is written before the first file is put in place, so that the next
//! command can end what this one could not.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use object_store::ObjectStoreExt;
use serde::{Deserialize, Serialize};

use super::ForgetError;
use super::rewrite::{figures, is_staged, staged_path};
use crate::lake::{exports, runs};
use crate::storage::{Location, StorageError};

const FOLDER: &str = "_exports/forgotten";

/// One command's log in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Log {
    /// The command's start in UTC, which names the log.
    forgotten: String,
    started_at: String,
    /// None until every file is in place.
    finished_at: Option<String>,
    rows_removed: u64,
    pub(super) files: Vec<RewrittenFile>,
}

/// One file that was written anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RewrittenFile {
    /// `schema.table`, or `runs/<run>/<dataset>`.
    pub(super) table: String,
    /// Below the place.
    pub(super) path: String,
    pub(super) before: Figures,
    pub(super) after: Figures,
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl RewrittenFile {
    pub(super) fn rows_removed(&self) -> u64 {
        self.before.rows.saturating_sub(self.after.rows)
    }
}

fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl Log {
    pub(super) fn begin(now: DateTime<Utc>) -> Self {
        Self {
            forgotten: exports::export_id(now),
            started_at: written(now),
            finished_at: None,
            rows_removed: 0,
            files: Vec::new(),
        }
    }

    fn path(&self) -> String {
        format!("{FOLDER}/{}.json", self.forgotten)
    }

    /// Writes the log, replacing its earlier form.
    pub(super) async fn write(&mut self, place: &Location) -> Result<(), ForgetError> {
        self.rows_removed = self.files.iter().map(RewrittenFile::rows_removed).sum();
        let failure = |source| ForgetError::Log {
            object: place.describe(&self.path()),
            source,
        };
        let mut text = serde_json::to_vec_pretty(self).map_err(failure)?;
        text.push(b'\n');
        Ok(place.write(&self.path(), text).await?)
    }

    /// Puts the staged files in place, corrects the manifests, and ends the log.
    pub(super) async fn finish(
        &mut self,
        place: &Location,
        now: &impl Fn() -> DateTime<Utc>,
    ) -> Result<(), ForgetError> {
        for file in &self.files {
            put_in_place(place, file).await?;
        }
        for file in &self.files {
            let replaced = exports::Replaced {
                path: &file.path,
                before_sha256: &file.before.sha256,
                rows: file.after.rows,
                bytes: file.after.bytes,
                sha256: &file.after.sha256,
            };
            exports::replace_part(place, &replaced).await?;
        }
        let datasets: BTreeSet<&str> = self
            .files
            .iter()
            .filter(|file| file.path.starts_with("runs/"))
            .map(|file| file.table.as_str())
            .collect();
        for dataset in datasets {
            runs::measure_again(place, dataset).await?;
        }
        self.finished_at = Some(written(now()));
        self.write(place).await
    }
}

/// Renames the staged file over the old one, unless that was done or another file has come.
async fn put_in_place(place: &Location, file: &RewrittenFile) -> Result<(), StorageError> {
    let staged = staged_path(&file.path);
    let failure = |source| StorageError::Store {
        action: "put in place",
        object: place.describe(&file.path),
        source,
    };
    match place.store().head(&place.object_path(&staged)).await {
        Ok(_) => {}
        Err(object_store::Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(failure(error)),
    }
    if figures(place, &file.path).await?.sha256 != file.before.sha256 {
        return place.delete(&staged).await;
    }
    place
        .store()
        .rename(&place.object_path(&staged), &place.object_path(&file.path))
        .await
        .map_err(failure)
}

/// Ends what earlier commands were killed at; tells whether there was anything.
pub(super) async fn finish_earlier(
    place: &Location,
    now: &impl Fn() -> DateTime<Utc>,
) -> Result<bool, ForgetError> {
    let mut found = false;
    for (path, _) in place.list(FOLDER).await? {
        let Some(text) = place.read(&path).await? else {
            continue;
        };
        let mut log: Log = serde_json::from_slice(&text).map_err(|source| ForgetError::Log {
            object: place.describe(&path),
            source,
        })?;
        if log.finished_at.is_none() {
            log.finish(place, now).await?;
            found = true;
        }
    }
    // What was staged and came into no log: the command was killed before it decided.
    for (path, _) in place.list("").await? {
        if is_staged(&path) {
            place.delete(&path).await?;
        }
    }
    Ok(found)
}
