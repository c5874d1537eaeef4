//! The SQL function `attribution_method`.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, StringArray, StringBuilder},
    datatypes::DataType,
};
use datafusion::error::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, DocumentationBuilder, ScalarFunctionArgs, ScalarUDFImpl,
    Signature, Volatility,
};

use crate::platform::{MethodInput, RuleSet};

use super::arguments::{at, coerce_texts, documentation, text_arrays};

/// The arguments of this function and of `attribution_confidence`.
pub(super) const ARGUMENTS: [&str; 6] = [
    "fbclid",
    "gclid",
    "campaign_id",
    "utm_source",
    "utm_campaign",
    "source_type",
];

/// `attribution_method(fbclid, gclid, campaign_id, utm_source, utm_campaign, source_type)`:
/// what a touch's source is known from.
///
/// | in | out | null |
/// |---|---|---|
/// | six texts as they stand in the lake | `Utf8`, a method of the rule set | never null |
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct AttributionMethod {
    rules: Arc<RuleSet>,
    signature: Signature,
    documentation: Documentation,
}

impl AttributionMethod {
    pub(super) fn new(rules: Arc<RuleSet>) -> Self {
        let documentation = with_arguments(documentation(
            "What the source of a touch is known from, by the rule set of the session; never null.",
            "attribution_method(fbclid, gclid, campaign_id, utm_source, utm_campaign, source_type)",
            "> select attribution_method(null, null, null, 'google', 'winter', null);\n\
             utm_heuristic",
        ))
        .with_related_udf("attribution_confidence")
        .build();
        Self {
            rules,
            signature: Signature::user_defined(Volatility::Immutable),
            documentation,
        }
    }

    fn compute(&self, arrays: &[ArrayRef]) -> Result<ArrayRef> {
        let columns = text_arrays(arrays)?;
        let len = columns[0].len();
        let mut methods = StringBuilder::with_capacity(len, len * 12);
        for row in 0..len {
            methods.append_value(self.rules.method(&input(&columns, row)).0);
        }
        Ok(Arc::new(methods.finish()))
    }
}

/// One row of [`ARGUMENTS`].
pub(super) fn input<'a>(columns: &[&'a StringArray; 6], row: usize) -> MethodInput<'a> {
    let [
        fbclid,
        gclid,
        campaign_id,
        utm_source,
        utm_campaign,
        source_type,
    ] = columns.map(|column| at(column, row));
    MethodInput {
        fbclid,
        gclid,
        campaign_id,
        utm_source,
        utm_campaign,
        source_type,
    }
}

/// Documents [`ARGUMENTS`].
pub(super) fn with_arguments(builder: DocumentationBuilder) -> DocumentationBuilder {
    builder
        .with_argument("fbclid", "Click id of Meta.")
        .with_argument("gclid", "Click id of Google.")
        .with_argument("campaign_id", "Campaign found by matching with a network.")
        .with_argument("utm_source", "`utm_source` of the visit.")
        .with_argument("utm_campaign", "`utm_campaign` of the visit.")
        .with_argument("source_type", "Source as the CRM's users file it.")
}

impl ScalarUDFImpl for AttributionMethod {
    fn name(&self) -> &'static str {
        "attribution_method"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerce_texts(&ARGUMENTS, types)
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        make_scalar_function(|arrays| self.compute(arrays), vec![])(&args.args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
