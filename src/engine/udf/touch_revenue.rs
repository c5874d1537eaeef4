//! The SQL function `touch_revenue`.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, Decimal128Builder, ListBuilder},
    datatypes::{DataType, Field},
};
use datafusion::common::{cast::as_decimal128_array, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::arguments::{coerce_all, documentation};
use super::paths::{Paths, coerce};

const ARGUMENTS: [&str; 5] = ["model", "amount", "is_paid", "is_direct", "age_micros"];

/// Money as the tables hold it; its integers are cents.
const MONEY: DataType = DataType::Decimal128(18, 2);

/// `touch_revenue(model, amount, is_paid, is_direct, age_micros)`: an amount split over a path.
///
/// | in | out | null |
/// |---|---|---|
/// | a model as text, an exact amount, three lists of one item per touch, oldest first | `List(Decimal128(18, 2))`, one part per touch, summing to the amount to the cent | null when the model, the amount or a list is; a null flag is false |
///
/// Errors as `touch_weights`. An amount is never a float, nor finer than cents: cast it
/// where you decide how it is rounded.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct TouchRevenue {
    signature: Signature,
    documentation: Documentation,
}

impl TouchRevenue {
    pub(super) fn new() -> Self {
        let documentation = documentation(
            "The part of an amount that a model gives each touch of a path, oldest first: whole \
             cents that sum to the amount. Null when the model, the amount or a list is null.",
            "touch_revenue(model, amount, is_paid, is_direct, age_micros)",
            "> select touch_revenue('linear', 1, [true, false, false], [false, false, false], \
             [9, 5, 0]);\n[0.34, 0.33, 0.33]",
        )
        .with_argument(
            "model",
            "A model by name, with its settings: `time_decay(14)`.",
        )
        .with_argument(
            "amount",
            "A whole number, or a decimal of at most two places.",
        )
        .with_argument("is_paid", "Per touch: channel `paid` and a campaign.")
        .with_argument("is_direct", "Per touch: channel `direct`.")
        .with_argument(
            "age_micros",
            "Per touch: microseconds before the contract event.",
        )
        .with_related_udf("touch_weights")
        .build();
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
            documentation,
        }
    }
}

fn compute(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let [model, amounts, is_paid, is_direct, ages] = arrays else {
        return exec_err!("expected 5 arguments, got {}", arrays.len());
    };
    let amounts = as_decimal128_array(amounts)?;
    let mut paths = Paths::try_new(model, [is_paid, is_direct, ages])?;
    let mut lists = ListBuilder::new(Decimal128Builder::new().with_data_type(MONEY));
    let mut parts = Vec::new();
    for row in 0..paths.len() {
        let is_weighed = amounts.is_valid(row) && paths.weigh(row)?;
        if is_weighed {
            let Ok(cents) = i64::try_from(amounts.value(row)) else {
                return exec_err!("`amount` {} is out of range", amounts.value_as_string(row));
            };
            paths.weights.split(cents, &mut parts);
            for part in &parts {
                lists.values().append_value(i128::from(*part));
            }
        }
        lists.append(is_weighed);
    }
    Ok(Arc::new(lists.finish()))
}

fn money(data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Null => Ok(MONEY),
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale)
            if *scale <= 2 =>
        {
            Ok(MONEY)
        }
        _ if data_type.is_integer() => Ok(MONEY),
        _ => plan_err!(
            "`amount` must be exact and in whole cents, not {data_type}; cast it to decimal(18, 2)"
        ),
    }
}

impl ScalarUDFImpl for TouchRevenue {
    fn name(&self) -> &'static str {
        "touch_revenue"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerce_all(&ARGUMENTS, types, |index, data_type| {
            match ARGUMENTS[index] {
                "amount" => money(data_type),
                name => coerce(name, data_type),
            }
        })
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new_list_field(MONEY, true))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        make_scalar_function(compute, vec![])(&args.args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
