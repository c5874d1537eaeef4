//! The beginning of an export: tables, snapshot, plans, and what an earlier attempt has left.
//!
//! In: a request. Out: an [`Attempt`], whose session keeps the snapshot until it is dropped.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::error::ExportError;
use super::increment::{self, IncrementError};
use super::journal::{Journal, JournalTable};
use super::keeper::Keeper;
use super::name::TableName;
use super::plan::{Selection, TablePlan};
use super::relation::{Lock, Relation};
use super::session::Session;
use super::snapshot::{self, Snapshot};
use super::standing::{self, Earlier, Judgement};
use super::workers::PartId;
use super::{ExportRequest, Mode, verify};
use crate::error::Exit;
use crate::lake::exports::{self, ExportedPart, export_id};
use crate::storage::Location;

/// An export that has begun.
pub(super) struct Attempt {
    /// The snapshot that everybody reads, kept by the attempt's own session.
    pub(super) snapshot: Snapshot,
    pub(super) server_version: String,
    pub(super) plans: Vec<TablePlan>,
    /// The parts that need not be read.
    pub(super) standing: BTreeMap<PartId, ExportedPart>,
    pub(super) journal: Journal,
    pub(super) started_at: DateTime<Utc>,
    /// A snapshot that a killed attempt's helper still keeps.
    inherited: Option<Snapshot>,
    /// What keeps the snapshot when this process is killed.
    keeper: Option<Keeper>,
    session: Session,
}

/// What an earlier attempt, or an earlier export, has left.
#[derive(Default)]
struct Found {
    /// The attempt's name, when it is to be taken up.
    export: Option<String>,
    snapshot: Option<Snapshot>,
    tables: Vec<Earlier>,
}

impl Attempt {
    /// Finds the tables, takes or joins the snapshot, plans, and judges what is there.
    pub(super) async fn begin(
        request: &ExportRequest,
        started_at: DateTime<Utc>,
    ) -> Result<Self, ExportError> {
        let session = connect(request).await?;
        let relations = relations(&session, request).await?;
        let found = found(request).await?;
        let locks: Vec<Lock> = relations.iter().filter_map(Relation::lock).collect();
        let inherited = join(&session, found.snapshot).await?;
        let keeper = match (&inherited, &request.keeper) {
            (None, Some(program)) => Keeper::start(program, locks.clone()).await,
            _ => None,
        };
        match (&inherited, &keeper) {
            (Some(_), _) => (),
            (None, Some(keeper)) => snapshot::join(&session, &keeper.snapshot).await?,
            (None, None) => snapshot::begin(&session).await?,
        }
        let snapshot = snapshot::offer(&session, &locks).await?;
        let mut plans = plans(&session, &relations, request).await?;
        let judgement = match (&inherited, request.mode) {
            (Some(_), _) => Judgement::SameSnapshot,
            (None, Mode::ResumeRelaxed) => Judgement::Untested,
            (None, _) => Judgement::Proof,
        };
        let mut standing =
            standing::standing(&session, &mut plans, &found.tables, judgement).await?;
        if judgement != Judgement::Untested {
            for part in standing.values_mut() {
                part.snapshot.clone_from(&snapshot.text);
            }
        }
        let export = found.export.unwrap_or_else(|| export_id(started_at));
        let kept = keeper.as_ref().map(|keeper| &keeper.snapshot);
        let kept = inherited.as_ref().or(kept).unwrap_or(&snapshot);
        let journal = Journal::new(&export, kept, &plans);
        journal.begin(&request.lake, &standing).await?;
        Ok(Self {
            server_version: session
                .value("select current_setting('server_version')")
                .await?,
            snapshot,
            plans,
            standing,
            journal,
            started_at,
            inherited,
            keeper,
            session,
        })
    }

    /// Whether the locks and the snapshot are still kept. Without the locks a table may have
    /// been truncated between two parts, and a truncated table is empty in every snapshot.
    pub(super) async fn still_stands(&self) -> Result<(), ExportError> {
        self.session.execute("select 1").await
    }

    /// Leaves to a later attempt what it can take up: not the snapshot in which a value has no
    /// form in the lake, nor that of an attempt that has read nothing.
    pub(super) async fn fail(
        self,
        lake: &Location,
        error: &ExportError,
    ) -> Result<(), ExportError> {
        let has_nothing = self.journal.end_if_empty(lake).await?;
        if has_nothing || error.exit() == Exit::Usage {
            // The connection may be what has failed.
            if let Err(error) = self.end().await {
                tracing::warn!(%error, "an earlier attempt's snapshot may be kept for some minutes");
            }
        } else if let Some(keeper) = self.keeper {
            keeper.leave();
        }
        Ok(())
    }

    /// Lets go of the snapshot.
    pub(super) async fn end(self) -> Result<(), ExportError> {
        match &self.inherited {
            Some(inherited) => snapshot::release(&self.session, inherited).await,
            None => Ok(()),
        }
    }
}

/// What an export would read.
pub(super) async fn plan(request: &ExportRequest) -> Result<Vec<TablePlan>, ExportError> {
    let session = connect(request).await?;
    let relations = relations(&session, request).await?;
    snapshot::begin(&session).await?;
    plans(&session, &relations, request).await
}

pub(super) async fn connect(request: &ExportRequest) -> Result<Session, ExportError> {
    let session = Session::connect(&request.database).await?;
    session.limit_statements(request.statement_minutes).await?;
    Ok(session)
}

/// The tables and queries asked for, each once.
pub(super) async fn relations(
    session: &Session,
    request: &ExportRequest,
) -> Result<Vec<Relation>, ExportError> {
    if request.tables.is_empty() && request.queries.is_empty() {
        return Err(ExportError::NoTables);
    }
    let mut relations: Vec<Relation> = Vec::new();
    for table in &request.tables {
        let name = TableName::parse(table)?;
        if !relations.iter().any(|relation| relation.name == name) {
            relations.push(Relation::find(session, name).await?);
        }
    }
    for (name, sql) in &request.queries {
        let name = TableName::parse(name)?;
        if relations.iter().any(|relation| relation.name == name) {
            return Err(ExportError::NamedTwice {
                table: name.to_string(),
            });
        }
        relations.push(Relation::of_query(name, sql));
    }
    Ok(relations)
}

pub(super) async fn plans(
    session: &Session,
    relations: &[Relation],
    request: &ExportRequest,
) -> Result<Vec<TablePlan>, ExportError> {
    let mut selections = BTreeMap::new();
    for (table, selection) in &request.selections {
        let name = TableName::parse(table)?;
        if !relations.iter().any(|relation| relation.name == name) {
            return Err(ExportError::NotExported {
                table: name.to_string(),
            });
        }
        selections.insert(name, selection);
    }
    let mut increments = BTreeMap::new();
    for (table, incremental) in &request.increments {
        let name = TableName::parse(table)?;
        if !relations.iter().any(|relation| relation.name == name) {
            let table = name.to_string();
            return Err(IncrementError::NotAsked { table }.into());
        }
        increments.insert(name, incremental);
    }
    let all = Selection::default();
    let mut plans = Vec::with_capacity(relations.len());
    for relation in relations {
        let wanted = selections.get(&relation.name).copied().unwrap_or(&all);
        let mut plan = TablePlan::of(session, relation, wanted, request).await?;
        if let Some(incremental) = increments.get(&relation.name) {
            increment::plan(session, request, (&mut plan, relation), incremental).await?;
        }
        plans.push(plan);
    }
    Ok(plans)
}

/// Joins the snapshot of a killed attempt, if somebody still keeps it.
async fn join(
    session: &Session,
    snapshot: Option<Snapshot>,
) -> Result<Option<Snapshot>, ExportError> {
    let Some(snapshot) = snapshot else {
        return Ok(None);
    };
    match snapshot::join(session, &snapshot).await {
        Ok(()) => Ok(Some(snapshot)),
        Err(ExportError::SnapshotGone) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn found(request: &ExportRequest) -> Result<Found, ExportError> {
    match request.mode {
        Mode::Fresh => Ok(Found::default()),
        Mode::Resume | Mode::ResumeRelaxed => unfinished(request).await,
        Mode::Repair => finished(request).await,
    }
}

/// What a killed export has left.
async fn unfinished(request: &ExportRequest) -> Result<Found, ExportError> {
    let Some((journal, parts)) = Journal::unfinished(&request.lake).await? else {
        return Ok(Found::default());
    };
    let tables = journal
        .tables
        .into_iter()
        .enumerate()
        .map(|(number, table)| Earlier {
            written: parts
                .iter()
                .filter(|(id, _)| id.table == number)
                .map(|(id, part)| (id.part, part.clone()))
                .collect(),
            table,
        });
    Ok(Found {
        export: Some(journal.export),
        snapshot: Some(journal.snapshot),
        tables: tables.collect(),
    })
}

/// The last exports of the lake's tables, with those parts whose files are whole.
async fn finished(request: &ExportRequest) -> Result<Found, ExportError> {
    let mut found = Found::default();
    for (_, table) in exports::newest(&request.lake).await?.into_values() {
        // Increments, and what was folded from them, are not repaired part by part: they are
        // no ranges of pages, so the table is read anew.
        let is_by_pages = table.parts.iter().all(|part| part.pages.is_some());
        if !is_by_pages && table.parts.len() > 1 {
            continue;
        }
        let mut written = BTreeMap::new();
        for (number, part) in table.parts.iter().enumerate() {
            if verify::is_whole(&request.lake, part).await? {
                written.insert(number, part.clone());
            }
        }
        found.tables.push(Earlier {
            table: JournalTable {
                folder: table.folder,
                selection: table.selection,
                columns: table.columns,
                contacts: table.contacts,
                increment: None,
                parts: table.parts.into_iter().map(|part| part.pages).collect(),
            },
            written,
        });
    }
    Ok(found)
}
