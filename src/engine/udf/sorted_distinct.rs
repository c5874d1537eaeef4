//! The SQL function `sorted_distinct`.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, ListArray, ListBuilder, StringBuilder},
    datatypes::DataType,
};
use datafusion::common::{
    cast::{as_list_array, as_string_array},
    exec_err, plan_err,
};
use datafusion::error::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::arguments::{coerce_all, documentation};

const ARGUMENTS: [&str; 1] = ["texts"];

/// `sorted_distinct(texts)`: the different texts of a list, in byte order.
///
/// | in | out | null |
/// |---|---|---|
/// | list of texts | list of `Utf8` | null list in, null out; nulls in the list are dropped |
///
/// `array_sort(array_distinct(…))` says the same; it turns every list into rows and back,
/// which took half of the time of `client_funnel` (benches/README.md).
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SortedDistinct {
    signature: Signature,
    documentation: Documentation,
}

impl SortedDistinct {
    pub(super) fn new() -> Self {
        let documentation = documentation(
            "The different texts of a list, in byte order; nulls in the list are dropped. Null \
             for a null list.",
            "sorted_distinct(texts)",
            "> select sorted_distinct(['google', 'email', 'google']);\n[email, google]",
        )
        .with_argument("texts", "List of texts.")
        .build();
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
            documentation,
        }
    }
}

fn compute(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let [lists] = arrays else {
        return exec_err!("expected 1 argument, got {}", arrays.len());
    };
    let lists = as_list_array(lists)?;
    let texts = as_string_array(lists.values())?;
    let mut distinct = ListBuilder::new(StringBuilder::new());
    let mut found: Vec<&str> = Vec::new();
    for (row, bounds) in lists.value_offsets().windows(2).enumerate() {
        if lists.is_null(row) {
            distinct.append_null();
            continue;
        }
        let (Ok(start), Ok(end)) = (usize::try_from(bounds[0]), usize::try_from(bounds[1])) else {
            return exec_err!("a list begins before its array");
        };
        found.clear();
        found.extend(
            (start..end)
                .filter(|item| texts.is_valid(*item))
                .map(|item| texts.value(item)),
        );
        found.sort_unstable();
        found.dedup();
        for text in &found {
            distinct.values().append_value(text);
        }
        distinct.append(true);
    }
    let distinct: ListArray = distinct.finish();
    Ok(Arc::new(distinct))
}

impl ScalarUDFImpl for SortedDistinct {
    fn name(&self) -> &'static str {
        "sorted_distinct"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerce_all(&ARGUMENTS, types, |_, data_type| match data_type {
            DataType::List(_)
            | DataType::LargeList(_)
            | DataType::FixedSizeList(..)
            | DataType::Null => Ok(DataType::new_list(DataType::Utf8, true)),
            _ => plan_err!("`texts` must be a list of texts, not {data_type}"),
        })
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::new_list(DataType::Utf8, true))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        make_scalar_function(compute, vec![])(&args.args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
