//! The values of one column of the batch being filled.
//!
//! In: fields, one per row, in the wire form of the column's [`PostgresType`]. Out: one array
//! per batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type, UInt64Type,
};

use super::super::types::{DECIMAL_128_DIGITS, Leaf, NotFinite, PostgresType};
use super::super::value::ValueProblem::{self, Malformed};
use super::super::value::{self, Moment, fixed, numeric};
use super::buffers::{FinishError, Finite, Numbers, Texts, Uuids};
use super::nested::{Arrays, Composites, Multiranges, Ranges};

/// The first byte of every `jsonb` on the wire.
const JSONB_VERSION: u8 = 1;

/// One column, or one part of a nested one.
pub(super) enum Column {
    SmallInt(Numbers<Int16Type>),
    Integer(Numbers<Int32Type>),
    BigInt(Numbers<Int64Type>),
    Unsigned(Numbers<UInt32Type>),
    BigUnsigned(Numbers<UInt64Type>),
    Real(Numbers<Float32Type>),
    DoublePrecision(Numbers<Float64Type>),
    Boolean(BooleanBuilder),
    Text(Texts),
    Jsonb(Texts),
    Bytea(Texts),
    Uuid(Uuids),
    Numeric(Finite<Decimal128Type>, u8, i8),
    WideNumeric(Finite<Decimal256Type>, u8, i8),
    Money(Numbers<Decimal128Type>),
    Date(Finite<Date32Type>),
    Time(Numbers<Time64MicrosecondType>),
    Timestamp(Finite<TimestampMicrosecondType>),
    Array(Box<Arrays>),
    Composite(Composites),
    Range(Box<Ranges>),
    Multirange(Box<Multiranges>),
}

impl Column {
    pub(super) fn new(kind: &PostgresType, not_finite: NotFinite) -> Self {
        let arrow = kind.arrow();
        match kind {
            PostgresType::Leaf(leaf) => Self::leaf(*leaf, arrow, not_finite),
            PostgresType::Array {
                element,
                element_oid,
                dimensions,
            } => {
                let values = Self::new(element, not_finite);
                let field = element.field("element");
                Self::Array(Box::new(Arrays::new(
                    values,
                    field,
                    *element_oid,
                    *dimensions,
                )))
            }
            PostgresType::Composite(attributes) => {
                let parts = attributes
                    .iter()
                    .map(|part| (part.oid, Self::new(&part.kind, not_finite)));
                Self::Composite(Composites::new(parts.collect(), &arrow))
            }
            PostgresType::Range(bound) => Self::Range(Box::new(Ranges::new(bound, &arrow))),
            PostgresType::Multirange(bound) => {
                Self::Multirange(Box::new(Multiranges::new(bound, &arrow)))
            }
        }
    }

    fn leaf(leaf: Leaf, arrow: DataType, not_finite: NotFinite) -> Self {
        match leaf {
            Leaf::SmallInt => Self::SmallInt(Numbers::new(arrow)),
            Leaf::Integer => Self::Integer(Numbers::new(arrow)),
            Leaf::BigInt => Self::BigInt(Numbers::new(arrow)),
            Leaf::Unsigned => Self::Unsigned(Numbers::new(arrow)),
            Leaf::BigUnsigned => Self::BigUnsigned(Numbers::new(arrow)),
            Leaf::Real => Self::Real(Numbers::new(arrow)),
            Leaf::DoublePrecision => Self::DoublePrecision(Numbers::new(arrow)),
            Leaf::Boolean => Self::Boolean(BooleanBuilder::new()),
            Leaf::Text | Leaf::Json => Self::Text(Texts::new()),
            Leaf::Jsonb => Self::Jsonb(Texts::new()),
            Leaf::Bytea => Self::Bytea(Texts::new()),
            Leaf::Uuid => Self::Uuid(Uuids::new()),
            Leaf::Numeric { precision, scale } if precision <= DECIMAL_128_DIGITS => {
                Self::Numeric(Finite::new(arrow, not_finite), precision, scale)
            }
            Leaf::Numeric { precision, scale } => {
                Self::WideNumeric(Finite::new(arrow, not_finite), precision, scale)
            }
            Leaf::Money { .. } => Self::Money(Numbers::new(arrow)),
            Leaf::Date => Self::Date(Finite::new(arrow, not_finite)),
            Leaf::Time => Self::Time(Numbers::new(arrow)),
            Leaf::Timestamp | Leaf::TimestampTz => Self::Timestamp(Finite::new(arrow, not_finite)),
        }
    }

    /// Appends one field.
    pub(super) fn append(&mut self, field: &[u8]) -> Result<(), ValueProblem> {
        match self {
            Self::SmallInt(values) => {
                values.push(i16::from_be_bytes(fixed(field, "smallint")?));
            }
            Self::Integer(values) => values.push(i32::from_be_bytes(fixed(field, "integer")?)),
            Self::BigInt(values) => values.push(i64::from_be_bytes(fixed(field, "bigint")?)),
            Self::Unsigned(values) => values.push(u32::from_be_bytes(fixed(field, "oid")?)),
            Self::BigUnsigned(values) => values.push(u64::from_be_bytes(fixed(field, "xid8")?)),
            Self::Real(values) => values.push(f32::from_be_bytes(fixed(field, "real")?)),
            Self::DoublePrecision(values) => {
                values.push(f64::from_be_bytes(fixed(field, "double precision")?));
            }
            Self::Boolean(values) => values.append_value(value::boolean(field)?),
            Self::Text(values) | Self::Bytea(values) => values.push(field)?,
            Self::Jsonb(values) => match field.split_first() {
                Some((&JSONB_VERSION, text)) => values.push(text)?,
                _ => return Err(Malformed("jsonb of version 1")),
            },
            Self::Uuid(values) => values.push(fixed(field, "uuid")?),
            Self::Numeric(values, precision, scale) => {
                values.push(numeric::decimal128(field, *precision, *scale))?;
            }
            Self::WideNumeric(values, precision, scale) => {
                values.push(numeric::decimal256(field, *precision, *scale))?;
            }
            Self::Money(values) => {
                values.push(i64::from_be_bytes(fixed(field, "money")?).into());
            }
            Self::Date(values) => match value::date(field)? {
                Moment::Finite(days) => values.numbers.push(days),
                Moment::Earliest => values.push_unending(-i32::MAX)?,
                Moment::Latest => values.push_unending(i32::MAX)?,
            },
            Self::Time(values) => values.push(value::time(field)?),
            Self::Timestamp(values) => match value::timestamp(field, &values.numbers.arrow)? {
                Moment::Finite(moment) => values.numbers.push(moment),
                Moment::Earliest => values.push_unending(-i64::MAX)?,
                Moment::Latest => values.push_unending(i64::MAX)?,
            },
            Self::Array(values) => values.append(field)?,
            Self::Composite(values) => values.append(field)?,
            Self::Range(values) => values.append(field)?,
            Self::Multirange(values) => values.append(field)?,
        }
        Ok(())
    }

    pub(super) fn append_null(&mut self) {
        match self {
            Self::SmallInt(values) => values.push_null(),
            Self::Integer(values) => values.push_null(),
            Self::BigInt(values) => values.push_null(),
            Self::Unsigned(values) => values.push_null(),
            Self::BigUnsigned(values) => values.push_null(),
            Self::Real(values) => values.push_null(),
            Self::DoublePrecision(values) => values.push_null(),
            Self::Boolean(values) => values.append_null(),
            Self::Text(values) | Self::Bytea(values) | Self::Jsonb(values) => values.push_null(),
            Self::Uuid(values) => values.push_null(),
            Self::Numeric(values, ..) => values.numbers.push_null(),
            Self::WideNumeric(values, ..) => values.numbers.push_null(),
            Self::Money(values) => values.push_null(),
            Self::Date(values) => values.numbers.push_null(),
            Self::Time(values) => values.push_null(),
            Self::Timestamp(values) => values.numbers.push_null(),
            Self::Array(values) => values.append_null(),
            Self::Composite(values) => values.append_null(),
            Self::Range(values) => values.append_null(),
            Self::Multirange(values) => values.append_null(),
        }
    }

    /// Appends a field of a nested value, or null.
    pub(super) fn append_option(&mut self, field: Option<&[u8]>) -> Result<(), ValueProblem> {
        if let Some(field) = field {
            return self.append(field);
        }
        self.append_null();
        Ok(())
    }

    /// Takes the batch's values and makes room for the next.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, FinishError> {
        Ok(match self {
            Self::SmallInt(values) => values.finish(),
            Self::Integer(values) => values.finish(),
            Self::BigInt(values) => values.finish(),
            Self::Unsigned(values) => values.finish(),
            Self::BigUnsigned(values) => values.finish(),
            Self::Real(values) => values.finish(),
            Self::DoublePrecision(values) => values.finish(),
            Self::Boolean(values) => Arc::new(values.finish()),
            Self::Text(values) | Self::Jsonb(values) => values.finish_text()?,
            Self::Bytea(values) => values.finish_bytes()?,
            Self::Uuid(values) => values.finish()?,
            Self::Numeric(values, ..) => values.numbers.finish(),
            Self::WideNumeric(values, ..) => values.numbers.finish(),
            Self::Money(values) => values.finish(),
            Self::Date(values) => values.numbers.finish(),
            Self::Time(values) => values.finish(),
            Self::Timestamp(values) => values.numbers.finish(),
            Self::Array(values) => values.finish()?,
            Self::Composite(values) => values.finish()?,
            Self::Range(values) => values.finish()?,
            Self::Multirange(values) => values.finish()?,
        })
    }

    /// Values without end that became null, or DuckDB's infinity, so far.
    pub(super) fn not_finite(&self) -> u64 {
        match self {
            Self::Numeric(values, ..) => values.met,
            Self::WideNumeric(values, ..) => values.met,
            Self::Date(values) => values.met,
            Self::Timestamp(values) => values.met,
            Self::Array(values) => values.not_finite(),
            Self::Composite(values) => values.not_finite(),
            // Ranges refuse them.
            _ => 0,
        }
    }
}
