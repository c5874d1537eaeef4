//! `numeric` on the wire -> an integer of the column's smallest unit: `12.34` at scale 2 is 1234.
//!
//! In: the bytes of a field. Out: 128 or 256 bits, exact, or why not. On the wire a number is
//! groups of four decimal digits, the first of them worth 10000^weight: `12.34` is the groups
//! 12 and 3400 with weight 0.

use arrow::datatypes::{DataType, i256};

use super::ValueProblem::{self, Infinite, Malformed, NotANumber, OutOfRange};
use super::fixed;

const NOT_NUMERIC: ValueProblem = Malformed("numeric");
/// Groups whose digits, read as one integer, always fit into 64 bits: 16 digits.
const NARROW_GROUPS: usize = 4;
/// Powers of ten, as far as they fit.
const POWERS_OF_TEN: [i128; 39] = {
    let mut powers = [1; 39];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};
/// The same for the integers of narrow numbers.
const NARROW_POWERS_OF_TEN: [u64; 20] = {
    let mut powers = [1; 20];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// A number as it came.
struct Number<'a> {
    weight: i32,
    is_negative: bool,
    groups: &'a [u8],
}

impl<'a> Number<'a> {
    fn read(field: &'a [u8]) -> Result<Self, ValueProblem> {
        let (head, groups) = field.split_at_checked(8).ok_or(NOT_NUMERIC)?;
        let head: [u8; 8] = fixed(head, "numeric")?;
        let count = u16::from_be_bytes([head[0], head[1]]);
        let is_negative = match u16::from_be_bytes([head[4], head[5]]) {
            0x0000 => false,
            0x4000 => true,
            0xC000 => return Err(NotANumber),
            0xD000 | 0xF000 => return Err(Infinite),
            _ => return Err(NOT_NUMERIC),
        };
        if groups.len() != usize::from(count) * 2 {
            return Err(NOT_NUMERIC);
        }
        Ok(Self {
            weight: i32::from(i16::from_be_bytes([head[2], head[3]])),
            is_negative,
            groups,
        })
    }

    fn groups(&self) -> impl Iterator<Item = Result<u16, ValueProblem>> {
        self.groups.chunks_exact(2).map(|group| {
            let group = u16::from_be_bytes([group[0], group[1]]);
            if group > 9999 {
                return Err(NOT_NUMERIC);
            }
            Ok(group)
        })
    }
}

/// A number of at most 38 digits.
pub(in crate::export) fn decimal128(
    field: &[u8],
    precision: u8,
    scale: i8,
) -> Result<i128, ValueProblem> {
    let number = Number::read(field)?;
    let out_of_range = || OutOfRange(DataType::Decimal128(precision, scale));
    let unsigned = if number.groups.len() <= NARROW_GROUPS * 2 {
        narrow(&number, i32::from(scale))?
    } else {
        wide(&number, i32::from(scale))?
    };
    let unsigned = unsigned.ok_or_else(out_of_range)?;
    let limit = POWERS_OF_TEN
        .get(usize::from(precision))
        .ok_or_else(out_of_range)?;
    if unsigned >= *limit {
        return Err(out_of_range());
    }
    Ok(if number.is_negative {
        -unsigned
    } else {
        unsigned
    })
}

/// Few groups: one integer of all digits, shifted once. `None` when it does not fit.
fn narrow(number: &Number<'_>, scale: i32) -> Result<Option<i128>, ValueProblem> {
    let mut digits: u64 = 0;
    let mut count = 0;
    for group in number.groups() {
        digits = digits * 10_000 + u64::from(group?);
        count += 1;
    }
    if digits == 0 {
        return Ok(Some(0));
    }
    // The power of ten that a unit of the last group is worth, in units of the column.
    let exponent = (number.weight - count + 1) * 4 + scale;
    let power = exponent.unsigned_abs() as usize;
    Ok(if exponent >= 0 {
        POWERS_OF_TEN
            .get(power)
            .and_then(|power| i128::from(digits).checked_mul(*power))
    } else {
        NARROW_POWERS_OF_TEN
            .get(power)
            .filter(|power| digits.is_multiple_of(**power))
            .map(|power| i128::from(digits / power))
    })
}

/// Any number of groups, shifted each by itself: together they may exceed 128 bits although
/// the value does not, because the last group may end in zeros.
fn wide(number: &Number<'_>, scale: i32) -> Result<Option<i128>, ValueProblem> {
    let mut sum: i128 = 0;
    let mut exponent = number.weight * 4 + scale;
    for group in number.groups() {
        let part = shift(i128::from(group?), exponent);
        match part.and_then(|part| sum.checked_add(part)) {
            Some(next) => sum = next,
            None => return Ok(None),
        }
        exponent -= 4;
    }
    Ok(Some(sum))
}

/// `group * 10^exponent`, if it is a whole number that fits.
fn shift(group: i128, exponent: i32) -> Option<i128> {
    if group == 0 {
        return Some(0);
    }
    let power = POWERS_OF_TEN.get(exponent.unsigned_abs() as usize)?;
    if exponent >= 0 {
        group.checked_mul(*power)
    } else {
        (group % power == 0).then(|| group / power)
    }
}

/// A number of at most 76 digits.
pub(in crate::export) fn decimal256(
    field: &[u8],
    precision: u8,
    scale: i8,
) -> Result<i256, ValueProblem> {
    let number = Number::read(field)?;
    let out_of_range = || OutOfRange(DataType::Decimal256(precision, scale));
    let ten = i256::from_i128(10);
    let mut sum = i256::ZERO;
    let mut exponent = number.weight * 4 + i32::from(scale);
    for group in number.groups() {
        let group = i256::from_i128(i128::from(group?));
        let part = if group == i256::ZERO {
            Some(group)
        } else if exponent >= 0 {
            ten.checked_pow(exponent.unsigned_abs())
                .and_then(|power| group.checked_mul(power))
        } else {
            // Below 10^-4 no group of four digits is whole.
            ten.checked_pow(exponent.unsigned_abs().min(5))
                .filter(|power| group.wrapping_rem(*power) == i256::ZERO)
                .map(|power| group.wrapping_div(power))
        };
        sum = part
            .and_then(|part| sum.checked_add(part))
            .ok_or_else(out_of_range)?;
        exponent -= 4;
    }
    let limit = ten
        .checked_pow(u32::from(precision))
        .ok_or_else(out_of_range)?;
    if sum >= limit {
        return Err(out_of_range());
    }
    Ok(if number.is_negative {
        sum.wrapping_neg()
    } else {
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wire form: count of groups, weight, sign, display scale, groups.
    fn wire(weight: i16, sign: u16, groups: &[u16]) -> Vec<u8> {
        let count = u16::try_from(groups.len()).unwrap();
        let head = [count, weight.cast_unsigned(), sign, 0];
        head.iter()
            .chain(groups)
            .flat_map(|word| word.to_be_bytes())
            .collect()
    }

    #[test]
    fn numerics_are_exact_at_the_columns_scale() {
        // 12.34 = 12·10000^0 + 3400·10000^-1
        assert_eq!(decimal128(&wire(0, 0, &[12, 3400]), 12, 2), Ok(1234));
        assert_eq!(decimal128(&wire(0, 0x4000, &[12, 3400]), 12, 2), Ok(-1234));
        // 100000000 = 1·10000^2, its zero groups are not sent; at scale 2 it is 10^10.
        assert_eq!(decimal128(&wire(2, 0, &[1]), 12, 2), Ok(10_000_000_000));
        // 0.0001 = 1·10000^-1; 0.00005 = 5000·10000^-2
        assert_eq!(decimal128(&wire(-1, 0, &[1]), 9, 4), Ok(1));
        assert_eq!(decimal128(&wire(-2, 0, &[5000]), 9, 5), Ok(5));
        // Zero has no groups, and no sign of its own.
        assert_eq!(decimal128(&wire(0, 0x4000, &[]), 9, 2), Ok(0));
        // The same in 256 bits.
        let exact = |value| Ok(i256::from_i128(value));
        assert_eq!(
            decimal256(&wire(0, 0x4000, &[12, 3400]), 50, 2),
            exact(-1234)
        );
        assert_eq!(decimal256(&wire(-2, 0, &[5000]), 50, 5), exact(5));
        assert_eq!(decimal256(&wire(0, 0, &[]), 50, 5), exact(0));
    }

    #[test]
    fn the_widest_numerics_fit_to_the_digit() {
        let nines = 10_i128.pow(38) - 1;
        // 38 nines before the point: 99·10000^9 and nine groups of 9999.
        let mut groups = vec![99];
        groups.extend([9999; 9]);
        assert_eq!(decimal128(&wire(9, 0, &groups), 38, 0), Ok(nines));
        // 36 before and 2 after: nine groups of 9999 and 9900, whose plain value of 40
        // digits is beyond 128 bits.
        let mut groups = vec![9999; 9];
        groups.push(9900);
        assert_eq!(decimal128(&wire(8, 0x4000, &groups), 38, 2), Ok(-nines));
        // 38 after the point: nine groups of 9999 and 9900.
        assert_eq!(decimal128(&wire(-1, 0, &groups), 38, 38), Ok(nines));
        // 76 nines: nineteen groups of 9999.
        let nines = i256::from_string(&"9".repeat(76)).unwrap();
        assert_eq!(decimal256(&wire(18, 0, &[9999; 19]), 76, 0), Ok(nines));
        assert_eq!(
            decimal256(&wire(-1, 0x4000, &[9999; 19]), 76, 76),
            Ok(nines.wrapping_neg())
        );
    }

    #[test]
    fn numerics_that_do_not_fit_are_refused() {
        let refused = Err(OutOfRange(DataType::Decimal128(4, 2)));
        let wide_refused = Err(OutOfRange(DataType::Decimal256(40, 2)));
        // 100.00 needs five digits; 0.001 needs three places; the last two are beyond any
        // power; five groups take the other way.
        assert_eq!(decimal128(&wire(0, 0, &[100]), 4, 2), refused);
        assert_eq!(decimal128(&wire(-1, 0, &[10]), 4, 2), refused);
        assert_eq!(decimal128(&wire(i16::MAX, 0, &[1]), 4, 2), refused);
        assert_eq!(decimal128(&wire(i16::MIN, 0, &[1]), 4, 2), refused);
        assert_eq!(decimal128(&wire(4, 0, &[1; 5]), 4, 2), refused);
        assert_eq!(decimal128(&wire(i16::MIN, 0, &[1; 5]), 4, 2), refused);
        // 10^40 at scale 2 needs 43 digits.
        assert_eq!(decimal256(&wire(10, 0, &[1]), 40, 2), wide_refused);
        assert_eq!(decimal256(&wire(-1, 0, &[10]), 40, 2), wide_refused);
        assert_eq!(decimal256(&wire(i16::MAX, 0, &[1]), 40, 2), wide_refused);
        assert_eq!(decimal256(&wire(i16::MIN, 0, &[1]), 40, 2), wide_refused);
        assert_eq!(decimal128(&wire(0, 0xC000, &[]), 4, 2), Err(NotANumber));
        assert_eq!(decimal128(&wire(0, 0xD000, &[]), 4, 2), Err(Infinite));
        assert_eq!(decimal256(&wire(0, 0xF000, &[]), 40, 2), Err(Infinite));
    }

    #[test]
    fn numerics_that_postgres_does_not_send_are_malformed() {
        for field in [
            Vec::new(),
            wire(0, 0, &[1])[..9].to_vec(),
            [wire(0, 0, &[1]), vec![0]].concat(),
            wire(0, 0x1234, &[1]),
            wire(0, 0, &[10_000]),
            wire(4, 0, &[1, 1, 1, 1, 10_000]),
        ] {
            assert_eq!(decimal128(&field, 38, 2), Err(NOT_NUMERIC), "{field:?}");
            assert_eq!(decimal256(&field, 76, 2), Err(NOT_NUMERIC), "{field:?}");
        }
    }
}
