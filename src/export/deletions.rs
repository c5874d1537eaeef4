//! Finds the rows that the lake has and the database no longer has.
//!
//! In: an export that holds its snapshot, a plan of an increment. Out: a staged file of the keys
//! that are gone, or none. The keys of the database go to a temporary folder; the comparison
//! spills there too, so that neither side need fit in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::StreamExt;

use super::attempt::Attempt;
use super::error::ExportError;
use super::increment::{self, IncrementError, IncrementPlan};
use super::journal::Journal;
use super::plan::TablePlan;
use super::workers::{self, Event, PartId, Work};
use super::{ExportRequest, publish};
use crate::lake::exports::{self, ExportedPart, PartContent};
use crate::storage::{Location, ParquetFile, StoreOptions, WriteSettings};

/// Writes the keys that are gone; none when there are none.
pub(super) async fn write(
    request: &ExportRequest,
    attempt: &Attempt,
    plan: &TablePlan,
    increment: &IncrementPlan,
) -> Result<Option<ExportedPart>, ExportError> {
    let failure = IncrementError::rows(plan);
    let newest = exports::newest(&request.lake).await?;
    let Some((_, earlier)) = newest.get(&plan.folder) else {
        return Ok(None);
    };
    let context = increment::session(request).map_err(failure)?;
    let versions = increment::versions(request, &context, (plan, earlier)).await?;
    let Some(versions) = versions else {
        return Ok(None);
    };
    let folder = tempfile::tempdir().map_err(|source| IncrementError::TemporaryFolder {
        table: plan.table.clone(),
        source,
    })?;
    let temporary = Location::open(&folder.path().to_string_lossy(), &StoreOptions::default())?;
    let keys = plan.of_keys(increment.whole.clone());
    let schema = keys.arrow();
    let files = read_keys(request, attempt, &temporary, keys).await?;
    let present = increment::open(&context, &temporary, &files);
    let present = present.await.map_err(failure)?;
    let missing = versions.missing_from(&present).map_err(failure)?;
    let mut missing = missing.execute_stream().await.map_err(failure)?;
    let folder = exports::part_folder(&plan.folder, increment.generation, PartContent::DeletedKeys);
    let path = publish::final_path(&folder, &attempt.journal.export, 0);
    let staged = publish::staged_path(&path);
    let mut file: Option<ParquetFile> = None;
    while let Some(batch) = missing.next().await {
        let batch = batch.map_err(failure)?;
        if batch.num_rows() == 0 {
            continue;
        }
        let batch = RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec());
        let batch = batch.map_err(|error| failure(error.into()))?;
        let mut open = match file.take() {
            Some(file) => file,
            None => ParquetFile::create(&request.lake, &staged, &schema, WriteSettings::default())?,
        };
        open.write(batch).await?;
        file = Some(open);
    }
    let Some(file) = file else { return Ok(None) };
    let summary = file.finish().await?;
    Ok(Some(ExportedPart {
        path,
        rows: summary.rows,
        bytes: summary.bytes,
        sha256: summary.sha256,
        snapshot: attempt.snapshot.text.clone(),
        pages: None,
        key_range: None,
        not_finite: BTreeMap::new(),
        forgotten: 0,
        generation: increment.generation,
        content: PartContent::DeletedKeys,
    }))
}

/// Copies the keys of the whole table into files below `temporary`; returns their paths.
async fn read_keys(
    request: &ExportRequest,
    attempt: &Attempt,
    temporary: &Location,
    keys: TablePlan,
) -> Result<Vec<String>, ExportError> {
    let plans = vec![keys];
    let parts = (0..plans[0].parts.len()).map(|part| PartId { table: 0, part });
    let work = Work {
        database: request.database.clone(),
        snapshot: attempt.snapshot.clone(),
        statement_minutes: request.statement_minutes,
        not_finite: request.conversions.not_finite,
        lake: temporary.clone(),
        journal: Journal::new(&attempt.journal.export, &attempt.snapshot, &plans),
        parts: parts.collect(),
        plans,
    };
    let mut files = Vec::new();
    workers::run(work, request.jobs, |event| {
        if let Event::Written { exported, .. } = event {
            files.push(publish::staged_path(&exported.path));
        }
    })
    .await?;
    files.sort();
    Ok(files)
}
