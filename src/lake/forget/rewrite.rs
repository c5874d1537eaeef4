//! Writes a file anew without a client's rows.
//!
//! In: a file and a trace of the client. Out: the new file, staged beside the old one under a
//! name that no reader takes for data, and what both are.

use arrow::compute::filter_record_batch;
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use sha2::{Digest, Sha256};

use super::ForgetError;
use super::log::{Figures, RewrittenFile};
use super::trace::{ClientFile, Trace};
use crate::storage::{Location, ParquetFile, ParquetRows, StorageError, WriteSettings};

/// How the name of a staged file ends.
const STAGED: &str = ".forget.part";
/// How the names of staged files end, those of exports too.
const PART: &str = ".part";

/// Where the new form of a file is staged.
pub(super) fn staged_path(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/_{name}{STAGED}"),
        None => format!("_{path}{STAGED}"),
    }
}

/// Whether a file was staged by a command of ours.
pub(super) fn is_staged(path: &str) -> bool {
    path.ends_with(STAGED)
}

/// Whether a file was staged and never put in place.
pub(super) fn is_unfinished(path: &str) -> bool {
    path.ends_with(PART)
}

/// Writes the file without the client's rows to where it is staged.
///
/// Rows keep their order and the file its row groups' size, so that the result is the file
/// that would have been written had the client never been.
pub(super) async fn stage(file: &ClientFile, trace: &Trace) -> Result<RewrittenFile, ForgetError> {
    let rows = ParquetRows::open(&file.place, &file.path).await?;
    let mut settings = WriteSettings::default();
    if let Some(row_group_rows) = rows.row_group_rows() {
        settings.row_group_rows = row_group_rows;
    }
    let before = Figures {
        rows: rows.rows(),
        ..figures(&file.place, &file.path).await?
    };
    let staged = staged_path(&file.path);
    let mut written = ParquetFile::create(&file.place, &staged, rows.schema(), settings)?;
    let copied = copy(rows, file, trace, &mut written).await;
    if let Err(error) = copied {
        written.abort().await?;
        return Err(error);
    }
    let summary = written.finish().await?;
    Ok(RewrittenFile {
        table: file.table.clone(),
        path: file.path.clone(),
        before,
        after: Figures {
            rows: summary.rows,
            bytes: summary.bytes,
            sha256: summary.sha256,
        },
    })
}

async fn copy(
    rows: ParquetRows,
    file: &ClientFile,
    trace: &Trace,
    written: &mut ParquetFile,
) -> Result<(), ForgetError> {
    let mut batches = rows.stream(None)?;
    while let Some(batch) = batches.try_next().await? {
        let kept = trace
            .others(&batch, &file.ties)
            .and_then(|others| filter_record_batch(&batch, &others))
            .map_err(|source| file.failure(source))?;
        written.write(kept).await?;
    }
    Ok(())
}

/// Size and checksum of an object; its rows are not counted.
pub(super) async fn figures(place: &Location, path: &str) -> Result<Figures, StorageError> {
    let failure = |source| StorageError::Store {
        action: "read",
        object: place.describe(path),
        source,
    };
    let found = place.store().get(&place.object_path(path)).await;
    let mut chunks = found.map_err(failure)?.into_stream();
    let mut hash = Sha256::new();
    let mut bytes = 0;
    while let Some(chunk) = chunks.try_next().await.map_err(failure)? {
        bytes += chunk.len() as u64;
        hash.update(&chunk);
    }
    Ok(Figures {
        rows: 0,
        bytes,
        sha256: format!("{:x}", hash.finalize()),
    })
}
