//! The values of one column of the batch being filled.
//!
//! In: fields, one per row, in the wire form of the column's [`PostgresType`]. Out: one array
//! per batch. Values go straight into the array's own buffers; text is checked to be UTF-8
//! once per batch, not once per value.

use std::mem;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanBuilder, FixedSizeBinaryArray,
    NullBufferBuilder, PrimitiveArray, StringArray,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

use super::super::types::{DECIMAL_128_DIGITS, Leaf, NotFinite, PostgresType};
use super::super::value::ValueProblem::{self, Infinite, Malformed, NotANumber, NotUtf8, TooWide};
use super::super::value::{self, Moment, fixed, numeric};
use super::nested::{Arrays, Composites, Multiranges, Ranges};

/// The first byte of every `jsonb` on the wire.
const JSONB_VERSION: u8 = 1;

/// Why a batch's values make no array.
#[derive(Debug)]
pub(super) enum FinishError {
    /// The value at this place is at fault.
    Value(usize, ValueProblem),
    Arrow(ArrowError),
}

impl From<ArrowError> for FinishError {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

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
            Leaf::Uuid => Self::Uuid(Uuids::default()),
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
        match field {
            Some(field) => self.append(field),
            None => {
                self.append_null();
                Ok(())
            }
        }
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

/// Values of fixed width.
pub(super) struct Numbers<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    nulls: NullBufferBuilder,
    arrow: DataType,
}

impl<T: ArrowPrimitiveType> Numbers<T> {
    fn new(arrow: DataType) -> Self {
        Self {
            values: Vec::new(),
            nulls: NullBufferBuilder::new(0),
            arrow,
        }
    }

    fn push(&mut self, value: T::Native) {
        self.values.push(value);
        self.nulls.append_non_null();
    }

    fn push_null(&mut self) {
        self.values.push(T::Native::default());
        self.nulls.append_null();
    }

    fn finish(&mut self) -> ArrayRef {
        // The next batch is probably as long.
        let next = Vec::with_capacity(self.values.len());
        let values = mem::replace(&mut self.values, next);
        let array = PrimitiveArray::<T>::new(ScalarBuffer::from(values), self.nulls.finish());
        Arc::new(array.with_data_type(self.arrow.clone()))
    }
}

/// Values of which some have no form in the file.
pub(super) struct Finite<T: ArrowPrimitiveType> {
    numbers: Numbers<T>,
    not_finite: NotFinite,
    met: u64,
}

impl<T: ArrowPrimitiveType> Finite<T> {
    fn new(arrow: DataType, not_finite: NotFinite) -> Self {
        Self {
            numbers: Numbers::new(arrow),
            not_finite,
            met: 0,
        }
    }

    /// A number, `NaN` or ±infinity.
    fn push(&mut self, value: Result<T::Native, ValueProblem>) -> Result<(), ValueProblem> {
        match value {
            Ok(value) => self.numbers.push(value),
            Err(NotANumber | Infinite) if self.not_finite == NotFinite::Null => {
                self.met += 1;
                self.numbers.push_null();
            }
            Err(problem) => return Err(problem),
        }
        Ok(())
    }

    /// ±infinity, which DuckDB takes `unending` for.
    fn push_unending(&mut self, unending: T::Native) -> Result<(), ValueProblem> {
        match self.not_finite {
            NotFinite::Refuse => return Err(Infinite),
            NotFinite::Null => self.numbers.push_null(),
            NotFinite::DuckDb => self.numbers.push(unending),
        }
        self.met += 1;
        Ok(())
    }
}

/// Values of any width.
pub(super) struct Texts {
    bytes: Vec<u8>,
    /// Where each value begins, and where the last one ends.
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Texts {
    fn new() -> Self {
        Self {
            bytes: Vec::new(),
            offsets: vec![0],
            nulls: NullBufferBuilder::new(0),
        }
    }

    fn push(&mut self, value: &[u8]) -> Result<(), ValueProblem> {
        let end = i32::try_from(self.bytes.len() + value.len()).map_err(|_| TooWide)?;
        self.bytes.extend_from_slice(value);
        self.offsets.push(end);
        self.nulls.append_non_null();
        Ok(())
    }

    fn push_null(&mut self) {
        let end = self.offsets.last().copied().unwrap_or(0);
        self.offsets.push(end);
        self.nulls.append_null();
    }

    /// Offsets, bytes and nulls, leaving room for the next batch.
    fn take(&mut self) -> (OffsetBuffer<i32>, Buffer, Option<arrow::buffer::NullBuffer>) {
        let mut next = Vec::with_capacity(self.offsets.len());
        next.push(0);
        let offsets = mem::replace(&mut self.offsets, next);
        let room = Vec::with_capacity(self.bytes.len());
        let bytes = mem::replace(&mut self.bytes, room);
        (
            OffsetBuffer::new(ScalarBuffer::from(offsets)),
            Buffer::from_vec(bytes),
            self.nulls.finish(),
        )
    }

    fn finish_text(&mut self) -> Result<ArrayRef, FinishError> {
        let (offsets, bytes, nulls) = self.take();
        match StringArray::try_new(offsets.clone(), bytes.clone(), nulls) {
            Ok(array) => Ok(Arc::new(array)),
            Err(error) => Err(match not_utf8(&offsets, &bytes) {
                Some(place) => FinishError::Value(place, NotUtf8),
                None => FinishError::Arrow(error),
            }),
        }
    }

    fn finish_bytes(&mut self) -> Result<ArrayRef, FinishError> {
        let (offsets, bytes, nulls) = self.take();
        Ok(Arc::new(BinaryArray::try_new(offsets, bytes, nulls)?))
    }
}

/// The first value that is not UTF-8.
fn not_utf8(offsets: &OffsetBuffer<i32>, bytes: &[u8]) -> Option<usize> {
    offsets.windows(2).position(|ends| {
        let (start, end) = (usize::try_from(ends[0]), usize::try_from(ends[1]));
        let value = start.ok().zip(end.ok());
        let value = value.and_then(|(start, end)| bytes.get(start..end));
        value.is_none_or(|value| std::str::from_utf8(value).is_err())
    })
}

/// Values of 16 bytes.
#[derive(Default)]
pub(super) struct Uuids {
    bytes: Vec<u8>,
    nulls: Option<NullBufferBuilder>,
}

impl Uuids {
    fn nulls(&mut self) -> &mut NullBufferBuilder {
        self.nulls.get_or_insert_with(|| NullBufferBuilder::new(0))
    }

    fn push(&mut self, value: [u8; 16]) {
        self.bytes.extend_from_slice(&value);
        self.nulls().append_non_null();
    }

    fn push_null(&mut self) {
        self.bytes.extend_from_slice(&[0; 16]);
        self.nulls().append_null();
    }

    fn finish(&mut self) -> Result<ArrayRef, FinishError> {
        let room = Vec::with_capacity(self.bytes.len());
        let bytes = Buffer::from_vec(mem::replace(&mut self.bytes, room));
        let nulls = self.nulls().finish();
        Ok(Arc::new(FixedSizeBinaryArray::try_new(16, bytes, nulls)?))
    }
}
