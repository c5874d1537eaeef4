//! What the user declares about columns: a form by name, and what becomes of values without end.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::{DECIMAL_256_DIGITS, MAX_DIMENSIONS};

/// How columns are to be stored when their own type does not say it, or other than it says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversions {
    /// By `schema.table.column`.
    pub columns: BTreeMap<String, Conversion>,
    /// What becomes of values without end.
    pub not_finite: NotFinite,
}

/// The form of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// `text`: as Postgres prints the value; for any type.
    Text,
    /// `numeric(p, s)`, for `numeric` and arrays of it; a value that would have to be rounded is
    /// refused.
    Numeric {
        /// Digits, at most 76.
        precision: u8,
        /// Digits after the point.
        scale: i8,
    },
    /// `[][]`: an array of so many dimensions.
    Dimensions(usize),
}

/// What becomes of `NaN` and ±infinity where the file has no form for them; floats have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NotFinite {
    /// The export stops and names the row.
    #[default]
    Refuse,
    /// They become null, and are counted.
    Null,
    /// Dates and timestamps become the value that DuckDB reads as ±infinity (other readers see
    /// the last day there is); numerics are refused.
    DuckDb,
}

/// A text that declares no form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of `text`, `numeric(p,s)` with 0 ≤ s ≤ p ≤ 76, `[][]`")]
pub struct NoConversion(String);

impl FromStr for Conversion {
    type Err = NoConversion;

    fn from_str(text: &str) -> Result<Self, NoConversion> {
        let plain: String = text.split_whitespace().collect();
        let plain = plain.to_ascii_lowercase();
        let dimensions = plain.len() / 2;
        if plain == "text" {
            return Ok(Self::Text);
        }
        if (1..=MAX_DIMENSIONS).contains(&dimensions) && plain == "[]".repeat(dimensions) {
            return Ok(Self::Dimensions(dimensions));
        }
        plain
            .strip_prefix("numeric(")
            .and_then(|rest| rest.strip_suffix(')'))
            .and_then(numeric)
            .ok_or_else(|| NoConversion(text.to_owned()))
    }
}

/// `p,s` or `p`.
fn numeric(digits: &str) -> Option<Conversion> {
    let (precision, scale) = digits.split_once(',').unwrap_or((digits, "0"));
    let (precision, scale) = (precision.parse::<u8>().ok()?, scale.parse::<u8>().ok()?);
    let is_possible = (1..=DECIMAL_256_DIGITS).contains(&precision) && scale <= precision;
    is_possible.then_some(Conversion::Numeric {
        precision,
        scale: i8::try_from(scale).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_postgres_spells_types() {
        let numeric = |precision, scale| Ok(Conversion::Numeric { precision, scale });
        assert_eq!("TEXT".parse(), Ok(Conversion::Text));
        assert_eq!("numeric(20, 4)".parse(), numeric(20, 4));
        assert_eq!("numeric(76,76)".parse(), numeric(76, 76));
        assert_eq!("numeric(9)".parse(), numeric(9, 0));
        assert_eq!("[][]".parse(), Ok(Conversion::Dimensions(2)));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "numeric",
            "numeric()",
            "numeric(0,0)",
            "numeric(77,0)",
            "numeric(4,5)",
            "numeric(4,-1)",
            "[",
            "[][",
            "[][][][][][][]",
            "integer",
        ] {
            assert!(text.parse::<Conversion>().is_err(), "{text}");
        }
    }
}
