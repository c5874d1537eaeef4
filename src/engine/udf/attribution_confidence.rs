//! The SQL function `attribution_confidence`.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, Int32Array},
    datatypes::DataType,
};
use datafusion::error::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use crate::platform::RuleSet;

use super::arguments::{coerce_texts, documentation, text_arrays};
use super::attribution_method::{ARGUMENTS, input, with_arguments};

/// `attribution_confidence(fbclid, gclid, campaign_id, utm_source, utm_campaign,
/// source_type)`: how sure a touch's source is.
///
/// | in | out | null |
/// |---|---|---|
/// | six texts as they stand in the lake | `Int32`, percent, of the rule that `attribution_method` names | never null |
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct AttributionConfidence {
    rules: Arc<RuleSet>,
    signature: Signature,
    documentation: Documentation,
}

impl AttributionConfidence {
    pub(super) fn new(rules: Arc<RuleSet>) -> Self {
        let documentation = with_arguments(documentation(
            "How sure the source of a touch is, in percent, by the rule set of the session; never \
             null.",
            "attribution_confidence(fbclid, gclid, campaign_id, utm_source, utm_campaign, \
             source_type)",
            "> select attribution_confidence(null, null, null, 'google', 'winter', null);\n80",
        ))
        .with_related_udf("attribution_method")
        .build();
        Self {
            rules,
            signature: Signature::user_defined(Volatility::Immutable),
            documentation,
        }
    }

    fn compute(&self, arrays: &[ArrayRef]) -> Result<ArrayRef> {
        let columns = text_arrays(arrays)?;
        let rows = 0..columns[0].len();
        let confidence = |row| self.rules.method(&input(&columns, row)).1;
        Ok(Arc::new(Int32Array::from_iter_values(rows.map(confidence))))
    }
}

impl ScalarUDFImpl for AttributionConfidence {
    fn name(&self) -> &'static str {
        "attribution_confidence"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerce_texts(&ARGUMENTS, types)
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        make_scalar_function(|arrays| self.compute(arrays), vec![])(&args.args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
