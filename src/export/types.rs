//! Which Postgres types have an exact form in the lake, and which are refused.
//!
//! In: a column's type from the catalog. Out: the [`PostgresType`] that the decoder and
//! the file's schema follow, or the remedy that the refusal carries.

use arrow::datatypes::{DataType, TimeUnit};

/// A type that the export stores exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PostgresType {
    SmallInt,
    Integer,
    BigInt,
    Real,
    DoublePrecision,
    Boolean,
    /// `text`, `varchar`, `char(n)` with its padding, `json`: text on the wire.
    Text,
    /// Text after a version byte.
    Jsonb,
    Uuid,
    Numeric {
        precision: u8,
        scale: i8,
    },
    Date,
    Timestamp,
    TimestampTz,
}

/// Object ids of the built-in types; they are part of Postgres' protocol and never change.
mod oid {
    pub(super) const BOOL: u32 = 16;
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const INT4: u32 = 23;
    pub(super) const TEXT: u32 = 25;
    pub(super) const JSON: u32 = 114;
    pub(super) const FLOAT4: u32 = 700;
    pub(super) const FLOAT8: u32 = 701;
    pub(super) const BPCHAR: u32 = 1042;
    pub(super) const VARCHAR: u32 = 1043;
    pub(super) const DATE: u32 = 1082;
    pub(super) const TIMESTAMP: u32 = 1114;
    pub(super) const TIMESTAMPTZ: u32 = 1184;
    pub(super) const NUMERIC: u32 = 1700;
    pub(super) const UUID: u32 = 2950;
    pub(super) const JSONB: u32 = 3802;
}

/// What to do about a type that is refused.
const CAST_TO_TEXT: &str = "export a view that casts the column to `text`, or leave it out";
const DECLARE_WIDTH: &str = "export a view that casts the column to `numeric(p, s)` with p ≤ 38 and 0 ≤ s ≤ p, or to `text`";

impl PostgresType {
    /// The type of a catalog row, or the remedy for a type that has no exact form.
    pub(super) fn from_catalog(type_oid: u32, modifier: i32) -> Result<Self, &'static str> {
        Ok(match type_oid {
            oid::INT2 => Self::SmallInt,
            oid::INT4 => Self::Integer,
            oid::INT8 => Self::BigInt,
            oid::FLOAT4 => Self::Real,
            oid::FLOAT8 => Self::DoublePrecision,
            oid::BOOL => Self::Boolean,
            oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::JSON => Self::Text,
            oid::JSONB => Self::Jsonb,
            oid::UUID => Self::Uuid,
            oid::DATE => Self::Date,
            oid::TIMESTAMP => Self::Timestamp,
            oid::TIMESTAMPTZ => Self::TimestampTz,
            oid::NUMERIC => numeric(modifier).ok_or(DECLARE_WIDTH)?,
            _ => return Err(CAST_TO_TEXT),
        })
    }

    /// The column's type in the file.
    pub(super) fn arrow(self) -> DataType {
        match self {
            Self::SmallInt => DataType::Int16,
            Self::Integer => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::Real => DataType::Float32,
            Self::DoublePrecision => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Text | Self::Jsonb | Self::Uuid => DataType::Utf8,
            Self::Numeric { precision, scale } => DataType::Decimal128(precision, scale),
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

/// The precision and scale that a `numeric` column's modifier holds.
///
/// `None` when it holds none, or such as a Parquet decimal of 16 bytes cannot have:
/// more than 38 digits, a scale below zero or above the precision.
fn numeric(modifier: i32) -> Option<PostgresType> {
    // The modifier is ((precision << 16) | (scale & 0x7ff)) + 4, the scale signed in 11 bits.
    let packed = modifier.checked_sub(4).filter(|packed| *packed >= 0)?;
    let precision = u8::try_from(packed >> 16)
        .ok()
        .filter(|precision| *precision <= 38)?;
    let scale = i8::try_from(((packed & 0x7ff) ^ 0x400) - 0x400).ok()?;
    (0..=i8::try_from(precision).ok()?)
        .contains(&scale)
        .then_some(PostgresType::Numeric { precision, scale })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::ColumnType;

    fn modifier(precision: i32, scale: i32) -> i32 {
        ((precision << 16) | (scale & 0x7ff)) + 4
    }

    #[test]
    fn the_contracts_types_have_the_contracts_arrow_types() {
        let pairs = [
            (oid::INT2, -1, ColumnType::SmallInt),
            (oid::INT4, -1, ColumnType::Integer),
            (oid::INT8, -1, ColumnType::BigInt),
            (oid::BOOL, -1, ColumnType::Boolean),
            (oid::TEXT, -1, ColumnType::Text),
            (oid::VARCHAR, 204, ColumnType::Varchar(200)),
            (oid::NUMERIC, modifier(18, 2), ColumnType::Numeric(18, 2)),
            (oid::DATE, -1, ColumnType::Date),
            (oid::TIMESTAMP, -1, ColumnType::Timestamp),
            (oid::TIMESTAMPTZ, -1, ColumnType::TimestampTz),
            (oid::JSONB, -1, ColumnType::Jsonb),
        ];
        for (type_oid, modifier, contract) in pairs {
            let found = PostgresType::from_catalog(type_oid, modifier).unwrap();
            assert_eq!(found.arrow(), contract.arrow(), "{contract:?}");
        }
    }

    #[test]
    fn numerics_outside_of_decimal_128_are_refused() {
        // Unbounded, too wide, negative scale, scale above precision.
        for modifier in [-1, modifier(39, 0), modifier(5, -2), modifier(2, 4)] {
            assert_eq!(
                PostgresType::from_catalog(oid::NUMERIC, modifier),
                Err(DECLARE_WIDTH)
            );
        }
        let widest = PostgresType::Numeric {
            precision: 38,
            scale: 38,
        };
        assert_eq!(
            PostgresType::from_catalog(oid::NUMERIC, modifier(38, 38)),
            Ok(widest)
        );
    }

    #[test]
    fn other_types_are_refused_with_a_remedy() {
        const INTERVAL: u32 = 1186;
        assert_eq!(PostgresType::from_catalog(INTERVAL, -1), Err(CAST_TO_TEXT));
    }
}
