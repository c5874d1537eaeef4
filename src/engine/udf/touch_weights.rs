//! The SQL function `touch_weights`.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Float64Builder, ListBuilder},
    datatypes::{DataType, Field},
};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::arguments::{coerce_all, documentation};
use super::paths::{Paths, coerce};

const ARGUMENTS: [&str; 4] = ["model", "is_paid", "is_direct", "age_micros"];

/// `touch_weights(model, is_paid, is_direct, age_micros)`: the credit of each touch of a path.
///
/// | in | out | null |
/// |---|---|---|
/// | a model as text and three lists of one item per touch, oldest first | `List(Float64)`, one weight per touch, non-negative, summing to 1 | null when the model or a list is; a null flag is false |
///
/// A path without touches, lists of different lengths, a null age and an unknown model are errors.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct TouchWeights {
    signature: Signature,
    documentation: Documentation,
}

impl TouchWeights {
    pub(super) fn new() -> Self {
        let documentation = documentation(
            "The credit that a model gives each touch of a path, oldest first: weights of 0 or \
             more that sum to 1. Null when the model or a list is null.",
            "touch_weights(model, is_paid, is_direct, age_micros)",
            "> select touch_weights('linear', [true, false], [false, false], [9, 0]);\n[0.5, 0.5]",
        )
        .with_argument(
            "model",
            "A model by name, with its settings: `time_decay(14)`.",
        )
        .with_argument("is_paid", "Per touch: channel `paid` and a campaign.")
        .with_argument("is_direct", "Per touch: channel `direct`.")
        .with_argument(
            "age_micros",
            "Per touch: microseconds before the contract event.",
        )
        .with_related_udf("touch_revenue")
        .build();
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
            documentation,
        }
    }
}

fn compute(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let [model, is_paid, is_direct, ages] = arrays else {
        return exec_err!("expected 4 arguments, got {}", arrays.len());
    };
    let mut paths = Paths::try_new(model, [is_paid, is_direct, ages])?;
    let mut lists = ListBuilder::new(Float64Builder::new());
    for row in 0..paths.len() {
        let is_weighed = paths.weigh(row)?;
        if is_weighed {
            for weight in paths.weights.iter() {
                lists.values().append_value(weight);
            }
        }
        lists.append(is_weighed);
    }
    Ok(Arc::new(lists.finish()))
}

impl ScalarUDFImpl for TouchWeights {
    fn name(&self) -> &'static str {
        "touch_weights"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerce_all(&ARGUMENTS, types, |index, data_type| {
            coerce(ARGUMENTS[index], data_type)
        })
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Field::new_list_field(
            DataType::Float64,
            true,
        ))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        make_scalar_function(compute, vec![])(&args.args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
