//! Folds a table's increments into one set of files.
//!
//! In: a table that exports have added increments to. Out: the latest row of each key, ordered
//! by key, in new files; a manifest that lists them, which is the commit; then the old files
//! go. A kill before the manifest leaves the old table, one after it the new one. The same
//! versions give the same bytes, whatever the memory or the threads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{and_not, concat_batches, filter_record_batch, or};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use futures::StreamExt;

use crate::error::{Exit, Failure, nearest};
use crate::lake::exports::{
    self, ExportManifest, ExportedPart, ExportedTable, ExportsError, PartContent,
};
use crate::lake::latest::{self, Versions};
use crate::lake::{self, LakeError, TableFiles};
use crate::storage::{Location, ParquetFile, StorageError, WriteSettings};

/// Rows of a file at most: eight row groups, as many as readers have threads.
const PART_ROWS: usize = 8 * 1_048_576;

/// Why a table was not folded; it is then as it was.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The lake's tables cannot be told.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Manifests cannot be read or written.
    #[error(transparent)]
    Exports(#[from] ExportsError),
    /// No export of the lake has written such a table.
    #[error("no export has written a table `{table}` into `{lake}`")]
    NotExported {
        /// The table asked for.
        table: String,
        /// The lake.
        lake: String,
        /// A table that is there.
        nearest: Option<String>,
    },
    /// The table's files cannot be read or their rows not be ordered.
    #[error("`{table}` cannot be folded")]
    Rows {
        /// The table's name.
        table: String,
        /// What `DataFusion` says.
        #[source]
        source: Box<DataFusionError>,
    },
    /// An export of the same table was published in the meantime.
    #[error("`{table}` was exported by {export} while it was being folded")]
    Overtaken {
        /// The table's name.
        table: String,
        /// The export that now tells the table.
        export: String,
    },
    /// The clock stands before the table's newest export.
    #[error("`{table}` was exported by {export}, later than this machine's clock")]
    Clock {
        /// The table's name.
        table: String,
        /// The newest export.
        export: String,
    },
}

impl From<CompactError> for Failure {
    fn from(error: CompactError) -> Self {
        match error {
            CompactError::Storage(error) => error.into(),
            CompactError::Lake(error) => error.into(),
            CompactError::NotExported { ref nearest, .. } => {
                let hint = nearest
                    .as_ref()
                    .map(|name| format!("did you mean `{name}`?"));
                Self {
                    exit: Exit::Usage,
                    message: error.to_string(),
                    hint,
                }
            }
            CompactError::Overtaken { .. } => {
                Self::new(Exit::Store, &error).with_hint("fold it again, when no export is running")
            }
            CompactError::Clock { .. } => Self::new(Exit::Store, &error).with_hint("set the clock"),
            CompactError::Exports(_) | CompactError::Rows { .. } => Self::new(Exit::Store, &error),
        }
    }
}

/// What became of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// Its name.
    pub table: String,
    /// The increments that were folded; with 0 nothing was to be done.
    pub increments: u32,
    /// The rows before, superseded versions included.
    pub rows_before: u64,
    /// The rows now.
    pub rows: u64,
    /// The size of the files now.
    pub bytes: u64,
}

/// The tables that exports have written, by name; all of them when none is named.
///
/// # Errors
/// [`CompactError::NotExported`] for a name that is not there.
pub async fn tables(lake: &Location, named: &[String]) -> Result<Vec<String>, CompactError> {
    let newest = exports::newest(lake).await?;
    let there: Vec<String> = newest.into_values().map(|(_, table)| table.table).collect();
    if named.is_empty() {
        return Ok(there);
    }
    match named.iter().find(|name| !there.contains(name)) {
        None => Ok(named.to_vec()),
        Some(name) => Err(CompactError::NotExported {
            table: name.clone(),
            lake: lake.to_string(),
            nearest: nearest(name, there.iter().map(String::as_str)).map(str::to_owned),
        }),
    }
}

/// Folds one table, and removes what an earlier folding was kept from removing.
///
/// `now` is asked at the start, for the name of the new files, and at the end.
///
/// # Errors
/// See [`CompactError`].
pub async fn compact(
    context: &SessionContext,
    lake: &Location,
    table: &str,
    now: impl Fn() -> DateTime<Utc>,
) -> Result<Folded, CompactError> {
    let started_at = now();
    let (manifest, exported) = newest(lake, table).await?;
    let increments = exported.parts.iter().map(|part| part.generation).max();
    let increments = increments.unwrap_or(0);
    let mut folded = Folded {
        table: table.to_owned(),
        increments,
        rows_before: exported.rows,
        rows: exported.rows,
        bytes: exported.bytes,
    };
    if increments == 0 {
        // Done, but for a kill between the manifest and the removal.
        remove(lake, &exported.removed).await?;
        return Ok(folded);
    }
    let export = exports::export_id(started_at);
    if export <= manifest.export {
        return Err(CompactError::Clock {
            table: table.to_owned(),
            export: manifest.export,
        });
    }
    let files = lake::table(lake, &exported.folder).await?;
    let files = files.ok_or_else(|| CompactError::NotExported {
        table: table.to_owned(),
        lake: lake.to_string(),
        nearest: None,
    })?;
    let parts = write_latest(context, lake, (&exported, &files), &export).await?;
    folded.rows = parts.iter().map(|part| part.rows).sum();
    folded.bytes = parts.iter().map(|part| part.bytes).sum();
    let replaced = exported.parts.iter().map(|part| part.path.clone());
    let foreign = files
        .files
        .into_iter()
        .filter(|file| exports::export_of_part(file).is_none());
    let source = manifest.export.clone();
    let written = ExportManifest {
        export,
        // Increments find changed rows only: where deletions were not asked for, rows of
        // other moments are still there.
        is_one_snapshot: false,
        started_at,
        finished_at: now(),
        tables: vec![ExportedTable {
            rows: folded.rows,
            bytes: folded.bytes,
            ordered_by: exported.key.clone(),
            parts,
            removed: replaced.chain(foreign).collect(),
            ..exported
        }],
        ..manifest
    };
    publish(lake, table, &source, &written).await?;
    Ok(folded)
}

/// The newest export of a table: its manifest without tables, and the table.
async fn newest(
    lake: &Location,
    table: &str,
) -> Result<(ExportManifest, ExportedTable), CompactError> {
    for mut manifest in exports::list(lake).await?.into_iter().rev() {
        let tables = std::mem::take(&mut manifest.tables);
        // Of two exports of one table in one manifest the last counts, as for readers.
        let found = tables.into_iter().rev().find(|found| found.table == table);
        if let Some(found) = found {
            return Ok((manifest, found));
        }
    }
    Err(CompactError::NotExported {
        table: table.to_owned(),
        lake: lake.to_string(),
        nearest: None,
    })
}

/// Writes the latest row of each key under the names of a new export's parts.
async fn write_latest(
    context: &SessionContext,
    lake: &Location,
    (exported, files): (&ExportedTable, &TableFiles),
    export: &str,
) -> Result<Vec<ExportedPart>, CompactError> {
    let failure = |source| CompactError::Rows {
        table: exported.table.clone(),
        source: Box::new(source),
    };
    let versions = Versions::open(context, lake, files)
        .await
        .map_err(failure)?;
    let schema = latest::file_schema(lake, files).await?;
    let mut filter =
        LatestRows::try_new(&schema, &exported.key).map_err(|error| failure(error.into()))?;
    let sorted = versions.by_key().map_err(failure)?;
    let mut batches = sorted.execute_stream().await.map_err(failure)?;
    let snapshot = exported.parts.last().map(|part| part.snapshot.clone());
    let not_finite = exported.not_finite().into_iter();
    let not_finite = not_finite.map(|(column, count)| (column.to_owned(), count));
    let mut parts = Parts {
        lake,
        folder: &exported.folder,
        export,
        snapshot: snapshot.unwrap_or_default(),
        not_finite: not_finite.collect(),
        schema: &schema,
        written: Vec::new(),
        open: None,
    };
    while let Some(batch) = batches.next().await {
        let latest = filter.of(&batch.map_err(failure)?);
        parts
            .write(latest.map_err(|error| failure(error.into()))?)
            .await?;
    }
    parts.finish().await
}

/// Keeps of each key the first version, unless that is a deletion.
struct LatestRows {
    schema: SchemaRef,
    keys: Vec<usize>,
    /// The key of the last version seen.
    last: Option<RecordBatch>,
}

impl LatestRows {
    fn try_new(schema: &SchemaRef, keys: &[String]) -> Result<Self, ArrowError> {
        let keys: Result<_, _> = keys.iter().map(|key| schema.index_of(key)).collect();
        Ok(Self {
            schema: Arc::clone(schema),
            keys: keys?,
            last: None,
        })
    }

    /// The rows of a batch that hold; its last column tells deletions.
    fn of(&mut self, versions: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let columns = self.schema.fields().len();
        let rows = RecordBatch::try_new(
            Arc::clone(&self.schema),
            versions.columns()[..columns].to_vec(),
        )?;
        if rows.num_rows() == 0 {
            return Ok(rows);
        }
        let keys = rows.project(&self.keys)?;
        let first = if let Some(last) = &self.last {
            differs_from_neighbour(&concat_batches(&keys.schema(), [last, &keys])?)?
        } else {
            let others = differs_from_neighbour(&keys)?;
            std::iter::once(Some(true)).chain(others.iter()).collect()
        };
        self.last = Some(keys.slice(keys.num_rows() - 1, 1));
        let deleted = versions.column(columns).as_boolean();
        filter_record_batch(&rows, &and_not(&first, deleted)?)
    }
}

/// For each row but the first, whether it is another key than the row before.
fn differs_from_neighbour(keys: &RecordBatch) -> Result<BooleanArray, ArrowError> {
    let pairs = keys.num_rows() - 1;
    let mut differs = BooleanArray::from(vec![false; pairs]);
    for column in keys.columns() {
        let other = distinct(&column.slice(0, pairs), &column.slice(1, pairs))?;
        differs = or(&differs, &other)?;
    }
    Ok(differs)
}

/// The files of the new set, one after the other.
struct Parts<'a> {
    lake: &'a Location,
    folder: &'a str,
    export: &'a str,
    snapshot: String,
    /// Counts of the parts before; the first new part keeps them.
    not_finite: BTreeMap<String, u64>,
    schema: &'a SchemaRef,
    written: Vec<ExportedPart>,
    open: Option<ParquetFile>,
}

impl Parts<'_> {
    fn path(&self) -> String {
        format!(
            "{}/{}",
            self.folder,
            exports::part_name(self.export, self.written.len())
        )
    }

    async fn write(&mut self, mut batch: RecordBatch) -> Result<(), CompactError> {
        while batch.num_rows() > 0 {
            let mut file = self.next_file()?;
            let room = PART_ROWS.saturating_sub(usize::try_from(file.rows()).unwrap_or(PART_ROWS));
            let taken = batch.slice(0, room.min(batch.num_rows()));
            batch = batch.slice(taken.num_rows(), batch.num_rows() - taken.num_rows());
            let is_full = taken.num_rows() == room;
            file.write(taken).await?;
            if is_full {
                self.close(file).await?;
            } else {
                self.open = Some(file);
            }
        }
        Ok(())
    }

    fn next_file(&mut self) -> Result<ParquetFile, StorageError> {
        match self.open.take() {
            Some(file) => Ok(file),
            None => ParquetFile::create(
                self.lake,
                &self.path(),
                self.schema,
                WriteSettings::default(),
            ),
        }
    }

    async fn close(&mut self, file: ParquetFile) -> Result<(), CompactError> {
        let path = self.path();
        let summary = file.finish().await?;
        self.written.push(ExportedPart {
            path,
            rows: summary.rows,
            bytes: summary.bytes,
            sha256: summary.sha256,
            snapshot: self.snapshot.clone(),
            pages: None,
            key_range: None,
            not_finite: std::mem::take(&mut self.not_finite),
            forgotten: 0,
            generation: 0,
            content: PartContent::Rows,
        });
        Ok(())
    }

    /// A table without rows is a file without rows, which tells its columns.
    async fn finish(mut self) -> Result<Vec<ExportedPart>, CompactError> {
        if self.open.is_some() || self.written.is_empty() {
            let file = self.next_file()?;
            self.close(file).await?;
        }
        Ok(self.written)
    }
}

/// Writes the manifest, then removes the files that it replaces. When another export of the
/// table has been published since it was read, the new files go instead.
async fn publish(
    lake: &Location,
    table: &str,
    folded: &str,
    manifest: &ExportManifest,
) -> Result<(), CompactError> {
    let (before, _) = newest(lake, table).await?;
    if before.export == folded {
        exports::write(lake, manifest).await?;
    }
    let (current, listed) = newest(lake, table).await?;
    let listed: BTreeSet<&str> = listed.parts.iter().map(|part| part.path.as_str()).collect();
    let unlisted = |files: Vec<String>| {
        files
            .into_iter()
            .filter(|file| !listed.contains(file.as_str()))
    };
    let [written] = manifest.tables.as_slice() else {
        return Ok(());
    };
    let new: Vec<String> = written.parts.iter().map(|part| part.path.clone()).collect();
    // An increment that was added since lists the new files as its own.
    if new.iter().all(|file| listed.contains(file.as_str())) {
        let old: Vec<String> = unlisted(written.removed.clone()).collect();
        remove(lake, &old).await?;
        return Ok(());
    }
    let new: Vec<String> = unlisted(new).collect();
    remove(lake, &new).await?;
    Err(CompactError::Overtaken {
        table: table.to_owned(),
        export: current.export,
    })
}

async fn remove(lake: &Location, files: &[String]) -> Result<(), StorageError> {
    for file in files {
        lake.delete(file).await?;
    }
    Ok(())
}
