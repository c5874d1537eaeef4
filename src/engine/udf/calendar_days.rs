//! The SQL function `calendar_days`.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Int32Array},
    compute::try_binary,
    datatypes::{DataType, Int32Type},
    error::ArrowError,
};
use datafusion::common::{cast::as_date32_array, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::arguments::{coerce_all, documentation};

const ARGUMENTS: [&str; 2] = ["from", "to"];

/// `calendar_days(from, to)`: how many midnights lie between two moments.
///
/// | in | out | null |
/// |---|---|---|
/// | timestamps of any unit or dates, mixed freely | `Int32`, the day of `to` minus the day of `from`, negative when `to` is earlier | null when either is |
///
/// The day of a timestamp with a zone is the day in that zone.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CalendarDays {
    signature: Signature,
    documentation: Documentation,
}

impl CalendarDays {
    pub(super) fn new() -> Self {
        let documentation = documentation(
            "Calendar days from one moment to another: the day of `to` minus the day of `from`, \
             negative when `to` is earlier, null when either is null. A minute over midnight is a \
             day.",
            "calendar_days(from, to)",
            "> select calendar_days(timestamp '2025-01-31 23:59:00', date '2025-02-01');\n1",
        )
        .with_argument("from", "Timestamp or date.")
        .with_argument("to", "Timestamp or date.")
        .build();
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
            documentation,
        }
    }
}

fn compute(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let [from, to] = arrays else {
        return exec_err!("expected 2 arguments, got {}", arrays.len());
    };
    let days = try_binary::<_, _, _, Int32Type>(
        as_date32_array(from)?,
        as_date32_array(to)?,
        |from, to| {
            to.checked_sub(from).ok_or_else(|| {
                ArrowError::ComputeError(format!("day {to} minus day {from} is out of range"))
            })
        },
    );
    let days: Int32Array = days?;
    Ok(Arc::new(days))
}

impl ScalarUDFImpl for CalendarDays {
    fn name(&self) -> &'static str {
        "calendar_days"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerce_all(&ARGUMENTS, types, |index, data_type| match data_type {
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 | DataType::Null => {
                Ok(DataType::Date32)
            }
            _ => plan_err!(
                "`{}` must be a timestamp or a date, not {data_type}",
                ARGUMENTS[index]
            ),
        })
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        make_scalar_function(compute, vec![])(&args.args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
