//! Copies Postgres tables into the lake, exactly and over one snapshot.
//!
//! In: a [`Database`], tables' names, a lake. Out: `<lake>/<schema>/<table>/part-00000.parquet`
//! per table and a manifest of what was copied from which state of the database. Every table
//! is read in one read-only repeatable-read transaction; values that have no exact form stop
//! the export with table, column and row. Until every table has been read, no file of the
//! lake changes.
//!
//! `session` connects, `plan` chooses columns and types, `decode` and `value` turn the
//! stream into batches, `table` overlaps that with the encoder, `publish` puts files in place.

mod contacts;
mod database;
mod decode;
mod error;
mod plan;
mod publish;
mod session;
mod table;
mod types;
mod value;

use chrono::{DateTime, Utc};

pub use contacts::{Contacts, ContactsKey, ContactsPolicy, KeyError};
pub use database::{Database, UrlSource};
pub use decode::StreamProblem;
pub use error::{ExportError, ServerError};
pub use value::ValueProblem;

use crate::lake::exports::{
    self, ExportManifest, ExportedColumn, ExportedPart, ExportedTable, PartContent, export_id,
};
use crate::storage::{FileSummary, Location};
use plan::{Relation, TablePlan};
use session::Session;

/// What to export, whence and where to.
#[derive(Debug, Clone)]
pub struct ExportRequest {
    /// The database.
    pub database: Database,
    /// The tables, as `schema.table`; one named twice is exported once.
    pub tables: Vec<String>,
    /// The lake.
    pub lake: Location,
    /// What becomes of phone numbers and e-mail addresses.
    pub contacts: Contacts,
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
}

/// Copies the tables and writes the manifest.
///
/// `now` is asked once at the start and once at the end; `progress` is called every few
/// thousand rows and once at the end of each table. Files of earlier exports of the same
/// tables are replaced once every table has been read.
///
/// # Errors
/// See [`ExportError`]. The lake is then as it was, unless the store failed while files were
/// being put in place.
pub async fn export(
    request: &ExportRequest,
    now: impl Fn() -> DateTime<Utc>,
    progress: &(dyn Fn(&Progress<'_>) + Sync),
) -> Result<ExportManifest, ExportError> {
    let started_at = now();
    let export = export_id(started_at);
    let mut staged = Vec::new();
    let copied = match copy(request, &export, progress, &mut staged).await {
        Ok(copied) => copied,
        Err(error) => {
            remove_staged(&request.lake, &staged).await;
            return Err(error);
        }
    };
    let manifest = ExportManifest {
        export,
        database: request.database.to_string(),
        server_version: copied.server_version,
        snapshot: copied.snapshot,
        is_one_snapshot: true,
        contacts_key: request.contacts.key_name(),
        started_at,
        finished_at: now(),
        tables: copied.tables,
    };
    exports::write(&request.lake, &manifest).await?;
    Ok(manifest)
}

/// What an export learns on its way.
struct Copied {
    server_version: String,
    snapshot: String,
    tables: Vec<ExportedTable>,
}

/// Reads every table into a staged file, then puts all of them in place; `staged` names the
/// files that a failure leaves behind.
async fn copy(
    request: &ExportRequest,
    export: &str,
    progress: &(dyn Fn(&Progress<'_>) + Sync),
    staged: &mut Vec<String>,
) -> Result<Copied, ExportError> {
    let lake = &request.lake;
    let session = Session::connect(&request.database).await?;
    let relations = find(&session, &request.tables).await?;
    let snapshot = begin(&session, &relations).await?;
    let mut plans = Vec::with_capacity(relations.len());
    for relation in &relations {
        plans.push(relation.plan(&session, &request.contacts).await?);
    }
    let mut summaries = Vec::with_capacity(plans.len());
    for plan in &plans {
        let path = publish::staged_path(&plan.folder, export);
        let summary = table::copy_table(&session, plan, lake, &path, progress).await?;
        tracing::info!(
            table = plan.table,
            rows = summary.rows,
            bytes = summary.bytes,
            "table read"
        );
        staged.push(path);
        summaries.push(summary);
    }
    let server_version = end(&session).await?;
    let mut tables = Vec::with_capacity(plans.len());
    for ((plan, summary), path) in plans.iter().zip(summaries).zip(&*staged) {
        let removed = publish::put_in_place(lake, &plan.folder, path).await?;
        tables.push(describe(plan, summary, removed));
    }
    Ok(Copied {
        server_version,
        snapshot,
        tables,
    })
}

async fn find(session: &Session, tables: &[String]) -> Result<Vec<Relation>, ExportError> {
    if tables.is_empty() {
        return Err(ExportError::NoTables);
    }
    let mut relations = Vec::with_capacity(tables.len());
    for (position, table) in tables.iter().enumerate() {
        if !tables[..position].contains(table) {
            relations.push(Relation::find(session, table).await?);
        }
    }
    Ok(relations)
}

/// Starts the transaction and takes its snapshot; returns the snapshot's text.
///
/// The locks come before the snapshot, as Postgres advises: a table altered or truncated
/// between the two would be read in a form that the plan does not know.
async fn begin(session: &Session, relations: &[Relation]) -> Result<String, ExportError> {
    session
        .execute("begin isolation level repeatable read, read only")
        .await?;
    for lock in relations.iter().filter_map(Relation::lock) {
        session.execute(&lock).await?;
    }
    session
        .query_text("select txid_current_snapshot()::text")
        .await
}

/// Ends the transaction, which proves that the connection still stands; returns the server's
/// version.
async fn end(session: &Session) -> Result<String, ExportError> {
    session.execute("commit").await?;
    session
        .query_text("select current_setting('server_version')")
        .await
}

/// Removes what a failure has left; those already in place bear other names.
async fn remove_staged(lake: &Location, staged: &[String]) {
    for path in staged {
        if let Err(error) = lake.delete(path).await {
            tracing::warn!(path, %error, "a staged file is left behind");
        }
    }
}

fn describe(plan: &TablePlan, summary: FileSummary, removed: Vec<String>) -> ExportedTable {
    let columns = plan.columns.iter().map(|column| ExportedColumn {
        name: column.name.clone(),
        postgres: column.postgres.clone(),
        arrow: column.kind.arrow().to_string(),
    });
    ExportedTable {
        table: plan.table.clone(),
        folder: plan.folder.clone(),
        selection: None,
        rows: summary.rows,
        bytes: summary.bytes,
        key: Vec::new(),
        ordered_by: plan.ordered_by.clone(),
        columns: columns.collect(),
        absent: plan.absent.clone(),
        left_out: plan.left_out.clone(),
        contacts: plan.contacts.describe(),
        parts: vec![ExportedPart {
            path: publish::final_path(&plan.folder),
            rows: summary.rows,
            bytes: summary.bytes,
            sha256: summary.sha256,
            snapshot: String::new(),
            pages: None,
            key_range: None,
            generation: 0,
            content: PartContent::Rows,
        }],
        removed,
    }
}
