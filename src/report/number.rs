//! Exact decimals and the way numbers are written for people.
//!
//! In: integers, exact decimals, float conversion counts. Out: text such as `25,142,227.00`,
//! `86.9`, `1,204`. Nothing here loses a cent; floats come out only to draw with.

use std::fmt;

use serde::{Serialize, Serializer};

/// An exact decimal, `unscaled / 10^scale`; serialised as text with all its digits.
///
/// Money has scale 2, averages and ratios the scale of their column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    unscaled: i128,
    scale: u8,
}

impl Decimal {
    /// `unscaled / 10^scale`.
    pub const fn new(unscaled: i128, scale: u8) -> Self {
        Self { unscaled, scale }
    }

    /// The digits without their point: cents, for money.
    pub const fn unscaled(self) -> i128 {
        self.unscaled
    }

    /// `part / whole` rounded half away from zero to `scale` digits; none when `whole` is 0.
    pub fn ratio(part: i128, whole: i128, scale: u8) -> Option<Self> {
        let raised = part.checked_mul(10_i128.checked_pow(u32::from(scale))?)?;
        Some(Self::new(divide_half_away(raised, whole)?, scale))
    }

    /// `part` in percent of `whole`, one digit; none when `whole` is 0.
    pub fn percent(part: i128, whole: i128) -> Option<Self> {
        Self::ratio(part.checked_mul(100)?, whole, 1)
    }

    /// The same number with `scale` digits after the point, rounded half away from zero.
    #[must_use]
    pub fn rounded(self, scale: u8) -> Self {
        if scale >= self.scale {
            return self;
        }
        let divisor = 10_i128.checked_pow(u32::from(self.scale - scale));
        let unscaled = divisor.and_then(|divisor| divide_half_away(self.unscaled, divisor));
        unscaled.map_or(self, |unscaled| Self::new(unscaled, scale))
    }

    /// The same number without the zeros that end its fraction.
    #[must_use]
    pub fn trimmed(mut self) -> Self {
        while self.scale > 0 && self.unscaled % 10 == 0 {
            self.unscaled /= 10;
            self.scale -= 1;
        }
        self
    }

    /// With thousands separated: `1,234,567.80`.
    pub fn grouped(self) -> String {
        group(&self.to_string())
    }

    /// The nearest float, to draw and to rank with.
    #[expect(
        clippy::cast_precision_loss,
        reason = "bars and shades need no more than a float has"
    )]
    pub fn drawn(self) -> f64 {
        self.unscaled as f64 / 10_f64.powi(i32::from(self.scale))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = usize::from(self.scale);
        let digits = format!(
            "{:0width$}",
            self.unscaled.unsigned_abs(),
            width = scale + 1
        );
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let sign = if self.unscaled < 0 { "-" } else { "" };
        let point = if scale == 0 { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A count with thousands separated: `17,136`.
pub(super) fn count(number: i64) -> String {
    group(&number.to_string())
}

/// A count of conversions, which models split into fractions: `1,204.5`.
pub(super) fn conversions(number: f64) -> String {
    group(&format!("{number:.1}"))
}

/// A count as a float, to draw with.
pub(super) fn drawn(number: i64) -> f64 {
    Decimal::new(i128::from(number), 0).drawn()
}

/// A short form for axes: `20.2 M`, `850 k`, `12`.
pub(super) fn short(number: f64) -> String {
    let (value, unit) = match number.abs() {
        size if size >= 1e9 => (number / 1e9, " bn"),
        size if size >= 1e6 => (number / 1e6, " M"),
        size if size >= 1e3 => (number / 1e3, " k"),
        _ => (number, ""),
    };
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    format!("{text}{unit}")
}

/// Separates the thousands of a plain decimal text.
fn group(text: &str) -> String {
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits
        .find('.')
        .map_or((digits, ""), |point| digits.split_at(point));
    let mut grouped = String::with_capacity(text.len() + text.len() / 3);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{fraction}")
}

fn divide_half_away(part: i128, whole: i128) -> Option<i128> {
    let quotient = part.checked_div(whole)?;
    let remainder = part % whole;
    let is_up = remainder.unsigned_abs() >= whole.unsigned_abs() - remainder.unsigned_abs();
    let step = if (part < 0) == (whole < 0) { 1 } else { -1 };
    Some(if is_up { quotient + step } else { quotient })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_keeps_its_cents_and_separates_its_thousands() {
        assert_eq!(Decimal::new(2_514_222_700, 2).to_string(), "25142227.00");
        assert_eq!(Decimal::new(2_514_222_700, 2).grouped(), "25,142,227.00");
        assert_eq!(Decimal::new(-5, 2).grouped(), "-0.05");
        assert_eq!(Decimal::new(100_000, 0).grouped(), "100,000");
        assert_eq!(Decimal::new(-1_000, 0).grouped(), "-1,000");
        assert_eq!(Decimal::new(7, 0).to_string(), "7");
    }

    #[test]
    fn ratios_round_half_away_from_zero() {
        // 1/8 = 0.125, 3/8 = 0.375, 17136/4570 = 3.7496…
        assert_eq!(Decimal::ratio(1, 8, 2), Some(Decimal::new(13, 2)));
        assert_eq!(Decimal::ratio(-1, 8, 2), Some(Decimal::new(-13, 2)));
        assert_eq!(Decimal::ratio(1, 3, 2), Some(Decimal::new(33, 2)));
        assert_eq!(Decimal::ratio(17_136, 4_570, 2), Some(Decimal::new(375, 2)));
        assert_eq!(Decimal::ratio(1, 0, 2), None);
        assert_eq!(
            Decimal::percent(14_905, 17_136).map(Decimal::grouped),
            Some("87.0".to_owned())
        );
        assert_eq!(
            Decimal::percent(4, 4).map(Decimal::grouped),
            Some("100.0".to_owned())
        );
    }

    #[test]
    fn rounding_and_trimming_keep_the_value() {
        assert_eq!(Decimal::new(12_350, 2).rounded(0).to_string(), "124");
        assert_eq!(Decimal::new(12_350, 2).rounded(2).to_string(), "123.50");
        assert_eq!(Decimal::new(869_800, 6).trimmed().to_string(), "0.8698");
        assert_eq!(Decimal::new(17_000_000, 6).trimmed().to_string(), "17");
        assert_eq!(Decimal::new(0, 6).trimmed().to_string(), "0");
    }

    #[test]
    fn counts_and_short_forms_read_easily() {
        assert_eq!(count(17_136), "17,136");
        assert_eq!(count(-999), "-999");
        assert_eq!(count(0), "0");
        assert_eq!(conversions(1204.46), "1,204.5");
        assert_eq!(short(20_240_000.0), "20.2 M");
        assert_eq!(short(850_000.0), "850 k");
        assert_eq!(short(12.0), "12");
        assert_eq!(short(0.0), "0");
    }

    #[test]
    fn a_decimal_is_json_text() {
        assert_eq!(
            serde_json::to_string(&Decimal::new(-1, 2)).unwrap(),
            "\"-0.01\""
        );
    }
}
