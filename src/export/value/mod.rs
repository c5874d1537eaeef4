//! One field of a binary COPY row -> one value, exact or refused.
//!
//! In: the bytes of a field, whose length the row states. Out: the value in Arrow's
//! units. Nothing is rounded, clamped or replaced, and no byte sequence panics.

pub(super) mod numeric;

use arrow::datatypes::DataType;

/// Days from 1970-01-01 to Postgres' day zero, 2000-01-01.
const DAYS_TO_2000: i32 = 10_957;
/// The same in microseconds.
const MICROSECONDS_TO_2000: i64 = DAYS_TO_2000 as i64 * 86_400_000_000;
const MICROSECONDS_OF_A_DAY: i64 = 86_400_000_000;

/// Why a field does not become a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueProblem {
    /// A `numeric` that is not a number.
    #[error("`NaN` has no decimal form")]
    NotANumber,
    /// A numeric, date or timestamp without end.
    #[error("`infinity` has no finite form")]
    Infinite,
    /// A range whose bound is `infinity`, which is not the same as having no bound.
    #[error("a bound that is `infinity` has no form in a range")]
    InfiniteBound,
    /// A time of day that is the next day's beginning.
    #[error("`24:00:00` is no time of the day in Parquet")]
    EndOfDay,
    /// An array of other dimensions than the column's.
    #[error("the array has {found} dimensions, the column is declared with {declared}")]
    Dimensions {
        /// Dimensions of the value.
        found: usize,
        /// Dimensions of the column in the file.
        declared: usize,
    },
    /// An array that does not begin at 1.
    #[error("the array begins at {0}, and lists have no other lower bound than 1")]
    LowerBound(i32),
    /// A value that its column in the file cannot hold.
    #[error("the value does not fit into {0}")]
    OutOfRange(DataType),
    /// More bytes than a batch can address.
    #[error("the rows around it are too wide for one batch")]
    TooWide,
    /// Text that is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// Bytes that Postgres does not send for the type.
    #[error("the bytes received are no {0}")]
    Malformed(&'static str),
}

use ValueProblem::{EndOfDay, Malformed, OutOfRange};

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

/// A value that may be without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment<T> {
    Finite(T),
    Earliest,
    Latest,
}

/// Days since 1970-01-01, in the Gregorian calendar also before it began.
pub(super) fn date(field: &[u8]) -> Result<Moment<i32>, ValueProblem> {
    match i32::from_be_bytes(fixed(field, "date")?) {
        i32::MIN => Ok(Moment::Earliest),
        i32::MAX => Ok(Moment::Latest),
        days => days
            .checked_add(DAYS_TO_2000)
            .filter(|days| *days < i32::MAX)
            .map(Moment::Finite)
            .ok_or(OutOfRange(DataType::Date32)),
    }
}

/// Microseconds since midnight.
pub(super) fn time(field: &[u8]) -> Result<i64, ValueProblem> {
    match i64::from_be_bytes(fixed(field, "time")?) {
        time @ 0..MICROSECONDS_OF_A_DAY => Ok(time),
        MICROSECONDS_OF_A_DAY => Err(EndOfDay),
        _ => Err(Malformed("time")),
    }
}

/// Microseconds since 1970-01-01; `timestamptz` counts them in UTC.
///
/// Postgres counts from 2000, so its last thirty years, from 294247 on, do not fit. Nor does
/// the last microsecond that does: DuckDB takes it for infinity.
pub(super) fn timestamp(field: &[u8], arrow: &DataType) -> Result<Moment<i64>, ValueProblem> {
    match i64::from_be_bytes(fixed(field, "timestamp")?) {
        i64::MIN => Ok(Moment::Earliest),
        i64::MAX => Ok(Moment::Latest),
        moment => moment
            .checked_add(MICROSECONDS_TO_2000)
            .filter(|moment| *moment < i64::MAX)
            .map(Moment::Finite)
            .ok_or_else(|| OutOfRange(arrow.clone())),
    }
}

/// Takes `N` bytes off the front of a field.
pub(super) fn take<const N: usize>(
    rest: &mut &[u8],
    kind: &'static str,
) -> Result<[u8; N], ValueProblem> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(Malformed(kind))?;
    *rest = tail;
    Ok(*head)
}

/// Takes a field off the front of a nested one: its length, then its bytes; -1 is null.
pub(super) fn take_field<'a>(
    rest: &mut &'a [u8],
    kind: &'static str,
) -> Result<Option<&'a [u8]>, ValueProblem> {
    let length = i32::from_be_bytes(take(rest, kind)?);
    if length == -1 {
        return Ok(None);
    }
    let (field, tail) = usize::try_from(length)
        .ok()
        .and_then(|length| rest.split_at_checked(length))
        .ok_or(Malformed(kind))?;
    *rest = tail;
    Ok(Some(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_from_1970() {
        // 1970-01-01 is 10957 days before 2000-01-01.
        assert_eq!(date(&(-10_957_i32).to_be_bytes()), Ok(Moment::Finite(0)));
        assert_eq!(date(&i32::MAX.to_be_bytes()), Ok(Moment::Latest));
        assert_eq!(date(&i32::MIN.to_be_bytes()), Ok(Moment::Earliest));
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
            Ok(Moment::Finite(946_684_800_000_000))
        );
        assert_eq!(
            timestamp(&i64::MAX.to_be_bytes(), &arrow),
            Ok(Moment::Latest)
        );
        assert_eq!(
            timestamp(&i64::MIN.to_be_bytes(), &arrow),
            Ok(Moment::Earliest)
        );
        let last = i64::MAX - 1 - MICROSECONDS_TO_2000;
        assert_eq!(
            timestamp(&last.to_be_bytes(), &arrow),
            Ok(Moment::Finite(i64::MAX - 1))
        );
        for beyond in [last + 1, last + 2] {
            assert_eq!(
                timestamp(&beyond.to_be_bytes(), &arrow),
                Err(OutOfRange(arrow.clone()))
            );
        }
    }

    #[test]
    fn a_day_has_no_time_24_00() {
        // 23:59:59.999999 is a microsecond before 24 · 3600 s.
        assert_eq!(time(&86_399_999_999_i64.to_be_bytes()), Ok(86_399_999_999));
        assert_eq!(time(&86_400_000_000_i64.to_be_bytes()), Err(EndOfDay));
        for beyond in [-1_i64, 86_400_000_001] {
            assert_eq!(time(&beyond.to_be_bytes()), Err(Malformed("time")));
        }
    }

    #[test]
    fn a_nested_field_ends_where_its_length_says() {
        let mut rest: &[u8] = &[
            0, 0, 0, 2, b'a', b'b', 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 9, 1,
        ];
        assert_eq!(take_field(&mut rest, "x"), Ok(Some(b"ab".as_slice())));
        assert_eq!(take_field(&mut rest, "x"), Ok(None));
        assert_eq!(take_field(&mut rest, "x"), Err(Malformed("x")));
        let mut negative: &[u8] = &[0xff, 0xff, 0xff, 0xfe];
        assert_eq!(take_field(&mut negative, "x"), Err(Malformed("x")));
    }
}
