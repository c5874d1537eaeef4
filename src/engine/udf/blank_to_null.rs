//! The SQL function `blank_to_null`.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, StringArray},
    datatypes::DataType,
};
use datafusion::error::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use crate::platform::trimmed;

use super::arguments::{coerce_texts, documentation, text_arrays};

/// `blank_to_null(text)`: an id column without blanks.
///
/// | in | out | null |
/// |---|---|---|
/// | text | `Utf8`, unchanged, outer white space included | null for null and for white space only |
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct BlankToNull {
    signature: Signature,
    documentation: Documentation,
}

impl BlankToNull {
    pub(super) fn new() -> Self {
        let documentation = documentation(
            "The text unchanged, or null when it is empty or white space only.",
            "blank_to_null(text)",
            "> select blank_to_null(' '), blank_to_null('7');\nNULL 7",
        )
        .with_argument("text", "An id or any other text.")
        .build();
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
            documentation,
        }
    }
}

fn compute(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let [texts] = text_arrays(arrays)?;
    let is_blank = |text: Option<&str>| text.is_some_and(|text| trimmed(text).is_none());
    // Most columns have no blank: then the column is passed on as it is.
    if !texts.iter().any(is_blank) {
        return Ok(Arc::clone(&arrays[0]));
    }
    let kept = texts
        .iter()
        .map(|text| text.filter(|text| trimmed(text).is_some()));
    Ok(Arc::new(kept.collect::<StringArray>()))
}

impl ScalarUDFImpl for BlankToNull {
    fn name(&self) -> &'static str {
        "blank_to_null"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerce_texts(&["text"], types)
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        make_scalar_function(compute, vec![])(&args.args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
