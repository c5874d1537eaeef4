//! The SQL functions: one file per function, the maths and the rules elsewhere.
//!
//! In: a registry and a rule set. Out: the registry knows our functions by name. A cluster
//! calls [`register_all`] with the same rules on every node, since functions travel by name.

mod arguments;
mod attribution_confidence;
mod attribution_method;
mod blank_to_null;
mod calendar_days;
mod channel;
mod paths;
mod platform;
mod ratio;
mod sorted_distinct;
mod touch_revenue;
mod touch_weights;
mod uuid_text;

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::logical_expr::{ScalarUDF, registry::FunctionRegistry};

use crate::platform::RuleSet;

/// All our functions, those of one rule set among them, in the order of `docs/functions.md`.
pub fn functions(rules: &Arc<RuleSet>) -> Vec<ScalarUDF> {
    vec![
        platform::Platform::new(Arc::clone(rules)).into(),
        channel::Channel::new(Arc::clone(rules)).into(),
        attribution_method::AttributionMethod::new(Arc::clone(rules)).into(),
        attribution_confidence::AttributionConfidence::new(Arc::clone(rules)).into(),
        blank_to_null::BlankToNull::new().into(),
        calendar_days::CalendarDays::new().into(),
        ratio::Ratio::new().into(),
        sorted_distinct::SortedDistinct::new().into(),
        touch_weights::TouchWeights::new().into(),
        touch_revenue::TouchRevenue::new().into(),
        uuid_text::UuidText::new().into(),
    ]
}

/// Registers all our functions.
///
/// # Errors
/// The registry's own, when it takes no functions.
pub fn register_all(registry: &mut dyn FunctionRegistry, rules: &Arc<RuleSet>) -> Result<()> {
    for function in functions(rules) {
        registry.register_udf(Arc::new(function))?;
    }
    Ok(())
}
