//! Which parts of an earlier attempt, or of an earlier export, stand.
//!
//! In: what was written, of which rows, under which snapshot, and the plan of now. Out: the
//! parts that hold exactly what the new snapshot shows, and a plan whose other parts are to be
//! read.
//!
//! A part is proven unchanged when the table's file in the server is the same one, when in the
//! part's pages no row visible now was written by a transaction that had not ended before the
//! part's snapshot, and when there are as many rows as the part has: rows that old were all
//! visible then, so equal numbers are equal rows.

use std::collections::BTreeMap;

use tokio_postgres::Row;

use super::error::ExportError;
use super::journal::JournalTable;
use super::plan::TablePlan;
use super::session::Session;
use super::workers::PartId;
use crate::lake::exports::{ExportedPart, Pages};

/// Transaction numbers are compared as 32 bits: further back than half of them, an age says
/// nothing.
const COMPARABLE: u64 = 1 << 31;

/// What an earlier attempt has written of one table.
pub(super) struct Earlier {
    pub(super) table: JournalTable,
    /// The complete files, by their number in `table.parts`.
    pub(super) written: BTreeMap<usize, ExportedPart>,
}

/// How the earlier attempt's parts are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The snapshot is the same: they stand.
    SameSnapshot,
    /// They stand if proven unchanged.
    Proof,
    /// They stand untested; the lake is then not of one snapshot.
    Untested,
}

/// Cuts each table as the earlier attempt did, where that still fits, and returns the parts
/// that stand.
pub(super) async fn standing(
    session: &Session,
    plans: &mut [TablePlan],
    earlier: &[Earlier],
    judgement: Judgement,
) -> Result<BTreeMap<PartId, ExportedPart>, ExportError> {
    let mut standing = BTreeMap::new();
    for (table, plan) in plans.iter_mut().enumerate() {
        let Some(earlier) = earlier.iter().find(|earlier| is_same(plan, &earlier.table)) else {
            continue;
        };
        // The pages have moved; under the same snapshot they cannot have.
        if judgement != Judgement::SameSnapshot && files(&plan.parts) != files(&earlier.table.parts)
        {
            continue;
        }
        plan.parts.clone_from(&earlier.table.parts);
        for (number, part) in &earlier.written {
            // Noted by an attempt that had cut the table otherwise.
            if plan.parts.get(*number) != Some(&part.pages) {
                continue;
            }
            let stands = match judgement {
                Judgement::SameSnapshot | Judgement::Untested => true,
                Judgement::Proof => is_unchanged(session, plan, part).await?,
            };
            if stands {
                let id = PartId {
                    table,
                    part: *number,
                };
                standing.insert(id, part.clone());
            }
        }
    }
    Ok(standing)
}

fn is_same(plan: &TablePlan, earlier: &JournalTable) -> bool {
    plan.folder == earlier.folder
        && plan.selection == earlier.selection
        && plan.exported_columns() == earlier.columns
        // The same column under another policy or key holds other values.
        && plan.contacts.describe() == earlier.contacts
        && plan.increment_identity() == earlier.increment
}

/// The relations of a cut and their files in the server, each once.
fn files(parts: &[Option<Pages>]) -> Vec<(&str, u32)> {
    let pages = parts.iter().flatten();
    let mut files: Vec<(&str, u32)> = pages
        .map(|pages| (pages.relation.as_str(), pages.file_node))
        .collect();
    files.dedup();
    files
}

/// Whether the part holds what the session's snapshot shows.
async fn is_unchanged(
    session: &Session,
    plan: &TablePlan,
    part: &ExportedPart,
) -> Result<bool, ExportError> {
    // What a user's condition depends on is not ours to know.
    let (Some(pages), None) = (&part.pages, &plan.selection) else {
        return Ok(false);
    };
    let counted = count(session, plan, pages, &part.snapshot).await?;
    Ok(counted == Some((part.rows + part.forgotten, 0)))
}

/// The rows that a range shows now, and how many of them are newer than the snapshot; none
/// when that cannot be told.
pub(super) async fn count(
    session: &Session,
    plan: &TablePlan,
    pages: &Pages,
    snapshot: &str,
) -> Result<Option<(u64, u64)>, ExportError> {
    let oldest = snapshot
        .split(':')
        .next()
        .and_then(|xmin| xmin.parse::<u64>().ok());
    let Some(oldest) = oldest else {
        return Ok(None);
    };
    let next: i64 = session
        .value("select txid_snapshot_xmax(txid_current_snapshot())")
        .await?;
    let age = next.unsigned_abs().checked_sub(oldest);
    if age.is_none_or(|age| age >= COMPARABLE) {
        return Ok(None);
    }
    // Stored rows bear the lower half of a transaction's number.
    let [_, _, _, _, a, b, c, d] = oldest.to_be_bytes();
    let sql = plan.count(Some(pages), u32::from_be_bytes([a, b, c, d]))?;
    let rows = session.query(&sql, &[]).await?;
    let read = |row: &Row| -> Result<(i64, i64), tokio_postgres::Error> {
        Ok((row.try_get(0)?, row.try_get(1)?))
    };
    let counted = rows.first().map(read).transpose();
    let counted = counted.map_err(|source| session.failure(source))?;
    Ok(counted.map(|(rows, newer)| (rows.unsigned_abs(), newer.unsigned_abs())))
}
