//! A table that was exported in increments, as the rows that hold now.
//!
//! In: a table's files by generation. Out: plans over them: the latest row of each key, all
//! versions in the order of their keys, the keys that a database no longer has. A key's
//! version of the highest generation counts; when that is a deletion, the key has no row.
//!
//! All generations are read in the form of the newest: a column that came later is null in
//! the rows before, a type that was widened is cast.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::common::{Column, NullEquality, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::{max, sum};
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{
    ExprFunctionExt, JoinType, LogicalPlanBuilder, SortExpr, cast, ident, lit, not,
};
use datafusion::prelude::{DataFrame, Expr, SessionContext};

use crate::lake::TableFiles;
use crate::lake::exports::PartContent;
use crate::lake::scan;
use crate::storage::{Location, ParquetRows, StorageError};

// Columns beside the table's own; no table has columns of such names.
const GENERATION: &str = "touchpath: generation";
const IS_DELETED: &str = "touchpath: is deleted";
const DATABASE_ROWS: &str = "touchpath: rows in the database";
const LATEST: &str = "touchpath: latest";

/// The rows and the deleted keys of one generation.
struct Generation {
    number: u32,
    rows: Option<DataFrame>,
    deleted: Option<DataFrame>,
}

/// Every version of every row of one table.
pub struct Versions {
    keys: Vec<String>,
    schema: SchemaRef,
    /// In ascending order; the first is 0.
    generations: Vec<Generation>,
}

impl std::fmt::Debug for Versions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Versions")
            .field("keys", &self.keys)
            .field("generations", &self.generations.len())
            .finish_non_exhaustive()
    }
}

impl Versions {
    /// Opens the table's files; only footers are read.
    ///
    /// # Errors
    /// A file that is not there or is no Parquet, or a generation without the key's columns.
    pub async fn open(
        context: &SessionContext,
        lake: &Location,
        table: &TableFiles,
    ) -> Result<Self, DataFusionError> {
        let mut files: BTreeMap<u32, [Vec<String>; 2]> = BTreeMap::new();
        files.entry(0).or_default()[0].clone_from(&table.files);
        for part in &table.increments {
            let generation = files.entry(part.generation).or_default();
            generation[usize::from(part.content == PartContent::DeletedKeys)]
                .push(part.path.clone());
        }
        let mut scans = Vec::with_capacity(files.len());
        for (number, [rows, deleted]) in &files {
            let generation = Generation {
                number: *number,
                rows: open_files(context, lake, rows).await?,
                deleted: open_files(context, lake, deleted).await?,
            };
            scans.push(generation);
        }
        let newest = scans
            .iter()
            .rev()
            .find_map(|generation| generation.rows.as_ref());
        let schema = newest.map_or_else(
            || Arc::new(Schema::empty()),
            |rows| Arc::clone(rows.schema().inner()),
        );
        let keys = table.key.clone();
        let key_schema = key_schema(&schema, &keys)?;
        let generations = scans
            .into_iter()
            .map(|generation| {
                let unified = |frame: DataFrame, schema| unify(frame, schema, &keys);
                Ok(Generation {
                    number: generation.number,
                    rows: generation
                        .rows
                        .map(|rows| unified(rows, &schema))
                        .transpose()?,
                    deleted: generation
                        .deleted
                        .map(|keys| unified(keys, &key_schema))
                        .transpose()?,
                })
            })
            .collect::<Result<_, DataFusionError>>()?;
        Ok(Self {
            keys,
            schema,
            generations,
        })
    }

    /// The table's columns, as the newest generation has them.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Every version of every row, deletions aside.
    ///
    /// # Errors
    /// The plan cannot be made.
    pub fn all_rows(&self) -> Result<DataFrame, DataFusionError> {
        let versions = self.versions(|_| true)?;
        versions.ok_or_else(no_rows)?.filter(not(ident(IS_DELETED)))
    }

    /// The latest row of each key, in no order.
    ///
    /// The keys of the increments are held in memory and looked up for every row before them:
    /// they are few beside the table, else it is time to fold them.
    ///
    /// # Errors
    /// The plan cannot be made.
    pub fn latest_rows(&self) -> Result<DataFrame, DataFusionError> {
        let base = self.versions(|generation| generation == 0)?;
        let base = base.ok_or_else(no_rows)?.select(self.columns())?;
        let Some(changes) = self.versions(|generation| generation > 0)? else {
            return Ok(base);
        };
        let changed = changes.clone().select(self.key_columns())?.distinct()?;
        let untouched = right_anti_join(changed, base, &self.keys)?;
        untouched.union(self.latest_of(changes)?)
    }

    /// The latest row of each key among these versions.
    fn latest_of(&self, versions: DataFrame) -> Result<DataFrame, DataFusionError> {
        let is_row = not(ident(IS_DELETED));
        if self.generations.len() == 2 {
            // No key stands in one generation twice.
            return versions.filter(is_row)?.select(self.columns());
        }
        // A window, not a join or a grouping: its partitions are as many as threads, however
        // many the increments, and its rows spill to disk.
        let number = row_number()
            .partition_by(self.key_columns())
            .order_by(vec![ident(GENERATION).sort(false, false)])
            .build()?;
        versions
            .window(vec![number.alias(LATEST)])?
            .filter(ident(LATEST).eq(lit(1_u64)).and(is_row))?
            .select(self.columns())
    }

    /// Every version, sorted by key, the latest first, with a last column that tells whether it
    /// is a deletion.
    ///
    /// # Errors
    /// The plan cannot be made.
    pub fn by_key(&self) -> Result<DataFrame, DataFusionError> {
        let mut order = self.key_order();
        order.push(ident(GENERATION).sort(false, false));
        let mut columns = self.columns();
        columns.push(ident(IS_DELETED));
        let versions = self.versions(|_| true)?;
        versions.ok_or_else(no_rows)?.sort(order)?.select(columns)
    }

    /// The keys that have a row here and none among `present`, in their order.
    ///
    /// Grouped, not joined: a grouping spills to disk, and neither side need fit in memory.
    ///
    /// # Errors
    /// The plan cannot be made.
    pub fn missing_from(&self, present: &DataFrame) -> Result<DataFrame, DataFusionError> {
        let keys = self.key_columns();
        let tagged = |frame: DataFrame, state: Option<i64>, in_database: i64| {
            let mut columns = keys.clone();
            columns.push(lit(ScalarValue::Int64(state)).alias(LATEST));
            columns.push(lit(in_database).alias(DATABASE_ROWS));
            frame.select(columns)
        };
        // In the form of the database, which may have come to hold more.
        let form = key_schema(present.schema().as_arrow(), &self.keys)?;
        let unified = |frame: &DataFrame| unify(frame.clone(), &form, &self.keys);
        let mut all = tagged(unified(present)?, None, 1)?;
        for generation in &self.generations {
            // Odd when the version is a row: the highest tells generation and kind at once.
            let state = i64::from(generation.number) * 2;
            if let Some(rows) = &generation.rows {
                all = all.union(tagged(unified(rows)?, Some(state + 1), 0)?)?;
            }
            if let Some(deleted) = &generation.deleted {
                all = all.union(tagged(unified(deleted)?, Some(state), 0)?)?;
            }
        }
        all.aggregate(
            keys.clone(),
            vec![
                max(ident(LATEST)).alias(LATEST),
                sum(ident(DATABASE_ROWS)).alias(DATABASE_ROWS),
            ],
        )?
        .filter(
            ident(DATABASE_ROWS)
                .eq(lit(0_i64))
                .and((ident(LATEST) % lit(2_i64)).eq(lit(1_i64))),
        )?
        .select(keys)?
        .sort(self.key_order())
    }

    /// Rows and deleted keys of the generations that `of` holds for, with their generation and
    /// whether they are deletions; a deletion's other columns are null.
    fn versions(&self, of: impl Fn(u32) -> bool) -> Result<Option<DataFrame>, DataFusionError> {
        let mut versions: Option<DataFrame> = None;
        for generation in &self.generations {
            if !of(generation.number) {
                continue;
            }
            for (frame, is_deleted) in [(&generation.rows, false), (&generation.deleted, true)] {
                let Some(frame) = frame else { continue };
                let mut columns = Vec::with_capacity(self.schema.fields().len() + 2);
                for field in self.schema.fields() {
                    let is_there = !is_deleted || self.keys.contains(field.name());
                    columns.push(if is_there {
                        ident(field.name())
                    } else {
                        null(field)?
                    });
                }
                columns.push(lit(generation.number).alias(GENERATION));
                columns.push(lit(is_deleted).alias(IS_DELETED));
                let frame = frame.clone().select(columns)?;
                versions = Some(match versions {
                    Some(versions) => versions.union(frame)?,
                    None => frame,
                });
            }
        }
        Ok(versions)
    }

    fn columns(&self) -> Vec<Expr> {
        self.schema
            .fields()
            .iter()
            .map(|field| ident(field.name()))
            .collect()
    }

    fn key_columns(&self) -> Vec<Expr> {
        self.keys.iter().map(ident).collect()
    }

    /// As Postgres orders.
    fn key_order(&self) -> Vec<SortExpr> {
        let keys = self.keys.iter();
        keys.map(|key| ident(key).sort(true, false)).collect()
    }
}

fn no_rows() -> DataFusionError {
    DataFusionError::Plan("no file holds the rows of the last whole export".to_owned())
}

fn key_schema(schema: &Schema, keys: &[String]) -> Result<Schema, DataFusionError> {
    let mut fields = Vec::with_capacity(keys.len());
    for key in keys {
        fields.push(schema.field_with_name(key)?.clone());
    }
    Ok(Schema::new(fields))
}

/// The columns of the newest generation's files, with all that the files say of them.
///
/// # Errors
/// A file that is not there or is no Parquet.
pub async fn file_schema(lake: &Location, table: &TableFiles) -> Result<SchemaRef, StorageError> {
    let rows = table.increments.iter();
    let rows = rows.filter(|part| part.content == PartContent::Rows);
    let newest = rows.max_by_key(|part| part.generation);
    let newest = newest
        .map(|part| &part.path)
        .or_else(|| table.files.first());
    let Some(newest) = newest else {
        return Ok(Arc::new(Schema::empty()));
    };
    let file = ParquetRows::open(lake, newest).await?;
    let fields = file.schema().fields().iter();
    let fields = fields.map(|field| field.as_ref().clone().with_nullable(true));
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

/// The highest value of a column of integers, dates (in days) or times (in microseconds), of
/// those that are not above a limit.
///
/// # Errors
/// The rows cannot be read.
pub async fn highest(
    rows: DataFrame,
    column: &str,
    at_most: Option<i64>,
) -> Result<Option<i64>, DataFusionError> {
    let value = || cast(ident(column), DataType::Int64);
    let rows = match at_most {
        Some(limit) => rows.filter(value().lt_eq(lit(limit)))?,
        None => rows,
    };
    let found = rows
        .aggregate(Vec::new(), vec![max(value())])?
        .collect()
        .await?;
    let mut values = found
        .iter()
        .map(|batch| batch.column(0).as_primitive::<Int64Type>());
    let value = values.find(|values| !values.is_empty());
    Ok(value.and_then(|values| values.iter().next().flatten()))
}

async fn open_files(
    context: &SessionContext,
    lake: &Location,
    files: &[String],
) -> Result<Option<DataFrame>, DataFusionError> {
    if files.is_empty() {
        return Ok(None);
    }
    let table = scan::table(context, lake, files, scan::parquet_options()).await?;
    context.read_table(Arc::new(table)).map(Some)
}

/// The frame's rows in another form: its columns are cast, those it lacks are null.
fn unify(frame: DataFrame, schema: &Schema, keys: &[String]) -> Result<DataFrame, DataFusionError> {
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let found = frame.schema().field_with_unqualified_name(field.name());
        columns.push(match found.map(|found| found.data_type().clone()) {
            Ok(kind) if kind == *field.data_type() => ident(field.name()).alias(field.name()),
            Ok(_) => cast(ident(field.name()), field.data_type().clone()).alias(field.name()),
            Err(error) if keys.contains(field.name()) => return Err(error),
            Err(_) => null(field)?,
        });
    }
    frame.select(columns)
}

fn null(field: &Field) -> Result<Expr, DataFusionError> {
    let null = match field.data_type() {
        DataType::Null => ScalarValue::Null,
        kind => ScalarValue::try_from(kind)?,
    };
    Ok(lit(null).alias(field.name()))
}

/// The rows of `right` whose keys are not those of a row of `left`; nulls are one key.
fn right_anti_join(
    left: DataFrame,
    right: DataFrame,
    keys: &[String],
) -> Result<DataFrame, DataFusionError> {
    // By name alone: a name with a dot in it is no qualified one.
    let columns: Vec<Column> = keys.iter().map(Column::from_name).collect();
    let (state, left) = left.into_parts();
    let plan = LogicalPlanBuilder::from(left)
        .join_detailed(
            right.into_parts().1,
            JoinType::RightAnti,
            (columns.clone(), columns),
            None,
            NullEquality::NullEqualsNull,
        )?
        .build()?;
    Ok(DataFrame::new(state, plan))
}
