//! The SQL function `ratio`.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Decimal128Array},
    datatypes::{DataType, Field, FieldRef},
};
use datafusion::common::{
    ScalarValue,
    cast::{as_decimal128_array, as_int64_array},
    exec_err, plan_datafusion_err, plan_err,
};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
    Volatility,
};

use super::arguments::{coerce_all, documentation};

const ARGUMENTS: [&str; 3] = ["numerator", "denominator", "places"];

/// Digits of the result: what a sum of money can have.
const PRECISION: u8 = 38;

/// `ratio(numerator, denominator, places)`: an exact quotient, rounded once.
///
/// | in | out | null |
/// |---|---|---|
/// | integer or decimal, integer, a literal from 0 to 18 | `Decimal128(38, places)`, rounded half away from zero | null when either is, or the denominator is 0 |
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Ratio {
    signature: Signature,
    documentation: Documentation,
}

impl Ratio {
    pub(super) fn new() -> Self {
        let documentation = documentation(
            "The exact quotient of a sum and a count as a decimal, rounded once, half away from \
             zero. Null when either is null or the denominator is 0.",
            "ratio(numerator, denominator, places)",
            "> select ratio(17136, 4570, 2);\n3.75",
        )
        .with_argument("numerator", "Integer or decimal.")
        .with_argument("denominator", "Integer.")
        .with_argument(
            "places",
            "Decimal places of the result, a literal from 0 to 18.",
        )
        .build();
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
            documentation,
        }
    }
}

/// `numerator / (denominator * 10^scale)` in units of `10^-places`; `None` on overflow.
fn divide(numerator: i128, scale: u32, denominator: i64, places: u32) -> Option<i128> {
    let ten = |power: u32| 10_i128.checked_pow(power);
    let up = numerator.checked_mul(ten(places.saturating_sub(scale))?)?;
    let down = i128::from(denominator).checked_mul(ten(scale.saturating_sub(places))?)?;
    let half_up = up.abs().checked_mul(2)?.checked_add(down.abs())? / down.abs().checked_mul(2)?;
    Some(half_up * up.signum() * down.signum())
}

fn compute(arrays: &[ArrayRef], places: u32) -> Result<Decimal128Array> {
    let [numerators, denominators, _] = arrays else {
        return exec_err!("expected 3 arguments, got {}", arrays.len());
    };
    let numerators = as_decimal128_array(numerators)?;
    let denominators = as_int64_array(denominators)?;
    let scale = u32::try_from(numerators.scale()).unwrap_or(0);
    let mut quotients = Vec::with_capacity(numerators.len());
    for (numerator, denominator) in numerators.iter().zip(denominators) {
        quotients.push(match (numerator, denominator) {
            (Some(numerator), Some(denominator)) if denominator != 0 => {
                match divide(numerator, scale, denominator, places) {
                    Some(quotient) => Some(quotient),
                    None => return exec_err!("ratio: {numerator} / {denominator} is out of range"),
                }
            }
            _ => None,
        });
    }
    let places = i8::try_from(places).unwrap_or(i8::MAX);
    Ok(Decimal128Array::from(quotients).with_precision_and_scale(PRECISION, places)?)
}

fn places_of(value: Option<&ScalarValue>) -> Result<u32> {
    let places = match value {
        Some(ScalarValue::Int64(Some(places @ 0..=18))) => u32::try_from(*places).ok(),
        _ => None,
    };
    places.ok_or_else(|| plan_datafusion_err!("ratio: `places` must be a literal from 0 to 18"))
}

impl ScalarUDFImpl for Ratio {
    fn name(&self) -> &'static str {
        "ratio"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerce_all(&ARGUMENTS, types, |index, data_type| {
            match (index, data_type) {
                (0, DataType::Decimal128(_, scale @ 0..)) => {
                    Ok(DataType::Decimal128(PRECISION, *scale))
                }
                (0, found) if found.is_integer() || found.is_null() => {
                    Ok(DataType::Decimal128(PRECISION, 0))
                }
                (1 | 2, found) if found.is_integer() || found.is_null() => Ok(DataType::Int64),
                (_, found) => plan_err!("`{}` cannot be {found}", ARGUMENTS[index]),
            }
        })
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        plan_err!("ratio: its type is that of `places` decimals")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let places = places_of(args.scalar_arguments.get(2).copied().flatten())?;
        let places = i8::try_from(places).unwrap_or(i8::MAX);
        Ok(Arc::new(Field::new(
            self.name(),
            DataType::Decimal128(PRECISION, places),
            true,
        )))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let places = match args.args.get(2) {
            Some(ColumnarValue::Scalar(value)) => places_of(Some(value))?,
            _ => places_of(None)?,
        };
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let quotients = compute(&arrays, places)?;
        let all_scalars = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        if all_scalars {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &quotients, 0,
            )?));
        }
        Ok(ColumnarValue::Array(Arc::new(quotients)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

#[cfg(test)]
mod tests {
    use super::divide;

    #[test]
    fn a_half_goes_away_from_zero() {
        assert_eq!(divide(5, 0, 2, 0), Some(3)); // 2.5
        assert_eq!(divide(-5, 0, 2, 0), Some(-3));
        assert_eq!(divide(1, 0, 8, 2), Some(13)); // 0.125
        assert_eq!(divide(249, 2, 1, 1), Some(25)); // 2.49
        assert_eq!(divide(245, 2, 1, 1), Some(25)); // 2.45
        assert_eq!(divide(244, 2, 1, 1), Some(24)); // 2.44
        assert_eq!(divide(17136, 0, 4570, 2), Some(375)); // 3.7497
    }

    #[test]
    fn what_does_not_fit_is_not_wrapped() {
        assert_eq!(divide(i128::MAX, 0, 1, 2), None);
    }
}
