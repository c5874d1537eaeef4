//! Settings of the models as exact decimals of six places.
//!
//! In: the text of a number, `0.4`. Out: the integer of its millionths, so that weights
//! made of it are fractions and not approximations, and models can be compared and hashed.

use std::fmt;

const MILLION: u64 = 1_000_000;

/// A share of the credit between 0 and 1, exact to a millionth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Share(u64);

impl Share {
    /// The whole credit.
    pub const WHOLE: Self = Self(MILLION);

    /// The share of so many millionths; `None` above 1,000,000.
    pub const fn from_millionths(millionths: u64) -> Option<Self> {
        if millionths <= MILLION {
            Some(Self(millionths))
        } else {
            None
        }
    }

    /// 0.4, the share of each end in the position-based model unless set.
    pub(super) const fn two_fifths() -> Self {
        Self(2 * MILLION / 5)
    }

    /// The share in millionths.
    pub const fn millionths(self) -> u64 {
        self.0
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        parse_millionths(text).and_then(Self::from_millionths)
    }
}

/// A half-life in days, above 0, exact to a millionth of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HalfLife(u64);

impl HalfLife {
    /// The half-life of so many millionths of a day; `None` for zero.
    pub const fn from_millionths(millionths: u64) -> Option<Self> {
        if millionths > 0 {
            Some(Self(millionths))
        } else {
            None
        }
    }

    /// Seven days, the default of the time-decay model.
    pub(super) const fn week() -> Self {
        Self(7 * MILLION)
    }

    /// The half-life in microseconds, for dividing an age by it.
    #[expect(
        clippy::cast_precision_loss,
        reason = "2^53 millionths are 24 million years"
    )]
    pub(super) fn micros(self) -> f64 {
        const MICROS_PER_MILLIONTH: f64 = 86_400.0;
        self.0 as f64 * MICROS_PER_MILLIONTH
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        parse_millionths(text).and_then(Self::from_millionths)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_millionths(self.0, f)
    }
}

impl fmt::Display for HalfLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_millionths(self.0, f)
    }
}

/// `0.4` is 400,000; signs, exponents and a seventh decimal place are refused.
fn parse_millionths(text: &str) -> Option<u64> {
    let text = text.trim();
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 6 {
        return None;
    }
    let fraction: u64 = format!("{decimals:0<6}").parse().ok()?;
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(MILLION)?
        .checked_add(fraction)
}

/// The shortest text that [`parse_millionths`] reads back.
fn write_millionths(millionths: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (whole, fraction) = (millionths / MILLION, millionths % MILLION);
    if fraction == 0 {
        return write!(f, "{whole}");
    }
    write!(
        f,
        "{whole}.{}",
        format!("{fraction:06}").trim_end_matches('0')
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_of_six_places_is_read_and_written_exactly() {
        for (text, millionths, written) in [
            ("0.4", 400_000, "0.4"),
            (" 1 ", 1_000_000, "1"),
            ("0.000001", 1, "0.000001"),
            ("07.50", 7_500_000, "7.5"),
        ] {
            let half_life = HalfLife::parse(text).unwrap();
            assert_eq!(half_life, HalfLife(millionths), "{text}");
            assert_eq!(half_life.to_string(), written);
        }
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused() {
        for text in [
            "",
            ".",
            ".5",
            "1.",
            "-1",
            "+1",
            "1e3",
            "0.1234567",
            "99999999999999999999",
        ] {
            assert_eq!(parse_millionths(text), None, "{text}");
        }
        assert_eq!(Share::parse("1.000001"), None);
        assert_eq!(HalfLife::parse("0"), None);
    }
}
