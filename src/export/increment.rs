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
use chrono::{DateTime, Utc};
use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, SessionContext};

use super::ExportRequest;
use super::drift;
use super::error::ExportError;
use super::mark::{MarkKind, Overlap};
use super::name::quote;
use super::plan::{PlannedColumn, TablePlan};
use super::session::Session;
use crate::error::{Exit, nearest};
use crate::lake::exports::{
    self, ExportedPart, ExportedTable, IncrementRecord, Pages, PartContent,
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
    /// The table does not export the change column.
    #[error("`{table}` exports no column `{column}` to tell changes by")]
    ChangeColumnMissing {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
        /// A column that it exports.
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
    /// The condition on the rows to be read; none when the lake holds no change value yet.
    pub(super) condition: Option<String>,
    pub(super) generation: u32,
    pub(super) record: IncrementRecord,
    /// The parts of the generations before.
    pub(super) inherited: Vec<ExportedPart>,
    /// The export that has written them.
    pub(super) export: String,
    pub(super) deletes: bool,
    /// The whole table in parts, for reading its keys.
    pub(super) whole: Vec<Option<Pages>>,
    kind: MarkKind,
}

/// Makes the plan one for an increment, if the lake has an export of the table.
pub(super) async fn plan(
    session: &Session,
    request: &ExportRequest,
    plan: &mut TablePlan,
    wanted: &Incremental,
) -> Result<(), ExportError> {
    plan.key = key(session, plan).await?;
    let (kind, overlap) = mark_kind(plan, wanted)?;
    let mut newest = exports::newest(&request.lake).await?;
    let Some((export, earlier)) = newest.remove(&plan.folder) else {
        return Ok(());
    };
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
    let added = drift::check(&earlier, &plan.exported_columns())?;
    let mark = high_water(request, plan, (&export, &earlier), (&wanted.column, kind)).await?;
    let since = mark.and_then(|mark| kind.text(kind.since(mark, overlap)));
    let generations = earlier.parts.iter().map(|part| part.generation);
    plan.increment = Some(IncrementPlan {
        condition: since
            .as_ref()
            .map(|since| kind.condition(&quote(&wanted.column), since)),
        generation: generations.max().unwrap_or(0) + 1,
        record: IncrementRecord {
            column: wanted.column.clone(),
            overlap: overlap.to_string(),
            since,
            high_water: mark.and_then(|mark| kind.text(mark)),
            added,
        },
        inherited: earlier.parts,
        export,
        deletes: wanted.deletes,
        // Changed rows are few: one statement, which an index on the column serves.
        whole: std::mem::replace(&mut plan.parts, vec![None]),
        kind,
    });
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
        let is_repeated: bool = session.value(&plan.has_repeated(&key)?).await?;
        if is_repeated {
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

/// The column that tells changes.
fn change_column<'a>(
    plan: &'a TablePlan,
    wanted: &Incremental,
) -> Result<&'a PlannedColumn, IncrementError> {
    let names = || plan.columns.iter().map(|column| column.name.as_str());
    let mut columns = plan.columns.iter();
    columns
        .find(|column| column.name == wanted.column)
        .ok_or_else(|| IncrementError::ChangeColumnMissing {
            table: plan.table.clone(),
            column: wanted.column.clone(),
            nearest: nearest(&wanted.column, names()).map(str::to_owned),
        })
}

/// What the column holds, and the overlap that counts.
fn mark_kind(
    plan: &TablePlan,
    wanted: &Incremental,
) -> Result<(MarkKind, Overlap), IncrementError> {
    let column = change_column(plan, wanted)?;
    let (table, postgres) = (plan.table.clone(), column.postgres.clone());
    let column_name = column.name.clone();
    let Some(kind) = MarkKind::of(&column.kind.arrow()) else {
        return Err(IncrementError::ChangeColumnType {
            table,
            column: column_name,
            postgres,
        });
    };
    match kind.overlap(wanted.overlap) {
        Some(overlap) => Ok((kind, overlap)),
        None => Err(IncrementError::OverlapKind {
            table,
            column: column_name,
            postgres,
            expected: match kind {
                MarkKind::Integer => "a number, such as `--overlap 1000`",
                _ => "a time, such as `--overlap 1h`",
            },
        }),
    }
}

/// The highest change value that the lake has: as its last increment has noted it, else from
/// its rows.
async fn high_water(
    request: &ExportRequest,
    plan: &TablePlan,
    (export, earlier): (&str, &ExportedTable),
    (column, kind): (&str, MarkKind),
) -> Result<Option<i64>, IncrementError> {
    if let Some(record) = &earlier.increment
        && record.column == column
    {
        let mark = record.high_water.as_deref();
        return Ok(mark.and_then(|mark| kind.value(mark)));
    }
    let failure = IncrementError::rows(plan);
    let context = session(request).map_err(failure)?;
    let rows = match versions(request, &context, earlier, &plan.key).await? {
        Some(versions) => versions.all_rows().map_err(failure)?,
        None => return Ok(None),
    };
    let started_at = exports::started_at(export);
    let at_most = started_at.and_then(|started_at| kind.latest(started_at));
    latest::highest(rows, column, at_most)
        .await
        .map_err(failure)
}

/// A session for the lake's upkeep.
pub(super) fn session(request: &ExportRequest) -> Result<SessionContext, DataFusionError> {
    scan::session(request.memory_bytes, request.threads)
}

/// Every version of the rows of the lake's table.
pub(super) async fn versions(
    request: &ExportRequest,
    context: &SessionContext,
    earlier: &ExportedTable,
    key: &[String],
) -> Result<Option<Versions>, IncrementError> {
    let Some(mut files) = lake::table(&request.lake, &earlier.folder).await? else {
        return Ok(None);
    };
    files.key = key.to_vec();
    let versions = Versions::open(context, &request.lake, &files).await;
    let failure = |source| IncrementError::Rows {
        table: earlier.table.clone(),
        source: Box::new(source),
    };
    versions.map(Some).map_err(failure)
}

impl IncrementPlan {
    /// What must be the same for rows that an earlier attempt has read to stand.
    pub(super) fn identity(&self) -> (IncrementRecord, u32) {
        (self.record.clone(), self.generation)
    }

    /// What a manifest keeps of the increment, its own rows now being in place.
    pub(super) async fn recorded(
        &self,
        request: &ExportRequest,
        plan: &TablePlan,
        own: &[ExportedPart],
        started_at: DateTime<Utc>,
    ) -> Result<IncrementRecord, IncrementError> {
        let failure = IncrementError::rows(plan);
        let context = session(request).map_err(failure)?;
        let rows = own.iter().filter(|part| part.content == PartContent::Rows);
        let paths: Vec<String> = rows.map(|part| part.path.clone()).collect();
        let frame = open(&context, &request.lake, &paths)
            .await
            .map_err(failure)?;
        let at_most = self.kind.latest(started_at);
        let found = latest::highest(frame, &self.record.column, at_most);
        let found = found.await.map_err(failure)?;
        let before = self.record.high_water.as_deref();
        let before = before.and_then(|mark| self.kind.value(mark));
        Ok(IncrementRecord {
            high_water: found.max(before).and_then(|mark| self.kind.text(mark)),
            ..self.record.clone()
        })
    }

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
