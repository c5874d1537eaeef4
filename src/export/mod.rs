//! Copies Postgres tables into the lake, exactly and over one snapshot.
//!
//! In: a [`Database`], tables' names, a lake. Out: `<lake>/<schema>/<table>/part-*.parquet` per
//! table and a manifest of what was copied from which state of the database. Every connection
//! reads the same snapshot; values that have no exact form stop the export with table, column
//! and row. Readers see nothing of an export until its manifest is written.
//!
//! `connection` finds the database; `attempt` finds the tables, the snapshot and what an earlier attempt has left; `plan`
//! chooses columns, types and parts (`relation`, `choice`, `pages`); `standing` tells which earlier parts
//! still hold; `workers` read the others (`part`, `order`, `decode`, `value`) and note them in
//! the `journal`; `publish` puts files in place. `verify` compares a lake with its database.

mod attempt;
mod choice;
mod connection;
mod contacts;
mod decode;
mod deletions;
mod drift;
mod error;
mod hint;
mod increment;
mod journal;
mod keeper;
mod mark;
mod name;
mod order;
mod pages;
mod part;
mod plan;
mod publish;
mod relation;
mod session;
mod snapshot;
mod standing;
mod types;
mod value;
mod verify;
mod workers;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub use connection::{Connection, ConnectionError, Database, Surroundings, UrlSource};
pub use contacts::{Contacts, ContactsKey, ContactsPolicy, KeyError};
pub use decode::StreamProblem;
pub use error::{ExportError, ServerError};
pub use increment::{IncrementError, Incremental};
pub use keeper::{KeeperProgram, keep};
pub use mark::Overlap;
pub use plan::Selection;
pub use types::{Conversion, Conversions, NoConversion, NotFinite};
pub use value::ValueProblem;
pub use verify::{PartState, VerifiedPart, VerifiedTable, verify};

use crate::lake::exports::{self, ExportManifest, ExportedPart, ExportedTable, PartContent};
use crate::storage::Location;
use attempt::Attempt;
use plan::TablePlan;
use workers::{Event, PartId, Work};

/// What to export, whence and where to.
#[derive(Debug, Clone)]
pub struct ExportRequest {
    /// The database.
    pub database: Database,
    /// The tables, as `schema.table`; one named twice is exported once.
    pub tables: Vec<String>,
    /// The user's own queries, as `schema.table` and SQL.
    pub queries: Vec<(String, String)>,
    /// What is wanted of single tables, by `schema.table`.
    pub selections: BTreeMap<String, Selection>,
    /// The lake.
    pub lake: Location,
    /// Forms of columns that their types do not say.
    pub conversions: Conversions,
    /// What becomes of phone numbers and e-mail addresses.
    pub contacts: Contacts,
    /// Connections that read at the same time.
    pub jobs: usize,
    /// Minutes after which the server gives a statement up.
    pub statement_minutes: u32,
    /// What becomes of an earlier attempt.
    pub mode: Mode,
    /// What keeps the snapshot when this process is killed.
    pub keeper: Option<KeeperProgram>,
    /// The tables of which only changed rows are read, by `schema.table`.
    pub increments: BTreeMap<String, Incremental>,
    /// Memory that comparing keys with the lake may hold; it spills beyond it.
    pub memory_bytes: usize,
    /// Threads that comparing keys uses.
    pub threads: usize,
}

/// How an export deals with what is already there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything is read.
    #[default]
    Fresh,
    /// Parts of a killed export stand, if they agree with the snapshot of now.
    Resume,
    /// Parts of a killed export stand as they are; the lake is then not of one snapshot.
    ResumeRelaxed,
    /// Whole files of the last export stand, if they agree with the snapshot of now.
    Repair,
}

impl ExportRequest {
    /// A request for whole tables over one connection.
    pub fn new(database: Database, tables: Vec<String>, lake: Location) -> Self {
        Self {
            database,
            tables,
            queries: Vec::new(),
            selections: BTreeMap::new(),
            lake,
            conversions: Conversions::default(),
            contacts: Contacts::default(),
            jobs: 1,
            statement_minutes: 360,
            mode: Mode::Fresh,
            keeper: None,
            increments: BTreeMap::new(),
            memory_bytes: 512 << 20,
            threads: 2,
        }
    }
}

/// How far the export of a table has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// `schema.name`.
    pub table: &'a str,
    /// Rows received.
    pub rows: u64,
    /// Bytes received.
    pub bytes: u64,
    /// The server's estimate of the table's rows, when it has one; it may be far off.
    pub estimated_rows: Option<u64>,
    /// Whether all of the table's rows are received.
    pub is_complete: bool,
}

/// Copies the tables and writes the manifest.
///
/// `now` is asked at the start and at the end; `progress` is called every few thousand rows
/// and once at the end of each part.
///
/// # Errors
/// See [`ExportError`]. Readers of the lake then see what they saw before.
pub async fn export(
    request: &ExportRequest,
    now: impl Fn() -> DateTime<Utc>,
    progress: &(dyn Fn(&Progress<'_>) + Sync),
) -> Result<ExportManifest, ExportError> {
    let started_at = now();
    let attempt = Attempt::begin(request, started_at).await?;
    let stood = attempt.standing.clone();
    let mut parts = attempt.standing.clone();
    match read(request, &attempt, progress).await {
        Ok(read) => parts.extend(read),
        Err(error) => {
            attempt.fail(&request.lake, &error).await?;
            return Err(error);
        }
    }
    let deleted = deleted(request, &attempt).await?;
    attempt.still_stands().await?;
    let newest = exports::newest(&request.lake).await?;
    refuse_if_overtaken(&attempt, &newest)?;
    for part in parts.values().chain(deleted.values()) {
        if exports::export_of_part(&part.path) == Some(&attempt.journal.export) {
            publish::put_in_place(&request.lake, &part.path).await?;
        }
    }
    let mut tables = Vec::with_capacity(attempt.plans.len());
    for (number, plan) in attempt.plans.iter().enumerate() {
        let of_table = |id: &PartId| id.table == number;
        let own = parts.iter().filter(|(id, _)| of_table(id));
        let own = own.map(|(_, part)| part).chain(deleted.get(&number));
        let own: Vec<ExportedPart> = own.cloned().collect();
        let mut table = describe(plan, own, &attempt, request).await?;
        table.stood = stood.keys().filter(|id| of_table(id)).count();
        tables.push(table);
    }
    let snapshot = attempt.snapshot.text.clone();
    let mut all = tables.iter().flat_map(|table| &table.parts);
    let manifest = ExportManifest {
        export: attempt.journal.export.clone(),
        database: request.database.to_string(),
        server_version: attempt.server_version.clone(),
        is_one_snapshot: all.all(|part| part.snapshot == snapshot),
        snapshot,
        started_at,
        finished_at: now(),
        tables,
    };
    for plan in &attempt.plans {
        if let Some(increment) = &plan.increment {
            increment.check_base(&request.lake, plan).await?;
        }
    }
    exports::write(&request.lake, &manifest).await?;
    clean_up(request, attempt, &manifest).await?;
    Ok(manifest)
}

/// Readers turn to the export that began last: one that another has overtaken would remove
/// the files that they read.
fn refuse_if_overtaken(
    attempt: &Attempt,
    newest: &BTreeMap<String, (String, ExportedTable)>,
) -> Result<(), ExportError> {
    for plan in &attempt.plans {
        if let Some((export, _)) = newest.get(&plan.folder)
            && *export > attempt.journal.export
        {
            return Err(ExportError::Overtaken {
                table: plan.table.clone(),
                export: export.clone(),
            });
        }
    }
    Ok(())
}

/// The keys that are gone of each table whose increment asks for them, by its number.
async fn deleted(
    request: &ExportRequest,
    attempt: &Attempt,
) -> Result<BTreeMap<usize, ExportedPart>, ExportError> {
    let mut deleted = BTreeMap::new();
    for (number, plan) in attempt.plans.iter().enumerate() {
        if let Some(increment) = plan
            .increment
            .as_ref()
            .filter(|increment| increment.deletes)
        {
            let part = deletions::write(request, attempt, plan, increment).await?;
            deleted.extend(part.map(|part| (number, part)));
        }
    }
    Ok(deleted)
}

/// Reads the parts that do not stand.
async fn read(
    request: &ExportRequest,
    attempt: &Attempt,
    progress: &(dyn Fn(&Progress<'_>) + Sync),
) -> Result<BTreeMap<PartId, ExportedPart>, ExportError> {
    let plans = &attempt.plans;
    let all = plans
        .iter()
        .enumerate()
        .flat_map(|(table, plan)| (0..plan.parts.len()).map(move |part| PartId { table, part }));
    let work = Work {
        database: request.database.clone(),
        snapshot: attempt.snapshot.clone(),
        statement_minutes: request.statement_minutes,
        not_finite: request.conversions.not_finite,
        lake: request.lake.clone(),
        journal: attempt.journal.clone(),
        plans: plans.clone(),
        parts: all
            .filter(|id| !attempt.standing.contains_key(id))
            .collect(),
    };
    let mut missing = vec![0_usize; plans.len()];
    for id in &work.parts {
        missing[id.table] += 1;
    }
    let mut received: BTreeMap<PartId, (u64, u64)> = BTreeMap::new();
    let mut written = BTreeMap::new();
    let hear = |event| {
        let (id, rows, bytes, is_complete) = match event {
            Event::Received { part, rows, bytes } => (part, rows, bytes, false),
            Event::Written { part, exported } => {
                missing[part.table] -= 1;
                let bytes = received.get(&part).map_or(0, |(_, bytes)| *bytes);
                let rows = exported.rows;
                written.insert(part, exported);
                (part, rows, bytes, true)
            }
        };
        received.insert(id, (rows, bytes));
        let plan = &plans[id.table];
        let of_table = received
            .range(PartId { part: 0, ..id }..)
            .take_while(|(other, _)| other.table == id.table);
        let (rows, bytes) =
            of_table.fold((0, 0), |sum, (_, part)| (sum.0 + part.0, sum.1 + part.1));
        progress(&Progress {
            table: &plan.table,
            rows,
            bytes,
            estimated_rows: plan.estimated_rows,
            is_complete: is_complete && missing[id.table] == 0,
        });
    };
    workers::run(work, request.jobs, hear).await?;
    // Nothing is published with a hole in it, whatever became of the workers.
    match plans.iter().zip(missing).find(|(_, missing)| *missing > 0) {
        Some((plan, parts)) => Err(ExportError::NotWritten {
            table: plan.table.clone(),
            parts,
        }),
        None => Ok(written),
    }
}

/// Removes what the manifest has made needless.
async fn clean_up(
    request: &ExportRequest,
    attempt: Attempt,
    manifest: &ExportManifest,
) -> Result<(), ExportError> {
    let lake = &request.lake;
    for path in manifest.tables.iter().flat_map(|table| &table.removed) {
        lake.delete(path).await?;
    }
    attempt.journal.end(lake).await?;
    let folders = manifest.tables.iter().map(|table| table.folder.as_str());
    publish::remove_abandoned(lake, folders, manifest.started_at).await?;
    attempt.end().await
}

/// What the manifest says of a table whose own parts are in place.
async fn describe(
    plan: &TablePlan,
    own: Vec<ExportedPart>,
    attempt: &Attempt,
    request: &ExportRequest,
) -> Result<ExportedTable, ExportError> {
    let started_at = attempt.started_at;
    let parts = match &plan.increment {
        Some(increment) => increment.parts(own),
        None => own,
    };
    let rows = parts
        .iter()
        .filter(|part| part.content == PartContent::Rows);
    let mut table = ExportedTable {
        table: plan.table.clone(),
        folder: plan.folder.clone(),
        selection: plan.selection.clone(),
        rows: rows.map(|part| part.rows).sum(),
        bytes: parts.iter().map(|part| part.bytes).sum(),
        key: plan.key.clone(),
        ordered_by: plan.ordered_by.clone(),
        columns: plan.exported_columns(),
        absent: plan.absent.clone(),
        left_out: plan.left_out.clone(),
        contacts: plan.contacts.describe(),
        parts,
        removed: Vec::new(),
        stood: 0,
        increment: plan.record.clone(),
    };
    // An increment replaces no file.
    if plan.increment.is_none() {
        let earlier = exports::newest(&request.lake).await?;
        let earlier = earlier.get(&table.folder).map(|(_, table)| table);
        table.removed = publish::replaced(
            &request.lake,
            &table,
            earlier,
            &attempt.journal.export,
            started_at,
        )
        .await?;
    }
    Ok(table)
}

/// A table as a dry run shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedTable {
    /// `schema.name`.
    pub table: String,
    /// The server's estimate of the rows, when it has one.
    pub estimated_rows: Option<u64>,
    /// What the rows take in the server, when it tells.
    pub estimated_bytes: Option<u64>,
    /// How many parts would be read.
    pub parts: usize,
    /// The columns by which each part's rows would be ordered.
    pub ordered_by: Vec<String>,
    /// The columns that would be written.
    pub columns: Vec<exports::ExportedColumn>,
    /// Columns that a run may read and the database does not have.
    pub absent: Vec<String>,
    /// Columns that would stay behind.
    pub left_out: Vec<String>,
    /// The contact columns of both kinds, and what would become of each.
    pub contacts: Vec<exports::ExportedContact>,
}

/// What [`export`] would read; no row is read and nothing is written.
///
/// # Errors
/// The same as those of an export before it reads.
pub async fn dry_run(request: &ExportRequest) -> Result<Vec<PlannedTable>, ExportError> {
    let plans = attempt::plan(request).await?;
    let planned = plans.into_iter().map(|plan| PlannedTable {
        columns: plan.exported_columns(),
        contacts: plan.contacts.describe(),
        parts: plan.parts.len(),
        table: plan.table,
        estimated_rows: plan.estimated_rows,
        estimated_bytes: plan.estimated_bytes,
        ordered_by: plan.ordered_by,
        absent: plan.absent,
        left_out: plan.left_out,
    });
    Ok(planned.collect())
}
