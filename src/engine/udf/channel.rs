//! The SQL function `channel`.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, StringBuilder},
    datatypes::DataType,
};
use datafusion::error::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use crate::platform::RuleSet;

use super::arguments::{coerce_texts, documentation, text_arrays};

/// `channel(platform)`: the marketing channel a platform belongs to.
///
/// | in | out | null |
/// |---|---|---|
/// | text, a platform | `Utf8`, one of the rule set's channels | null in, null out |
///
/// A platform that no channel names gets the rule set's channel for all others, `direct` in
/// `v10`, never null, so that its revenue stays countable.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Channel {
    rules: Arc<RuleSet>,
    signature: Signature,
    documentation: Documentation,
}

impl Channel {
    pub(super) fn new(rules: Arc<RuleSet>) -> Self {
        let documentation = documentation(
            "The marketing channel a platform belongs to, by the rule set of the session; null \
             for null.",
            "channel(platform)",
            "> select channel('viber'), channel('never heard of');\nmessaging direct",
        )
        .with_argument("platform", "A platform.")
        .build();
        Self {
            rules,
            signature: Signature::user_defined(Volatility::Immutable),
            documentation,
        }
    }

    fn compute(&self, arrays: &[ArrayRef]) -> Result<ArrayRef> {
        let [platforms] = text_arrays(arrays)?;
        let mut channels = StringBuilder::with_capacity(platforms.len(), platforms.len() * 6);
        for platform in platforms {
            channels.append_option(platform.map(|platform| self.rules.channel(platform)));
        }
        Ok(Arc::new(channels.finish()))
    }
}

impl ScalarUDFImpl for Channel {
    fn name(&self) -> &'static str {
        "channel"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerce_texts(&["platform"], types)
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
