//! Compares a lake's exported tables with their files and with the database.
//!
//! In: a request and the lake's newest manifests. Out: for each part whether its file is what
//! the export wrote, and for each table whether the database has rows that the lake lacks.
//!
//! Of a part that was read by pages this much can be known, however much the database has
//! changed: rows that no transaction has written since the part's snapshot were all visible in
//! it, so the file must have at least as many.

use futures::TryStreamExt;
use sha2::{Digest, Sha256};

use super::ExportRequest;
use super::attempt;
use super::error::ExportError;
use super::increment::{self, IncrementError};
use super::plan::TablePlan;
use super::session::Session;
use super::snapshot;
use super::standing;
use crate::lake::exports::{self, ExportedPart, ExportedTable};
use crate::storage::{Location, ParquetRows, StorageError};

/// How a part's file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartState {
    /// It is what the export wrote, and can be read to its end.
    Whole,
    /// It is not there.
    Missing,
    /// Its bytes are others than those that the export wrote.
    Changed,
    /// Its bytes are the export's and do not hold the rows that the export counted.
    Unreadable,
    /// The database has rows that were there when the part was read and that it lacks.
    RowsMissing,
}

/// A part that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedPart {
    /// Path below the lake.
    pub path: String,
    /// Rows that the export wrote.
    pub rows: u64,
    /// How it is.
    pub state: PartState,
}

/// A table that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTable {
    /// `schema.name`.
    pub table: String,
    /// Rows that a reader of the lake sees; of increments the latest of each key, as far as
    /// all parts are whole.
    pub rows: u64,
    /// Rows of the database now.
    pub database_rows: u64,
    /// Its parts.
    pub parts: Vec<VerifiedPart>,
}

/// Reads every part again and counts the database's rows, all in one snapshot.
///
/// # Errors
/// [`ExportError::NeverExported`] for a table that the lake has no export of, else the
/// store's or the database's failure.
pub async fn verify(request: &ExportRequest) -> Result<Vec<VerifiedTable>, ExportError> {
    let session = attempt::connect(request).await?;
    let relations = attempt::relations(&session, request).await?;
    snapshot::begin(&session).await?;
    let plans = attempt::plans(&session, &relations, request).await?;
    let newest = exports::newest(&request.lake).await?;
    let mut verified = Vec::with_capacity(plans.len());
    for plan in &plans {
        let Some((_, table)) = newest.get(&plan.folder) else {
            return Err(ExportError::NeverExported {
                table: plan.table.clone(),
            });
        };
        verified.push(verify_table(&session, request, plan, table).await?);
    }
    Ok(verified)
}

async fn verify_table(
    session: &Session,
    request: &ExportRequest,
    plan: &TablePlan,
    table: &ExportedTable,
) -> Result<VerifiedTable, ExportError> {
    if table.selection != plan.selection {
        return Err(ExportError::OtherSelection {
            table: plan.table.clone(),
        });
    }
    if plan.has_own_sql {
        session.use_own_search_path().await?;
    }
    let mut parts = Vec::with_capacity(table.parts.len());
    for part in &table.parts {
        let mut state = state(&request.lake, part).await?;
        if state == PartState::Whole && lacks_rows(session, plan, part).await? {
            state = PartState::RowsMissing;
        }
        parts.push(VerifiedPart {
            path: part.path.clone(),
            rows: part.rows,
            state,
        });
    }
    let database_rows: i64 = session.value(&plan.count_whole()?).await?;
    let is_whole = parts.iter().all(|part| part.state == PartState::Whole);
    Ok(VerifiedTable {
        table: plan.table.clone(),
        rows: match latest_rows(request, plan, table).await {
            Ok(Some(latest)) => latest,
            // Broken parts are told as such, and cannot be counted.
            Err(error) if is_whole => return Err(error),
            Ok(None) | Err(_) => table.rows,
        },
        database_rows: database_rows.unsigned_abs(),
        parts,
    })
}

/// The rows that hold now of a table with increments; none of a table without.
async fn latest_rows(
    request: &ExportRequest,
    plan: &TablePlan,
    table: &ExportedTable,
) -> Result<Option<u64>, ExportError> {
    if table.parts.iter().all(|part| part.generation == 0) {
        return Ok(None);
    }
    let failure = IncrementError::rows(plan);
    let context = increment::session(request).map_err(failure)?;
    let Some(versions) = increment::versions(request, &context, (plan, table)).await? else {
        return Ok(None);
    };
    let latest = versions.latest_rows().map_err(failure)?;
    let rows = latest.count().await.map_err(failure)?;
    Ok(Some(rows as u64))
}

/// Whether rows that were there when the part was read are not in it.
async fn lacks_rows(
    session: &Session,
    plan: &TablePlan,
    part: &ExportedPart,
) -> Result<bool, ExportError> {
    let (Some(pages), None) = (&part.pages, &plan.selection) else {
        return Ok(false);
    };
    // A table that was written anew has its rows elsewhere.
    let is_same_file = plan
        .parts
        .iter()
        .flatten()
        .any(|now| now.relation == pages.relation && now.file_node == pages.file_node);
    if !is_same_file {
        return Ok(false);
    }
    let counted = standing::count(session, plan, pages, &part.snapshot).await?;
    Ok(counted.is_some_and(|(rows, newer)| rows - newer > part.rows + part.forgotten))
}

/// Whether a part's file is what the export wrote.
pub(super) async fn is_whole(lake: &Location, part: &ExportedPart) -> Result<bool, ExportError> {
    Ok(state(lake, part).await? == PartState::Whole)
}

async fn state(lake: &Location, part: &ExportedPart) -> Result<PartState, ExportError> {
    let Some((bytes, sha256)) = checksum(lake, &part.path).await? else {
        return Ok(PartState::Missing);
    };
    if bytes != part.bytes || sha256 != part.sha256 {
        return Ok(PartState::Changed);
    }
    Ok(match rows(lake, part).await {
        Ok(rows) if rows == part.rows => PartState::Whole,
        _ => PartState::Unreadable,
    })
}

/// The length and the SHA-256 of an object, read piece by piece; none when there is none.
async fn checksum(lake: &Location, path: &str) -> Result<Option<(u64, String)>, ExportError> {
    let Some(mut pieces) = lake.stream(path).await? else {
        return Ok(None);
    };
    let (mut length, mut hash) = (0, Sha256::new());
    while let Some(piece) = pieces.try_next().await? {
        length += piece.len() as u64;
        hash.update(&piece);
    }
    Ok(Some((length, format!("{:x}", hash.finalize()))))
}

/// The rows that can be read; an error when the file cannot be read to its end.
async fn rows(lake: &Location, part: &ExportedPart) -> Result<u64, StorageError> {
    let mut batches = ParquetRows::open(lake, &part.path).await?.stream(None)?;
    let mut rows = 0;
    while let Some(batch) = batches.try_next().await? {
        rows += batch.num_rows() as u64;
    }
    Ok(rows)
}
