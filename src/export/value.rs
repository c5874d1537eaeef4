//! One field of a binary COPY row -> one value, exact or refused.
//!
//! In: the bytes of a field, whose length the row states. Out: the value in Arrow's
//! units. Nothing is rounded, clamped or replaced, and no byte sequence panics.

use arrow::datatypes::DataType;

/// Days from 1970-01-01 to Postgres' day zero, 2000-01-01.
const DAYS_TO_2000: i32 = 10_957;
/// The same in microseconds.
const MICROSECONDS_TO_2000: i64 = DAYS_TO_2000 as i64 * 86_400_000_000;
/// The first byte of every `jsonb` on the wire.
const JSONB_VERSION: u8 = 1;
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

/// Why a field does not become a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueProblem {
    /// A `numeric` that is not a number.
    #[error("`NaN` has no decimal form")]
    NotANumber,
    /// A numeric, date or timestamp without end.
    #[error("`infinity` has no finite form")]
    Infinite,
    /// A value that its column in the file cannot hold.
    #[error("the value does not fit into {0}")]
    OutOfRange(DataType),
    /// Text that is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// Bytes that Postgres does not send for the type.
    #[error("the bytes received are no {0}")]
    Malformed(&'static str),
}

use ValueProblem::{Infinite, Malformed, NotANumber, NotUtf8, OutOfRange};

/// A field of fixed width as an array.
pub(super) fn fixed<const N: usize>(
    field: &[u8],
    kind: &'static str,
) -> Result<[u8; N], ValueProblem> {
    field.try_into().map_err(|_| Malformed(kind))
}

/// `boolean`.
pub(super) fn boolean(field: &[u8]) -> Result<bool, ValueProblem> {
    match field {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err(Malformed("boolean")),
    }
}

/// Text in the client's encoding, which is UTF-8.
pub(super) fn text(field: &[u8]) -> Result<&str, ValueProblem> {
    std::str::from_utf8(field).map_err(|_| NotUtf8)
}

/// `jsonb`, as the text that Postgres prints.
pub(super) fn jsonb(field: &[u8]) -> Result<&str, ValueProblem> {
    match field.split_first() {
        Some((&JSONB_VERSION, rest)) => text(rest),
        _ => Err(Malformed("jsonb of version 1")),
    }
}

/// Days since 1970-01-01, in the Gregorian calendar also before it began.
pub(super) fn date(field: &[u8]) -> Result<i32, ValueProblem> {
    match i32::from_be_bytes(fixed(field, "date")?) {
        i32::MIN | i32::MAX => Err(Infinite),
        days => days
            .checked_add(DAYS_TO_2000)
            .ok_or(OutOfRange(DataType::Date32)),
    }
}

/// Microseconds since 1970-01-01; `timestamptz` counts them in UTC.
///
/// Postgres counts from 2000, so its last thirty years, from 294247 on, do not fit.
pub(super) fn timestamp(field: &[u8], arrow: &DataType) -> Result<i64, ValueProblem> {
    match i64::from_be_bytes(fixed(field, "timestamp")?) {
        i64::MIN | i64::MAX => Err(Infinite),
        moment => moment
            .checked_add(MICROSECONDS_TO_2000)
            .ok_or_else(|| OutOfRange(arrow.clone())),
    }
}

/// `uuid` in its usual spelling.
pub(super) fn uuid(field: &[u8]) -> Result<String, ValueProblem> {
    let bytes: [u8; 16] = fixed(field, "uuid")?;
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    Ok([
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ]
    .join("-"))
}

/// `numeric` as an integer of the column's smallest unit: `12.34` at scale 2 is 1234.
///
/// On the wire a number is groups of four decimal digits, the first of them worth
/// 10000^weight: `12.34` is the groups 12 and 3400 with weight 0.
pub(super) fn numeric(field: &[u8], precision: u8, scale: i8) -> Result<i128, ValueProblem> {
    const NOT_NUMERIC: ValueProblem = Malformed("numeric");
    let (head, groups) = field.split_at_checked(8).ok_or(NOT_NUMERIC)?;
    let head: [u8; 8] = fixed(head, "numeric")?;
    let count = u16::from_be_bytes([head[0], head[1]]);
    let weight = i16::from_be_bytes([head[2], head[3]]);
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
    let out_of_range = || OutOfRange(DataType::Decimal128(precision, scale));
    let mut sum: i128 = 0;
    // The power of ten that a unit of the group is worth, in units of the column.
    let mut exponent = i32::from(weight) * 4 + i32::from(scale);
    for group in groups.chunks_exact(2) {
        let group = u16::from_be_bytes([group[0], group[1]]);
        if group > 9999 {
            return Err(NOT_NUMERIC);
        }
        let part = shift(i128::from(group), exponent).ok_or_else(out_of_range)?;
        sum = sum.checked_add(part).ok_or_else(out_of_range)?;
        exponent -= 4;
    }
    let limit = POWERS_OF_TEN
        .get(usize::from(precision))
        .ok_or_else(out_of_range)?;
    if sum >= *limit {
        return Err(out_of_range());
    }
    Ok(if is_negative { -sum } else { sum })
}

/// `group * 10^exponent`, if it is a whole number that fits.
fn shift(group: i128, exponent: i32) -> Option<i128> {
    if group == 0 {
        return Some(0);
    }
    let power = POWERS_OF_TEN.get(usize::try_from(exponent.unsigned_abs()).ok()?)?;
    if exponent >= 0 {
        group.checked_mul(*power)
    } else {
        (group % power == 0).then(|| group / power)
    }
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
        assert_eq!(numeric(&wire(0, 0, &[12, 3400]), 12, 2), Ok(1234));
        assert_eq!(numeric(&wire(0, 0x4000, &[12, 3400]), 12, 2), Ok(-1234));
        // 100000000 = 1·10000^2, its zero groups are not sent; at scale 2 it is 10^10.
        assert_eq!(numeric(&wire(2, 0, &[1]), 12, 2), Ok(10_000_000_000));
        // 0.0001 = 1·10000^-1; 0.00005 = 5000·10000^-2
        assert_eq!(numeric(&wire(-1, 0, &[1]), 9, 4), Ok(1));
        assert_eq!(numeric(&wire(-2, 0, &[5000]), 9, 5), Ok(5));
        // Zero has no groups, and no sign of its own.
        assert_eq!(numeric(&wire(0, 0x4000, &[]), 9, 2), Ok(0));
    }

    #[test]
    fn the_widest_numerics_fit_to_the_digit() {
        let nines = 10_i128.pow(38) - 1;
        // 38 nines before the point: 99·10000^9 and nine groups of 9999.
        let mut groups = vec![99];
        groups.extend([9999; 9]);
        assert_eq!(numeric(&wire(9, 0, &groups), 38, 0), Ok(nines));
        // 36 before and 2 after: nine groups of 9999 and 9900, whose plain value of 40
        // digits is beyond 128 bits.
        let mut groups = vec![9999; 9];
        groups.push(9900);
        assert_eq!(numeric(&wire(8, 0x4000, &groups), 38, 2), Ok(-nines));
        // 38 after the point: nine groups of 9999 and 9900.
        assert_eq!(numeric(&wire(-1, 0, &groups), 38, 38), Ok(nines));
    }

    #[test]
    fn numerics_that_do_not_fit_are_refused() {
        let refused = Err(OutOfRange(DataType::Decimal128(4, 2)));
        // 100.00 needs five digits; 0.001 needs three places; the last is beyond any power.
        assert_eq!(numeric(&wire(0, 0, &[100]), 4, 2), refused);
        assert_eq!(numeric(&wire(-1, 0, &[10]), 4, 2), refused);
        assert_eq!(numeric(&wire(i16::MAX, 0, &[1]), 4, 2), refused);
        assert_eq!(numeric(&wire(i16::MIN, 0, &[1]), 4, 2), refused);
        assert_eq!(numeric(&wire(0, 0xC000, &[]), 4, 2), Err(NotANumber));
        assert_eq!(numeric(&wire(0, 0xD000, &[]), 4, 2), Err(Infinite));
        assert_eq!(numeric(&wire(0, 0xF000, &[]), 4, 2), Err(Infinite));
    }

    #[test]
    fn numerics_that_postgres_does_not_send_are_malformed() {
        let malformed = Err(Malformed("numeric"));
        assert_eq!(numeric(&[], 9, 2), malformed);
        assert_eq!(numeric(&wire(0, 0, &[1])[..9], 9, 2), malformed);
        assert_eq!(
            numeric(&[wire(0, 0, &[1]), vec![0]].concat(), 9, 2),
            malformed
        );
        assert_eq!(numeric(&wire(0, 0x1234, &[1]), 9, 2), malformed);
        assert_eq!(numeric(&wire(0, 0, &[10_000]), 9, 2), malformed);
    }

    #[test]
    fn days_count_from_1970() {
        // 1970-01-01 is 10957 days before 2000-01-01.
        assert_eq!(date(&(-10_957_i32).to_be_bytes()), Ok(0));
        assert_eq!(date(&i32::MAX.to_be_bytes()), Err(Infinite));
        assert_eq!(date(&i32::MIN.to_be_bytes()), Err(Infinite));
        assert_eq!(
            date(&(i32::MAX - 1).to_be_bytes()),
            Err(OutOfRange(DataType::Date32))
        );
        assert_eq!(date(&[0; 3]), Err(Malformed("date")));
    }

    #[test]
    fn moments_beyond_64_bits_are_refused() {
        let arrow = DataType::Int64;
        assert_eq!(
            timestamp(&0_i64.to_be_bytes(), &arrow),
            Ok(946_684_800_000_000)
        );
        assert_eq!(timestamp(&i64::MAX.to_be_bytes(), &arrow), Err(Infinite));
        assert_eq!(timestamp(&i64::MIN.to_be_bytes(), &arrow), Err(Infinite));
        let last = i64::MAX - MICROSECONDS_TO_2000;
        assert_eq!(timestamp(&last.to_be_bytes(), &arrow), Ok(i64::MAX));
        assert_eq!(
            timestamp(&(last + 1).to_be_bytes(), &arrow),
            Err(OutOfRange(arrow))
        );
    }

    #[test]
    fn a_jsonb_begins_with_its_version() {
        assert_eq!(jsonb(b"\x01{}"), Ok("{}"));
        assert_eq!(jsonb(b"\x02{}"), Err(Malformed("jsonb of version 1")));
        assert_eq!(jsonb(b""), Err(Malformed("jsonb of version 1")));
        assert_eq!(text(b"\xff"), Err(NotUtf8));
    }

    #[test]
    fn a_uuid_has_its_hyphens() {
        let bytes: Vec<u8> = (0..16).collect();
        assert_eq!(
            uuid(&bytes).unwrap(),
            "00010203-0405-0607-0809-0a0b0c0d0e0f"
        );
    }
}
