//! The table functions as SQL sees them: arguments, output columns, errors.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, ScalarValue, TableReference, plan_err};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::FutureExt;

use crate::attribution::{self, Model};
use crate::engine::pass::exec::PassExec;
use crate::engine::pass::{contracts, credit, sequence};

/// The place of a touch among its client's.
const SEQUENCE: &str = "touch_sequence_number";

/// One of the table functions over client-ordered touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassFunction {
    /// `sequence_touches('t')`.
    SequenceTouches,
    /// `client_paths('t')`.
    ClientPaths,
    /// `contract_paths('t', lookback_days)`.
    ContractPaths,
    /// `touch_credit('t', models, lookback_days)`.
    TouchCredit,
}

/// What a call asks for, its arguments checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pass {
    Sequence,
    Clients,
    Contracts {
        lookback_micros: Option<i64>,
    },
    Credit {
        models: Vec<Model>,
        lookback_micros: Option<i64>,
    },
}

impl PassFunction {
    /// Every function of this kind.
    pub const ALL: [Self; 4] = [
        Self::SequenceTouches,
        Self::ClientPaths,
        Self::ContractPaths,
        Self::TouchCredit,
    ];

    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::SequenceTouches => "sequence_touches",
            Self::ClientPaths => "client_paths",
            Self::ContractPaths => "contract_paths",
            Self::TouchCredit => "touch_credit",
        }
    }

    fn pass(self, arguments: &[Expr]) -> Result<Pass> {
        let name = self.name();
        match (self, arguments) {
            (Self::SequenceTouches, []) => Ok(Pass::Sequence),
            (Self::ClientPaths, []) => Ok(Pass::Clients),
            (Self::ContractPaths, [days]) => Ok(Pass::Contracts {
                lookback_micros: lookback(name, days)?,
            }),
            (Self::TouchCredit, [models, days]) => Ok(Pass::Credit {
                models: models_of(name, models)?,
                lookback_micros: lookback(name, days)?,
            }),
            (Self::SequenceTouches | Self::ClientPaths, _) => {
                plan_err!("{name} takes one argument, the name of a table: {name}('touches')")
            }
            (Self::ContractPaths, _) => plan_err!(
                "{name} takes a table's name and the lookback window in days, null for \
                 unlimited: {name}('touches', 90)"
            ),
            (Self::TouchCredit, _) => plan_err!(
                "{name} takes a table's name, models and the lookback window in days, null for \
                 unlimited: {name}('touches', 'linear, time_decay', 90)"
            ),
        }
    }
}

fn models_of(function: &str, expr: &Expr) -> Result<Vec<Model>> {
    let Some(text) = text_of(expr) else {
        return plan_err!("{function}: the models must be text, for example 'linear, time_decay'");
    };
    attribution::parse_models(text).or_else(|error| plan_err!("{function}: {error}"))
}

fn lookback(function: &str, expr: &Expr) -> Result<Option<i64>> {
    const MICROS_PER_DAY: i64 = 86_400_000_000;
    let days = match expr {
        Expr::Literal(value, _) if value.is_null() => return Ok(None),
        Expr::Literal(value, _) => value.cast_to(&DataType::Int64).ok(),
        _ => None,
    };
    let micros = match days {
        Some(ScalarValue::Int64(Some(days))) if days >= 0 => days.checked_mul(MICROS_PER_DAY),
        _ => None,
    };
    if micros.is_none() {
        return plan_err!("{function}: the lookback window must be a number of days or null");
    }
    Ok(micros)
}

fn text_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

impl TableFunctionImpl for PassFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let name = self.name();
        let Some((table, rest)) = args.exprs().split_first() else {
            return plan_err!("{name} needs the name of a table: {name}('touches')");
        };
        let Some(table) = text_of(table) else {
            return plan_err!("{name}: the table's name must be quoted: {name}('touches')");
        };
        let pass = self.pass(rest)?;
        let input = table_named(args.session(), table)?;
        let schema = pass.schema(name, &input.schema())?;
        Ok(Arc::new(PassTable {
            input,
            pass,
            schema,
        }))
    }
}

fn table_named(session: &dyn Session, name: &str) -> Result<Arc<dyn TableProvider>> {
    let Some(state) = session.as_any().downcast_ref::<SessionState>() else {
        return plan_err!("table `{name}` cannot be looked up in this session");
    };
    let reference = TableReference::parse_str(name);
    let schema = state.schema_for_ref(reference.clone())?;
    // Our schemas are in memory: the lookup is ready at once.
    match schema.table(reference.table()).now_or_never() {
        Some(Ok(Some(table))) => Ok(table),
        Some(Err(error)) => Err(error),
        Some(Ok(None)) | None => plan_err!("table '{name}' not found"),
    }
}

impl Pass {
    /// The columns of the output over an input of the given columns.
    fn schema(&self, function: &str, input: &SchemaRef) -> Result<SchemaRef> {
        for (column, kind) in self.required() {
            match input.field_with_name(column) {
                Ok(field) if *field.data_type() == kind => {}
                Ok(field) => {
                    let found = field.data_type();
                    return plan_err!("{function}: column `{column}` must be {kind}, not {found}");
                }
                Err(_) => return plan_err!("{function} needs a column `{column}` of type {kind}"),
            }
        }
        let fields = match self {
            Self::Sequence => sequence::fields(input),
            Self::Clients => input
                .fields()
                .iter()
                .map(|field| match field.name().as_str() {
                    "client_id" => Field::new("client_id", DataType::Int64, false),
                    name => Field::new_list(
                        name,
                        Field::new_list_field(field.data_type().clone(), true),
                        false,
                    ),
                })
                .collect(),
            Self::Contracts { .. } => contracts::fields(input),
            Self::Credit { .. } => credit::fields(input),
        };
        Ok(Arc::new(Schema::new(fields)))
    }

    /// The columns by which the input must be sorted.
    ///
    /// Touches that bear their sequence number are known to lie in its order, which is the
    /// same one; nothing is sorted then.
    pub(super) fn order(&self, input: &Schema) -> &'static [&'static str] {
        let numbered = input.column_with_name(SEQUENCE).is_some();
        if numbered && *self != Self::Sequence {
            return &["client_id", SEQUENCE];
        }
        &["client_id", "event_date", "event_source_id"]
    }

    fn required(&self) -> Vec<(&'static str, DataType)> {
        let time = DataType::Timestamp(TimeUnit::Microsecond, None);
        let mut columns = vec![
            ("client_id", DataType::Int64),
            ("event_date", time),
            ("event_source_id", DataType::Int64),
        ];
        match self {
            Self::Sequence | Self::Clients => {}
            Self::Contracts { .. } => columns.extend([
                ("is_contract", DataType::Boolean),
                ("is_paid", DataType::Boolean),
                ("platform", DataType::Utf8),
            ]),
            Self::Credit { .. } => columns.extend([
                ("is_contract", DataType::Boolean),
                ("is_paid", DataType::Boolean),
                ("is_direct", DataType::Boolean),
                ("contract_amount", DataType::Decimal128(18, 2)),
            ]),
        }
        columns
    }
}

/// A table that a pass over another table makes.
#[derive(Debug)]
struct PassTable {
    input: Arc<dyn TableProvider>,
    pass: Pass,
    schema: SchemaRef,
}

#[async_trait]
impl TableProvider for PassTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let output = Arc::new(self.schema.project(wanted)?);
        let needed = self.input_columns(&output);
        let input = self.input.scan(state, Some(&needed), &[], None).await?;
        Ok(Arc::new(PassExec::try_new(
            input,
            self.pass.clone(),
            output,
        )?))
    }
}

impl PassTable {
    /// The input's columns that the wanted output needs.
    fn input_columns(&self, output: &Schema) -> Vec<usize> {
        let required = self.pass.required();
        // A contract's row holds whole touches: every column of them.
        let whole = matches!(self.pass, Pass::Contracts { .. });
        let input = self.input.schema();
        let needs = |name: &str| {
            let wanted = output.column_with_name(name).is_some();
            whole
                || wanted
                || name == SEQUENCE
                || required.iter().any(|(column, _)| *column == name)
        };
        input
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, field)| needs(field.name()))
            .map(|(index, _)| index)
            .collect()
    }
}
