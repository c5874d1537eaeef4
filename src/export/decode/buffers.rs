//! Arrays being filled: values go straight into the buffers of the array.
//!
//! In: single values, or null. Out: the array of a batch, and room for as many values again,
//! because the next batch is probably as large. Text is checked to be UTF-8 once per batch, not
//! once per value.

use std::mem;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, FixedSizeBinaryArray, NullBufferBuilder,
    PrimitiveArray, StringArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::super::types::NotFinite;
use super::super::value::ValueProblem::{self, Infinite, NotANumber, NotUtf8, TooWide};

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

/// Values of fixed width.
pub(super) struct Numbers<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    nulls: NullBufferBuilder,
    pub(super) arrow: DataType,
}

impl<T: ArrowPrimitiveType> Numbers<T> {
    pub(super) fn new(arrow: DataType) -> Self {
        Self {
            values: Vec::new(),
            nulls: NullBufferBuilder::new(0),
            arrow,
        }
    }

    pub(super) fn push(&mut self, value: T::Native) {
        self.values.push(value);
        self.nulls.append_non_null();
    }

    pub(super) fn push_null(&mut self) {
        self.values.push(T::Native::default());
        self.nulls.append_null();
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        // The next batch is probably as long.
        let next = Vec::with_capacity(self.values.len());
        let values = mem::replace(&mut self.values, next);
        let array = PrimitiveArray::<T>::new(ScalarBuffer::from(values), self.nulls.finish());
        Arc::new(array.with_data_type(self.arrow.clone()))
    }
}

/// Values of which some have no form in the file.
pub(super) struct Finite<T: ArrowPrimitiveType> {
    pub(super) numbers: Numbers<T>,
    unending: NotFinite,
    /// How many values without end came and were not refused.
    pub(super) met: u64,
}

impl<T: ArrowPrimitiveType> Finite<T> {
    pub(super) fn new(arrow: DataType, not_finite: NotFinite) -> Self {
        Self {
            numbers: Numbers::new(arrow),
            unending: not_finite,
            met: 0,
        }
    }

    /// A number, `NaN` or ±infinity.
    pub(super) fn push(
        &mut self,
        value: Result<T::Native, ValueProblem>,
    ) -> Result<(), ValueProblem> {
        match value {
            Ok(value) => self.numbers.push(value),
            Err(NotANumber | Infinite) if self.unending == NotFinite::Null => {
                self.met += 1;
                self.numbers.push_null();
            }
            Err(problem) => return Err(problem),
        }
        Ok(())
    }

    /// ±infinity, which DuckDB takes `unending` for.
    pub(super) fn push_unending(&mut self, unending: T::Native) -> Result<(), ValueProblem> {
        match self.unending {
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
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            offsets: vec![0],
            nulls: NullBufferBuilder::new(0),
        }
    }

    pub(super) fn push(&mut self, value: &[u8]) -> Result<(), ValueProblem> {
        let end = i32::try_from(self.bytes.len() + value.len()).map_err(|_| TooWide)?;
        self.bytes.extend_from_slice(value);
        self.offsets.push(end);
        self.nulls.append_non_null();
        Ok(())
    }

    pub(super) fn push_null(&mut self) {
        let end = self.offsets.last().copied().unwrap_or(0);
        self.offsets.push(end);
        self.nulls.append_null();
    }

    /// Offsets, bytes and nulls, leaving room for the next batch.
    fn take(&mut self) -> (OffsetBuffer<i32>, Buffer, Option<NullBuffer>) {
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

    pub(super) fn finish_text(&mut self) -> Result<ArrayRef, FinishError> {
        let (offsets, bytes, nulls) = self.take();
        match StringArray::try_new(offsets.clone(), bytes.clone(), nulls) {
            Ok(array) => Ok(Arc::new(array)),
            Err(error) => Err(match not_utf8(&offsets, &bytes) {
                Some(place) => FinishError::Value(place, NotUtf8),
                None => FinishError::Arrow(error),
            }),
        }
    }

    pub(super) fn finish_bytes(&mut self) -> Result<ArrayRef, FinishError> {
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
pub(super) struct Uuids {
    bytes: Vec<u8>,
    nulls: NullBufferBuilder,
}

impl Uuids {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            nulls: NullBufferBuilder::new(0),
        }
    }

    pub(super) fn push(&mut self, value: [u8; 16]) {
        self.bytes.extend_from_slice(&value);
        self.nulls.append_non_null();
    }

    pub(super) fn push_null(&mut self) {
        self.bytes.extend_from_slice(&[0; 16]);
        self.nulls.append_null();
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef, FinishError> {
        let room = Vec::with_capacity(self.bytes.len());
        let bytes = Buffer::from_vec(mem::replace(&mut self.bytes, room));
        let nulls = self.nulls.finish();
        Ok(Arc::new(FixedSizeBinaryArray::try_new(16, bytes, nulls)?))
    }
}
