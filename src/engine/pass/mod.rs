//! Table functions that walk over touches in client order, once, in constant memory.
//!
//! | function | one row per | adds |
//! |---|---|---|
//! | `sequence_touches('t')` | touch | `touch_sequence_number`, `is_first_touch`, `is_last_touch`, `first_touch_date` |
//! | `client_paths('t')` | client | every other column as a list, in path order |
//! | `contract_paths('t', lookback_days)` | contract | its event, first and last paid touch, path |
//! | `touch_credit('t', models, lookback_days)` | contract, touch, model | weight and revenue |
//!
//! In: the name of a table with `client_id`, `event_date` and `event_source_id`; a client's
//! touches are walked in the order `(event_date, event_source_id)`. The plan sorts the
//! table unless it knows it sorted. Window functions give the same answers at several
//! times the cost: there are as many partitions as clients, each with a handful of rows.

mod clients;
mod contracts;
mod credit;
mod exec;
mod function;
mod sequence;

use std::sync::Arc;

use datafusion::prelude::SessionContext;

pub use function::PassFunction;

/// Registers the table functions of this module.
pub fn register(context: &SessionContext) {
    for function in PassFunction::ALL {
        context.register_udtf(function.name(), Arc::new(function));
    }
}
