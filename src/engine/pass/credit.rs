//! One row per contract, touch and model with credit: weight and revenue.
//!
//! In: whole clients. Out: the input's columns of the touch, which contract it earned, by
//! which model, its weight and its part of the contract's money in whole cents; touches
//! without weight are left out. A contract without amount is worth 0.00.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    UInt64Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::common::cast::{
    as_boolean_array, as_decimal128_array, as_int64_array, as_timestamp_microsecond_array,
};
use datafusion::common::{Result, exec_datafusion_err, exec_err};

use crate::attribution::{Model, Touch, Weights};
use crate::engine::pass::clients::Clients;
use crate::engine::pass::contracts::{PathRange, is_true, paths};
use crate::engine::pass::exec::Output;
use crate::engine::pass::sequence::column;

/// The input's columns, then `contract_source_id`, `model`, `weight`, `revenue`.
pub(super) fn fields(input: &SchemaRef) -> Vec<Field> {
    let mut fields: Vec<Field> = input
        .fields()
        .iter()
        .map(|field| field.as_ref().clone())
        .collect();
    fields.extend([
        Field::new("contract_source_id", DataType::Int64, false),
        Field::new("model", DataType::Utf8, false),
        Field::new("weight", DataType::Float64, false),
        Field::new("revenue", DataType::Decimal128(18, 2), false),
    ]);
    fields
}

/// The walk over contracts, and the rows that wait to be sent.
pub(super) struct Credit<'a> {
    models: Vec<(&'a Model, String)>,
    lookback_micros: Option<i64>,
    batch_rows: usize,
    path: Vec<Touch>,
    weights: Weights,
    parts: Vec<i64>,
    rows: Rows,
}

/// Rows to be sent: touches by their row in the clients' batch.
#[derive(Default)]
struct Rows {
    touch: Vec<u64>,
    contract: Vec<i64>,
    model: Vec<usize>,
    weight: Vec<f64>,
    revenue: Vec<i128>,
}

impl<'a> Credit<'a> {
    pub(super) fn new(
        models: &'a [Model],
        lookback_micros: Option<i64>,
        batch_rows: usize,
    ) -> Self {
        Self {
            models: models.iter().map(|model| (model, model.name())).collect(),
            lookback_micros,
            batch_rows,
            path: Vec::new(),
            weights: Weights::default(),
            parts: Vec::new(),
            rows: Rows::default(),
        }
    }

    /// Sends the credit of every contract; `false` when the reader went away.
    pub(super) async fn walk(
        &mut self,
        clients: &Clients,
        schema: &SchemaRef,
        output: &Output,
    ) -> Result<bool> {
        for path in paths(clients, self.lookback_micros)? {
            self.read_path(clients, path)?;
            for model in 0..self.models.len() {
                self.weigh(clients, path, model)?;
                // Between models, not contracts: one path may be longer than a batch.
                if self.rows.touch.len() >= self.batch_rows
                    && output.send(self.take_batch(clients, schema)).await.is_err()
                {
                    return Ok(false);
                }
            }
        }
        if self.rows.touch.is_empty() {
            return Ok(true);
        }
        Ok(output.send(self.take_batch(clients, schema)).await.is_ok())
    }

    fn read_path(&mut self, clients: &Clients, path: PathRange) -> Result<()> {
        let is_paid = as_boolean_array(column(&clients.rows, "is_paid")?)?;
        let is_direct = as_boolean_array(column(&clients.rows, "is_direct")?)?;
        let dates = as_timestamp_microsecond_array(column(&clients.rows, "event_date")?)?;
        let contract_date = dates.value(path.contract);
        self.path.clear();
        self.path
            .extend((path.start..=path.contract).map(|row| Touch {
                is_paid: is_true(is_paid, row),
                is_direct: is_true(is_direct, row),
                age_micros: contract_date.saturating_sub(dates.value(row)),
            }));
        Ok(())
    }

    fn weigh(&mut self, clients: &Clients, path: PathRange, model: usize) -> Result<()> {
        let ids = as_int64_array(column(&clients.rows, "event_source_id")?)?;
        let amounts = as_decimal128_array(column(&clients.rows, "contract_amount")?)?;
        let contract = ids.value(path.contract);
        let amount = if amounts.is_valid(path.contract) {
            amounts.value(path.contract)
        } else {
            0
        };
        let Ok(cents) = i64::try_from(amount) else {
            return exec_err!("contract {contract}: its amount does not fit 64 bits of cents");
        };
        self.models[model]
            .0
            .weigh(&self.path, &mut self.weights)
            .map_err(|error| exec_datafusion_err!("contract {contract}: {error}"))?;
        self.weights.split(cents, &mut self.parts);
        for (index, (weight, part)) in self.weights.iter().zip(&self.parts).enumerate() {
            if weight > 0.0 || *part != 0 {
                self.rows.touch.push((path.start + index) as u64);
                self.rows.contract.push(contract);
                self.rows.model.push(model);
                self.rows.weight.push(weight);
                self.rows.revenue.push(i128::from(*part));
            }
        }
        Ok(())
    }

    /// The waiting rows as one batch of the output's columns.
    fn take_batch(&mut self, clients: &Clients, schema: &SchemaRef) -> Result<RecordBatch> {
        let rows = std::mem::take(&mut self.rows);
        let touch = UInt64Array::from(rows.touch);
        let names = rows
            .model
            .iter()
            .map(|model| Some(self.models[*model].1.as_str()));
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            columns.push(match field.name().as_str() {
                "contract_source_id" => Arc::new(Int64Array::from(rows.contract.clone())),
                "model" => Arc::new(names.clone().collect::<StringArray>()),
                "weight" => Arc::new(Float64Array::from(rows.weight.clone())),
                "revenue" => Arc::new(
                    Decimal128Array::from(rows.revenue.clone()).with_precision_and_scale(18, 2)?,
                ),
                name => take(column(&clients.rows, name)?, &touch, None)?,
            });
        }
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }
}
