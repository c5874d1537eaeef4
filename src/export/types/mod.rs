//! The form in which each Postgres type lands in the lake.
//!
//! In: a column's type from the catalog and the user's [`Conversions`]. Out: the
//! [`PostgresType`] that the decoder and the file's schema follow, and the expression that
//! the COPY selects. A type without a form of its own is read as the text that Postgres
//! prints. `catalog` asks the database, `resolve` decides, `conversions` are the settings.

mod catalog;
mod conversions;
mod resolve;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};

pub use conversions::{Conversion, Conversions, NoConversion, NotFinite};
pub(super) use resolve::{Wanted, resolve};

/// Settings of the session on which the text of values depends: with them what lands does
/// not depend on the role's or the database's own.
pub(super) const SESSION: &str = "\
    set datestyle = 'ISO, MDY'; \
    set intervalstyle = 'postgres'; \
    set timezone = 'UTC'; \
    set extra_float_digits = 1; \
    set bytea_output = 'hex'; \
    set xmloption = 'content'";

/// The key of a field's metadata that names what its bytes mean beyond their type.
pub(super) const EXTENSION: &str = "ARROW:extension:name";

/// Dimensions of an array that a declaration may have, as in Postgres.
const MAX_DIMENSIONS: usize = 6;

/// How values of a type are sent and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PostgresType {
    Leaf(Leaf),
    /// As many lists around each other as there are dimensions.
    Array {
        element: Box<Self>,
        /// The element's type, which stands in every value.
        element_oid: u32,
        dimensions: usize,
    },
    Composite(Vec<Attribute>),
    /// A range over the type.
    Range(Box<Self>),
    /// A list of such ranges.
    Multirange(Box<Self>),
}

/// One part of a composite type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) name: String,
    /// Its type, which stands in every value.
    pub(super) oid: u32,
    pub(super) kind: PostgresType,
}

/// A type whose values have no parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    SmallInt,
    Integer,
    BigInt,
    /// `oid`, `xid`, `cid`: four bytes without a sign.
    Unsigned,
    /// `xid8`.
    BigUnsigned,
    Real,
    DoublePrecision,
    Boolean,
    /// Anything that is its text on the wire; `char(n)` with its padding.
    Text,
    Json,
    /// Text after a version byte.
    Jsonb,
    Uuid,
    Bytea,
    Numeric {
        precision: u8,
        scale: i8,
    },
    /// A 64-bit count of the smallest unit of the server's currency.
    Money {
        scale: i8,
    },
    Date,
    Time,
    Timestamp,
    TimestampTz,
}

/// The widest `numeric` of 16 bytes.
pub(super) const DECIMAL_128_DIGITS: u8 = 38;
/// The widest `numeric` that has a form.
const DECIMAL_256_DIGITS: u8 = 76;
/// Digits of the largest 64-bit count.
const MONEY_DIGITS: u8 = 19;

impl Leaf {
    fn arrow(self) -> DataType {
        match self {
            Self::SmallInt => DataType::Int16,
            Self::Integer => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::Unsigned => DataType::UInt32,
            Self::BigUnsigned => DataType::UInt64,
            Self::Real => DataType::Float32,
            Self::DoublePrecision => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Text | Self::Json | Self::Jsonb => DataType::Utf8,
            Self::Uuid => DataType::FixedSizeBinary(16),
            Self::Bytea => DataType::Binary,
            Self::Numeric { precision, scale } if precision <= DECIMAL_128_DIGITS => {
                DataType::Decimal128(precision, scale)
            }
            Self::Numeric { precision, scale } => DataType::Decimal256(precision, scale),
            Self::Money { scale } => DataType::Decimal128(MONEY_DIGITS, scale),
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    fn extension(self) -> Option<&'static str> {
        match self {
            Self::Uuid => Some("arrow.uuid"),
            Self::Json | Self::Jsonb => Some("arrow.json"),
            _ => None,
        }
    }
}

/// The parts of a range, in the order of the file.
pub(super) const RANGE_PARTS: [&str; 5] = [
    "lower",
    "lower_inclusive",
    "upper",
    "upper_inclusive",
    "is_empty",
];

impl PostgresType {
    /// The type in the file.
    pub(super) fn arrow(&self) -> DataType {
        match self {
            Self::Leaf(leaf) => leaf.arrow(),
            Self::Array {
                element,
                dimensions,
                ..
            } => {
                let mut list = element.field("element");
                for _ in 1..*dimensions {
                    list = Field::new("element", DataType::List(Arc::new(list)), true);
                }
                DataType::List(Arc::new(list))
            }
            Self::Composite(attributes) => {
                let fields = attributes.iter().map(|part| part.kind.field(&part.name));
                DataType::Struct(fields.collect())
            }
            Self::Range(bound) => DataType::Struct(range_fields(bound)),
            Self::Multirange(bound) => {
                let range = Field::new("element", DataType::Struct(range_fields(bound)), true);
                DataType::List(Arc::new(range))
            }
        }
    }

    /// A field of the type; like a database's result, it promises nothing to be without null.
    pub(super) fn field(&self, name: &str) -> Field {
        let field = Field::new(name, self.arrow(), true);
        match self {
            Self::Leaf(leaf) => match leaf.extension() {
                Some(extension) => {
                    field.with_metadata([(EXTENSION.to_owned(), extension.to_owned())].into())
                }
                None => field,
            },
            _ => field,
        }
    }
}

fn range_fields(bound: &PostgresType) -> Fields {
    RANGE_PARTS
        .iter()
        .map(|part| match *part {
            "lower" | "upper" => bound.field(part),
            _ => Field::new(*part, DataType::Boolean, true),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_bytes_mean_is_marked_at_any_depth() {
        let uuids = PostgresType::Array {
            element: Box::new(PostgresType::Leaf(Leaf::Uuid)),
            element_oid: 2950,
            dimensions: 2,
        };
        let DataType::List(outer) = uuids.arrow() else {
            panic!("not a list");
        };
        let DataType::List(inner) = outer.data_type() else {
            panic!("not a list of lists");
        };
        assert_eq!(inner.metadata()[EXTENSION], "arrow.uuid");
        let json = PostgresType::Leaf(Leaf::Jsonb).field("j");
        assert_eq!(json.metadata()[EXTENSION], "arrow.json");
    }

    #[test]
    fn a_range_is_its_bounds_and_what_is_known_of_them() {
        let range = PostgresType::Range(Box::new(PostgresType::Leaf(Leaf::Integer)));
        let DataType::Struct(fields) = range.arrow() else {
            panic!("not a struct");
        };
        let types: Vec<_> = fields.iter().map(|field| field.data_type()).collect();
        let (bound, flag) = (&DataType::Int32, &DataType::Boolean);
        assert_eq!(types, [bound, flag, bound, flag, flag]);
    }
}
