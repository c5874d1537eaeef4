//! What an export has done so far, so that a killed one can be taken up again.
//!
//! In: the plan when the export begins, each part when its file is complete. Out: the same
//! after a kill. It lies in `_exports/<export>.working/`, one JSON object for the plan and one
//! for each part, and goes when the export's manifest is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::ExportError;
use super::plan::TablePlan;
use super::publish;
use super::snapshot::Snapshot;
use super::workers::PartId;
use crate::lake::exports::{
    self, ExportedColumn, ExportedContact, ExportedPart, ExportsError, IncrementRecord, Pages,
};
use crate::storage::Location;

/// The plan of an export that has begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Journal {
    /// The export's name.
    pub(super) export: String,
    /// What it reads.
    pub(super) snapshot: Snapshot,
    /// Its tables in order.
    pub(super) tables: Vec<JournalTable>,
}

/// What must be the same for a part to stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct JournalTable {
    pub(super) folder: String,
    pub(super) selection: Option<String>,
    pub(super) columns: Vec<ExportedColumn>,
    pub(super) contacts: Vec<ExportedContact>,
    pub(super) parts: Vec<Option<Pages>>,
    /// What the increment goes by, and the generation that it makes.
    pub(super) increment: Option<(IncrementRecord, u32)>,
}

impl JournalTable {
    pub(super) fn of(plan: &TablePlan) -> Self {
        Self {
            folder: plan.folder.clone(),
            selection: plan.selection.clone(),
            columns: plan.exported_columns(),
            contacts: plan.contacts.describe(),
            parts: plan.parts.clone(),
            increment: plan.increment_identity(),
        }
    }
}

impl Journal {
    pub(super) fn new(export: &str, snapshot: &Snapshot, plans: &[TablePlan]) -> Self {
        Self {
            export: export.to_owned(),
            snapshot: snapshot.clone(),
            tables: plans.iter().map(JournalTable::of).collect(),
        }
    }

    fn folder(&self) -> String {
        exports::working_folder(&self.export)
    }

    /// Writes the plan and the parts that stand, in place of what an earlier attempt has noted:
    /// its parts may have been numbered otherwise.
    pub(super) async fn begin(
        &self,
        lake: &Location,
        standing: &BTreeMap<PartId, ExportedPart>,
    ) -> Result<(), ExportError> {
        self.end(lake).await?;
        let path = format!("{}/plan.json", self.folder());
        lake.write(&path, json(lake, &path, self)?).await?;
        for (id, part) in standing {
            self.note(lake, *id, part).await?;
        }
        Ok(())
    }

    /// Notes that a part's file is complete.
    pub(super) async fn note(
        &self,
        lake: &Location,
        id: PartId,
        part: &ExportedPart,
    ) -> Result<(), ExportError> {
        let path = format!("{}/{}-{}.json", self.folder(), id.table, id.part);
        lake.write(&path, json(lake, &path, part)?).await?;
        Ok(())
    }

    /// Removes the journal of an export that has read nothing; whether it had.
    pub(super) async fn end_if_empty(&self, lake: &Location) -> Result<bool, ExportError> {
        let is_empty = lake.list(&self.folder()).await?.len() <= 1;
        if is_empty {
            self.end(lake).await?;
        }
        Ok(is_empty)
    }

    /// Removes the journal.
    pub(super) async fn end(&self, lake: &Location) -> Result<(), ExportError> {
        Ok(lake.delete_folder(&self.folder()).await?)
    }

    /// The newest export that was begun, not finished and not overtaken by a later one of the
    /// same tables, and the parts whose files are there.
    pub(super) async fn unfinished(
        lake: &Location,
    ) -> Result<Option<(Self, BTreeMap<PartId, ExportedPart>)>, ExportError> {
        let files = exports::working_files(lake).await?;
        let Some(plan) = files.iter().rfind(|path| path.ends_with("/plan.json")) else {
            return Ok(None);
        };
        let Some(journal) = read::<Self>(lake, plan).await? else {
            return Ok(None);
        };
        // Readers turn to the export that began last, so this one would end in vain; or it was
        // killed when its manifest was already written.
        let newest = exports::newest(lake).await?;
        let is_overtaken = journal.tables.iter().any(|table| {
            let newest = newest.get(&table.folder);
            newest.is_some_and(|(export, _)| *export >= journal.export)
        });
        if is_overtaken {
            return Ok(None);
        }
        let folder = journal.folder();
        let mut parts = BTreeMap::new();
        for path in &files {
            let id = path
                .strip_prefix(&folder)
                .and_then(|name| name.strip_prefix('/')?.strip_suffix(".json"))
                .and_then(part_id);
            let Some(id) = id else { continue };
            if let Some(part) = read::<ExportedPart>(lake, path).await?
                && is_staged(lake, &part).await?
            {
                parts.insert(id, part);
            }
        }
        Ok(Some((journal, parts)))
    }
}

fn part_id(name: &str) -> Option<PartId> {
    let (table, part) = name.split_once('-')?;
    Some(PartId {
        table: table.parse().ok()?,
        part: part.parse().ok()?,
    })
}

/// Whether the part's staged file is there in its full length.
async fn is_staged(lake: &Location, part: &ExportedPart) -> Result<bool, ExportError> {
    let size = lake.size(&publish::staged_path(&part.path)).await?;
    Ok(size == Some(part.bytes))
}

fn json(lake: &Location, path: &str, value: &impl Serialize) -> Result<Vec<u8>, ExportError> {
    let unreadable = |source| ExportsError::Unreadable {
        object: lake.describe(path),
        source,
    };
    Ok(serde_json::to_vec_pretty(value).map_err(unreadable)?)
}

async fn read<T: for<'a> Deserialize<'a>>(
    lake: &Location,
    path: &str,
) -> Result<Option<T>, ExportError> {
    let Some(text) = lake.read(path).await? else {
        return Ok(None);
    };
    let unreadable = |source| ExportsError::Unreadable {
        object: lake.describe(path),
        source,
    };
    Ok(Some(serde_json::from_slice(&text).map_err(unreadable)?))
}
