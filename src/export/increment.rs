//! Increments: only the rows of a table that have changed since its last export.
//!
//! In: a plan for a whole table, the lake's newest export of it, a change column. Out: the plan
//! for the rows that have changed, or the whole one when the lake has none of the table. The
//! rows go into a generation of their own; readers take the latest row of each key
//! (`crate::lake::latest`).
//!
//! A row's change value is set before its transaction commits, so rows can appear below the
//! highest value that was read. Therefore reading begins an overlap before it, and rows that
//! come twice are one by their key. Rows that are gone leave no change value: they are found
//! by comparing keys (`deletions`).

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, SessionContext};

use super::ExportRequest;
use super::drift;
use super::error::ExportError;
use super::mark::{MarkKind, Overlap};
use super::name::quote;
use super::plan::TablePlan;
use super::relation::Relation;
use super::session::Session;
use crate::error::{Exit, nearest};
use crate::lake::exports::{
    self, ExportedColumn, ExportedPart, ExportedTable, IncrementRecord, Pages,
};
use crate::lake::latest::{self, Versions};
use crate::lake::{self, LakeError, scan};
use crate::schema::{TABLES, Table};
use crate::storage::Location;

/// How a table is exported in increments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incremental {
    /// The column that every change of a row sets anew.
    pub column: String,
    /// How far before the highest value reading begins; an hour when nothing is said.
    pub overlap: Option<Overlap>,
    /// Whether keys are compared to find rows that are gone.
    pub deletes: bool,
}

/// Why a table cannot be exported in increments.
#[derive(Debug, thiserror::Error)]
pub enum IncrementError {
    /// Nothing tells the rows apart.
    #[error("`{table}` has no primary key, by which an increment replaces rows")]
    NoKey {
        /// `schema.name`.
        table: String,
    },
    /// The columns that should tell the rows apart do not.
    #[error("`{table}` has no primary key, and `{key}` is null or stands on several rows")]
    KeyRepeated {
        /// `schema.name`.
        table: String,
        /// The columns.
        key: String,
    },
    /// A column of the key is left out, or of a type that rows cannot be matched by.
    #[error("`{table}.{column}` is of the key and {problem}")]
    KeyColumn {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The key is another one than in the lake.
    #[error("the key of `{table}` is `{now}` now and was `{before}`")]
    KeyChanged {
        /// `schema.name`.
        table: String,
        /// The columns in the lake.
        before: String,
        /// The columns now.
        now: String,
    },
    /// The table has no such change column.
    #[error("`{table}` has no column `{column}` to tell changes by")]
    ChangeColumnMissing {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
        /// A column that it has.
        nearest: Option<String>,
    },
    /// The change column is of a type that tells no changes.
    #[error("`{table}.{column}` cannot tell changes: its type is `{postgres}`")]
    ChangeColumnType {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
        /// The type, as Postgres spells it.
        postgres: String,
    },
    /// An overlap of time for numbers, or of numbers for time, or none for numbers.
    #[error("`{table}.{column}` is `{postgres}`, so the overlap must be {expected}")]
    OverlapKind {
        /// `schema.name`.
        table: String,
        /// The change column.
        column: String,
        /// The type, as Postgres spells it.
        postgres: String,
        /// What it must be.
        expected: &'static str,
    },
    /// An increment of a table that is not exported.
    #[error("`{table}` is to be exported in increments and is not among the tables")]
    NotAsked {
        /// `schema.name`.
        table: String,
    },
    /// A column of the lake's table that would not be read any more.
    #[error("`{table}.{column}` ({before}) is in the lake and would no longer be exported")]
    ColumnGone {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
        /// Its type in the last export.
        before: String,
    },
    /// A column whose type cannot hold what the lake's rows have.
    #[error("`{table}.{column}` is `{now}` now and was `{before}`, which does not fit into it")]
    TypeChanged {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
        /// Its type in the last export.
        before: String,
        /// Its type now.
        now: String,
    },
    /// A column that the last export has left out though it was there.
    #[error("`{table}.{column}` was left out of the last export, so the lake's rows lack it")]
    LeftOutBefore {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
    },
    /// Contacts became something else in the last export than they would now.
    #[error("`{table}.{column}`: the last export had another policy or key of contacts")]
    ContactsChanged {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
    },
    /// The lake's table cannot be told.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The lake's rows, or the keys beside them, cannot be read.
    #[error("cannot compare `{table}` with the lake")]
    Rows {
        /// `schema.name`.
        table: String,
        /// What `DataFusion` says.
        #[source]
        source: Box<DataFusionError>,
    },
    /// The temporary folder cannot be used.
    #[error("cannot keep the keys of `{table}` in a temporary folder")]
    TemporaryFolder {
        /// `schema.name`.
        table: String,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// Somebody else has exported the table since this export began.
    #[error("`{table}` was exported by {export} while this increment was being read")]
    Overtaken {
        /// `schema.name`.
        table: String,
        /// The other export.
        export: String,
    },
}

impl IncrementError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Lake(_)
            | Self::Rows { .. }
            | Self::TemporaryFolder { .. }
            | Self::Overtaken { .. } => Exit::Store,
            _ => Exit::Usage,
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        let fixed = match self {
            Self::NoKey { .. }
            | Self::KeyRepeated { .. }
            | Self::KeyChanged { .. }
            | Self::ColumnGone { .. }
            | Self::TypeChanged { .. }
            | Self::ContactsChanged { .. }
            | Self::LeftOutBefore { .. } => "export the table whole, without `--incremental`",
            Self::KeyColumn { .. } => "export the table whole, or all columns of its key",
            Self::ChangeColumnMissing { nearest, .. } => {
                return nearest
                    .as_ref()
                    .map(|nearest| format!("did you mean `{nearest}`?"));
            }
            Self::ChangeColumnType { .. } => "an integer, a date or a timestamp tells changes",
            Self::NotAsked { .. } => "name the table too",
            Self::Overtaken { .. } => "export it again, when nothing else is",
            Self::OverlapKind { .. }
            | Self::Lake(_)
            | Self::Rows { .. }
            | Self::TemporaryFolder { .. } => return None,
        };
        Some(fixed.to_owned())
    }

    pub(super) fn rows(plan: &TablePlan) -> impl Fn(DataFusionError) -> Self + Copy {
        |source| Self::Rows {
            table: plan.table.clone(),
            source: Box::new(source),
        }
    }
}

/// What makes a plan that of an increment.
#[derive(Debug, Clone)]
pub(super) struct IncrementPlan {
    /// The condition on the rows to be read; none when the lake has no change value yet.
    pub(super) condition: Option<String>,
    pub(super) generation: u32,
    /// The parts of the generations before.
    inherited: Vec<ExportedPart>,
    /// The export that has written them.
    export: String,
    pub(super) deletes: bool,
    /// The whole table in parts, for reading its keys.
    pub(super) whole: Vec<Option<Pages>>,
}

/// Makes the plan one for an increment, if the lake has an export of the table and tells how
/// far that came; in any case the plan then tells how far this export comes.
pub(super) async fn plan(
    session: &Session,
    request: &ExportRequest,
    (plan, relation): (&mut TablePlan, &Relation),
    wanted: &Incremental,
) -> Result<(), ExportError> {
    let change = ChangeColumn::find(session, (plan, relation), wanted).await?;
    plan.key = key(session, plan).await?;
    let mut record = IncrementRecord {
        column: change.name.clone(),
        overlap: change.overlap.to_string(),
        since: None,
        high_water: change.highest(session, plan).await?,
        added: Vec::new(),
    };
    let mut newest = exports::newest(&request.lake).await?;
    if let Some((export, earlier)) = newest.remove(&plan.folder) {
        let Some(mark) = change.mark(request, plan, (&export, &earlier)).await? else {
            plan.record = Some(record);
            return Ok(());
        };
        check_same(plan, &earlier)?;
        record.added = drift::check(
            &earlier,
            &plan.exported_columns(),
            &plan.contacts.describe(),
        )?;
        let since = mark.and_then(|mark| change.kind.text(change.kind.since(mark, change.overlap)));
        // A table that was emptied since has no highest value.
        record.high_water = record
            .high_water
            .or_else(|| mark.and_then(|mark| change.kind.text(mark)));
        let condition = |since: &String| change.kind.condition(&quote(&change.name), since);
        let generations = earlier.parts.iter().map(|part| part.generation);
        plan.increment = Some(IncrementPlan {
            condition: since.as_ref().map(condition),
            generation: generations.max().unwrap_or(0) + 1,
            inherited: earlier.parts,
            export,
            deletes: wanted.deletes,
            // Changed rows are few: one statement, which an index on the column serves.
            whole: std::mem::replace(&mut plan.parts, vec![None]),
        });
        record.since = since;
    }
    plan.record = Some(record);
    Ok(())
}

/// Makes sure that the lake has the same rows of the table, under the same key.
fn check_same(plan: &TablePlan, earlier: &ExportedTable) -> Result<(), ExportError> {
    if earlier.selection != plan.selection {
        return Err(ExportError::OtherSelection {
            table: plan.table.clone(),
        });
    }
    if !earlier.key.is_empty() && earlier.key != plan.key {
        return Err(IncrementError::KeyChanged {
            table: plan.table.clone(),
            before: earlier.key.join(", "),
            now: plan.key.join(", "),
        }
        .into());
    }
    Ok(())
}

/// The columns that name a row: the primary key, else the contract's if it proves to be one.
async fn key(session: &Session, plan: &TablePlan) -> Result<Vec<String>, ExportError> {
    let table = || plan.table.clone();
    let contract = || {
        let is_this = |table: &&Table| table.qualified() == plan.table && table.unique;
        TABLES.iter().find(is_this).map(|table| table.key)
    };
    let key = match (plan.key.as_slice(), contract()) {
        ([], None) => return Err(IncrementError::NoKey { table: table() }.into()),
        ([], Some(key)) => key.iter().map(|name| (*name).to_owned()).collect(),
        (key, _) => key.to_vec(),
    };
    for name in &key {
        let column = plan.columns.iter().find(|column| column.name == *name);
        let problem = match column {
            None => "not exported",
            Some(column) if !is_matchable(&column.kind.arrow()) => {
                "of a type that rows cannot be matched by"
            }
            Some(_) => continue,
        };
        return Err(IncrementError::KeyColumn {
            table: table(),
            column: name.clone(),
            problem,
        }
        .into());
    }
    if plan.key.is_empty() {
        let sql = plan.has_repeated(&key)?;
        if own_names(session, plan, session.value(&sql)).await? {
            let key = key.join(", ");
            return Err(IncrementError::KeyRepeated {
                table: table(),
                key,
            }
            .into());
        }
    }
    Ok(key)
}

/// Whether equal keys are equal values, and one order holds for them everywhere.
fn is_matchable(kind: &DataType) -> bool {
    !kind.is_nested() && !kind.is_floating()
}

/// The column that tells changes; it need not be exported.
struct ChangeColumn {
    name: String,
    kind: MarkKind,
    overlap: Overlap,
}

impl ChangeColumn {
    async fn find(
        session: &Session,
        (plan, relation): (&TablePlan, &Relation),
        wanted: &Incremental,
    ) -> Result<Self, ExportError> {
        let (table, name) = (plan.table.clone(), wanted.column.clone());
        let columns = relation.columns(session).await?;
        let Some(column) = columns.iter().find(|column| column.name == name) else {
            let names = columns.iter().map(|column| column.name.as_str());
            let nearest = nearest(&name, names).map(str::to_owned);
            return Err(IncrementError::ChangeColumnMissing {
                table,
                column: name,
                nearest,
            }
            .into());
        };
        let postgres = column.postgres.clone();
        let Some(kind) = MarkKind::of(column.type_oid) else {
            return Err(IncrementError::ChangeColumnType {
                table,
                column: name,
                postgres,
            }
            .into());
        };
        match kind.overlap(wanted.overlap) {
            Some(overlap) => Ok(Self {
                name,
                kind,
                overlap,
            }),
            None => Err(IncrementError::OverlapKind {
                table,
                column: name,
                postgres,
                expected: kind.overlap_of_its_kind(),
            }
            .into()),
        }
    }

    /// The highest value of the snapshot that does not lie in the future: one beyond, a slip
    /// of somebody's clock, would make every change until then be passed over.
    async fn highest(
        &self,
        session: &Session,
        plan: &TablePlan,
    ) -> Result<Option<String>, ExportError> {
        let column = quote(&self.name);
        let sql = plan.select(&self.kind.highest(&column), &self.kind.is_usable(&column))?;
        own_names(session, plan, session.value(&sql)).await
    }

    /// The highest value that the lake has: as its last export has noted it, else from its rows.
    /// `None` when neither tells, because the column is not exported.
    async fn mark(
        &self,
        request: &ExportRequest,
        plan: &TablePlan,
        (export, earlier): (&str, &ExportedTable),
    ) -> Result<Option<Option<i64>>, IncrementError> {
        if let Some(record) = &earlier.increment
            && record.column == self.name
        {
            let mark = record.high_water.as_deref();
            return Ok(Some(mark.and_then(|mark| self.kind.value(mark))));
        }
        let is_this = |column: &ExportedColumn| column.name == self.name;
        if !earlier.columns.iter().any(is_this) {
            return Ok(None);
        }
        let failure = IncrementError::rows(plan);
        let context = session(request).map_err(failure)?;
        let rows = match versions(request, &context, (plan, earlier)).await? {
            Some(versions) => versions.all_rows().map_err(failure)?,
            None => return Ok(Some(None)),
        };
        let started_at = exports::started_at(export);
        let at_most = started_at.and_then(|started_at| self.kind.latest(started_at));
        let highest = latest::highest(rows, &self.name, at_most).await;
        highest.map(Some).map_err(failure)
    }
}

/// Runs a query that names what the user's own condition names.
async fn own_names<T>(
    session: &Session,
    plan: &TablePlan,
    query: impl Future<Output = Result<T, ExportError>>,
) -> Result<T, ExportError> {
    if !plan.has_own_sql {
        return query.await;
    }
    session.use_own_search_path().await?;
    let value = query.await?;
    session.use_catalog_search_path().await?;
    Ok(value)
}

/// A session for the lake's upkeep.
pub(super) fn session(request: &ExportRequest) -> Result<SessionContext, DataFusionError> {
    scan::session(request.memory_bytes, request.threads)
}

/// Every version of the rows of the lake's table.
pub(super) async fn versions(
    request: &ExportRequest,
    context: &SessionContext,
    (plan, earlier): (&TablePlan, &ExportedTable),
) -> Result<Option<Versions>, IncrementError> {
    let Some(mut files) = lake::table(&request.lake, &earlier.folder).await? else {
        return Ok(None);
    };
    files.key.clone_from(&plan.key);
    let versions = Versions::open(context, &request.lake, &files).await;
    versions.map(Some).map_err(IncrementError::rows(plan))
}

impl IncrementPlan {
    /// Makes sure that the generations before are still what readers see.
    pub(super) async fn check_base(
        &self,
        lake: &Location,
        plan: &TablePlan,
    ) -> Result<(), ExportError> {
        let newest = exports::newest(lake).await?;
        let now = newest.get(&plan.folder);
        match now.map(|(export, _)| export) {
            Some(export) if *export == self.export => Ok(()),
            now => Err(IncrementError::Overtaken {
                table: plan.table.clone(),
                export: now.cloned().unwrap_or_default(),
            }
            .into()),
        }
    }

    /// The files that the table is made of from now on.
    pub(super) fn parts(&self, own: Vec<ExportedPart>) -> Vec<ExportedPart> {
        let mut seen = BTreeSet::new();
        let all = self.inherited.iter().cloned().chain(own);
        all.filter(|part| seen.insert(part.path.clone())).collect()
    }
}

/// Files of a location as one frame.
pub(super) async fn open(
    context: &SessionContext,
    location: &Location,
    paths: &[String],
) -> Result<DataFrame, DataFusionError> {
    let table = scan::table(context, location, paths, scan::parquet_options()).await?;
    context.read_table(Arc::new(table))
}
