//! Columns whose values have parts: arrays, composites, ranges, multiranges.
//!
//! In: the wire form, in which each part has a length of its own. Out: lists and structs. What
//! a value states of itself (element type, number of parts) must be what the catalog said.

use std::mem;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, ListArray, NullBufferBuilder, StructArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};

use super::super::types::{NotFinite, PostgresType};
use super::super::value::ValueProblem::{
    self, Dimensions, Infinite, InfiniteBound, LowerBound, Malformed, TooWide,
};
use super::super::value::{take, take_field};
use super::buffers::FinishError;
use super::column::Column;

const ARRAY: &str = "array of the column's type";
const COMPOSITE: &str = "composite of the column's type";
const RANGE: &str = "range";
/// Bytes of the smallest element: the length that says null.
const SMALLEST_ELEMENT: usize = 4;

/// The ends of the lists at one depth.
struct Lists {
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
    field: FieldRef,
}

impl Lists {
    fn new(field: FieldRef) -> Self {
        Self {
            offsets: vec![0],
            nulls: NullBufferBuilder::new(0),
            field,
        }
    }

    /// Ends a list of `count` values.
    fn end(&mut self, count: usize) -> Result<(), ValueProblem> {
        let end = self
            .last()
            .checked_add(i32::try_from(count).map_err(|_| TooWide)?);
        self.offsets.push(end.ok_or(TooWide)?);
        self.nulls.append_non_null();
        Ok(())
    }

    fn push_null(&mut self) {
        self.offsets.push(self.last());
        self.nulls.append_null();
    }

    fn last(&self) -> i32 {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// The list in which the value at `place` stands.
    fn list_of(&self, place: usize) -> usize {
        let begins_by = |start: &i32| usize::try_from(*start).is_ok_and(|start| start <= place);
        self.offsets.partition_point(begins_by).saturating_sub(1)
    }

    /// Lists around `values`; a fault of a value becomes one of its list.
    fn finish(&mut self, values: Result<ArrayRef, FinishError>) -> Result<ArrayRef, FinishError> {
        let values = values.map_err(|error| match error {
            FinishError::Value(place, problem) => FinishError::Value(self.list_of(place), problem),
            FinishError::Arrow(error) => FinishError::Arrow(error),
        })?;
        let mut next = Vec::with_capacity(self.offsets.len());
        next.push(0);
        let offsets = mem::replace(&mut self.offsets, next);
        Ok(Arc::new(ListArray::try_new(
            Arc::clone(&self.field),
            OffsetBuffer::new(ScalarBuffer::from(offsets)),
            values,
            self.nulls.finish(),
        )?))
    }
}

/// Arrays of one declared number of dimensions.
pub(super) struct Arrays {
    /// One per dimension, the outermost first.
    lists: Vec<Lists>,
    values: Column,
    element_oid: u32,
}

impl Arrays {
    pub(super) fn new(values: Column, element: Field, element_oid: u32, dimensions: usize) -> Self {
        let mut field = Arc::new(element);
        let mut lists = Vec::with_capacity(dimensions);
        for _ in 0..dimensions {
            lists.push(Lists::new(Arc::clone(&field)));
            field = Arc::new(Field::new("element", DataType::List(field), true));
        }
        lists.reverse();
        Self {
            lists,
            values,
            element_oid,
        }
    }

    /// The wire form: number of dimensions, a flag, the element's type, per dimension its length
    /// and first index, then the elements in row order. An empty array has no dimension.
    pub(super) fn append(&mut self, field: &[u8]) -> Result<(), ValueProblem> {
        let mut rest = field;
        let found = i32::from_be_bytes(take(&mut rest, ARRAY)?);
        let found = usize::try_from(found).map_err(|_| Malformed(ARRAY))?;
        let _has_nulls: [u8; 4] = take(&mut rest, ARRAY)?;
        if u32::from_be_bytes(take(&mut rest, ARRAY)?) != self.element_oid {
            return Err(Malformed(ARRAY));
        }
        let Some((outermost, inner)) = self.lists.split_first_mut() else {
            return Err(Malformed(ARRAY));
        };
        let declared = inner.len() + 1;
        if found == 0 && rest.is_empty() {
            return outermost.end(0);
        }
        if found != declared {
            return Err(Dimensions { found, declared });
        }
        // Lists at a depth: as many as the values of the depth above.
        let mut count = 1;
        for lists in std::iter::once(outermost).chain(inner) {
            let length = i32::from_be_bytes(take(&mut rest, ARRAY)?);
            let length = usize::try_from(length).map_err(|_| Malformed(ARRAY))?;
            let lower = i32::from_be_bytes(take(&mut rest, ARRAY)?);
            if lower != 1 {
                return Err(LowerBound(lower));
            }
            let next = count * length;
            // Before anything is allocated for them: the elements must be there.
            if next == 0 || next > rest.len() / SMALLEST_ELEMENT {
                return Err(Malformed(ARRAY));
            }
            for _ in 0..count {
                lists.end(length)?;
            }
            count = next;
        }
        for _ in 0..count {
            self.values.append_option(take_field(&mut rest, ARRAY)?)?;
        }
        nothing(rest, ARRAY)
    }

    pub(super) fn append_null(&mut self) {
        // The depths below have no list for it.
        if let Some(outermost) = self.lists.first_mut() {
            outermost.push_null();
        }
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef, FinishError> {
        let mut values = self.values.finish();
        for lists in self.lists.iter_mut().rev() {
            values = lists.finish(values);
        }
        values
    }

    pub(super) fn not_finite(&self) -> u64 {
        self.values.not_finite()
    }
}

/// Values of a composite type.
pub(super) struct Composites {
    /// Each with the type that values state.
    parts: Vec<(u32, Column)>,
    nulls: NullBufferBuilder,
    fields: Fields,
}

impl Composites {
    pub(super) fn new(parts: Vec<(u32, Column)>, arrow: &DataType) -> Self {
        Self {
            parts,
            nulls: NullBufferBuilder::new(0),
            fields: fields(arrow),
        }
    }

    /// The wire form: number of parts, per part its type and its field.
    pub(super) fn append(&mut self, field: &[u8]) -> Result<(), ValueProblem> {
        let mut rest = field;
        let count = i32::from_be_bytes(take(&mut rest, COMPOSITE)?);
        if usize::try_from(count) != Ok(self.parts.len()) {
            return Err(Malformed(COMPOSITE));
        }
        for (oid, part) in &mut self.parts {
            if u32::from_be_bytes(take(&mut rest, COMPOSITE)?) != *oid {
                return Err(Malformed(COMPOSITE));
            }
            part.append_option(take_field(&mut rest, COMPOSITE)?)?;
        }
        self.nulls.append_non_null();
        nothing(rest, COMPOSITE)
    }

    pub(super) fn append_null(&mut self) {
        for (_, part) in &mut self.parts {
            part.append_null();
        }
        self.nulls.append_null();
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef, FinishError> {
        let mut arrays = Vec::with_capacity(self.parts.len());
        for (_, part) in &mut self.parts {
            arrays.push(part.finish()?);
        }
        Ok(Arc::new(StructArray::try_new(
            self.fields.clone(),
            arrays,
            self.nulls.finish(),
        )?))
    }

    pub(super) fn not_finite(&self) -> u64 {
        self.parts.iter().map(|(_, part)| part.not_finite()).sum()
    }
}

/// Bits of a range's first byte.
mod flag {
    pub(super) const EMPTY: u8 = 0x01;
    pub(super) const LOWER_INCLUSIVE: u8 = 0x02;
    pub(super) const UPPER_INCLUSIVE: u8 = 0x04;
    pub(super) const LOWER_INFINITE: u8 = 0x08;
    pub(super) const UPPER_INFINITE: u8 = 0x10;
    pub(super) const KNOWN: u8 = 0x1f;
}

/// Values of a range type.
///
/// A bound that is null is none at all. That is why a bound of `infinity`, which is a value,
/// is refused whatever the setting says: null would make it another range.
pub(super) struct Ranges {
    lower: Column,
    lower_inclusive: BooleanBuilder,
    upper: Column,
    upper_inclusive: BooleanBuilder,
    is_empty: BooleanBuilder,
    nulls: NullBufferBuilder,
    fields: Fields,
}

impl Ranges {
    pub(super) fn new(bound: &PostgresType, arrow: &DataType) -> Self {
        Self {
            lower: Column::new(bound, NotFinite::Refuse),
            lower_inclusive: BooleanBuilder::new(),
            upper: Column::new(bound, NotFinite::Refuse),
            upper_inclusive: BooleanBuilder::new(),
            is_empty: BooleanBuilder::new(),
            nulls: NullBufferBuilder::new(0),
            fields: fields(arrow),
        }
    }

    /// The wire form: a byte of flags, then the fields of the bounds that there are.
    pub(super) fn append(&mut self, field: &[u8]) -> Result<(), ValueProblem> {
        let mut rest = field;
        let [flags] = take(&mut rest, RANGE)?;
        if flags & !flag::KNOWN != 0 {
            return Err(Malformed(RANGE));
        }
        let is = |bit: u8| flags & bit != 0;
        let is_empty = is(flag::EMPTY);
        for (column, infinite) in [
            (&mut self.lower, flag::LOWER_INFINITE),
            (&mut self.upper, flag::UPPER_INFINITE),
        ] {
            if is_empty || is(infinite) {
                column.append_null();
                continue;
            }
            let bound = take_field(&mut rest, RANGE)?.ok_or(Malformed(RANGE))?;
            column.append(bound).map_err(|problem| match problem {
                Infinite => InfiniteBound,
                other => other,
            })?;
        }
        self.lower_inclusive.append_value(is(flag::LOWER_INCLUSIVE));
        self.upper_inclusive.append_value(is(flag::UPPER_INCLUSIVE));
        self.is_empty.append_value(is_empty);
        self.nulls.append_non_null();
        nothing(rest, RANGE)
    }

    pub(super) fn append_null(&mut self) {
        self.lower.append_null();
        self.lower_inclusive.append_null();
        self.upper.append_null();
        self.upper_inclusive.append_null();
        self.is_empty.append_null();
        self.nulls.append_null();
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef, FinishError> {
        let arrays: Vec<ArrayRef> = vec![
            self.lower.finish()?,
            Arc::new(self.lower_inclusive.finish()),
            self.upper.finish()?,
            Arc::new(self.upper_inclusive.finish()),
            Arc::new(self.is_empty.finish()),
        ];
        Ok(Arc::new(StructArray::try_new(
            self.fields.clone(),
            arrays,
            self.nulls.finish(),
        )?))
    }
}

/// Values of a multirange type.
pub(super) struct Multiranges {
    lists: Lists,
    ranges: Ranges,
}

impl Multiranges {
    pub(super) fn new(bound: &PostgresType, arrow: &DataType) -> Self {
        let element = match arrow {
            DataType::List(element) => Arc::clone(element),
            other => Arc::new(Field::new("element", other.clone(), true)),
        };
        Self {
            ranges: Ranges::new(bound, element.data_type()),
            lists: Lists::new(element),
        }
    }

    /// The wire form: number of ranges, then their fields.
    pub(super) fn append(&mut self, field: &[u8]) -> Result<(), ValueProblem> {
        let mut rest = field;
        let count = i32::from_be_bytes(take(&mut rest, RANGE)?);
        let count = usize::try_from(count).map_err(|_| Malformed(RANGE))?;
        if count > rest.len() / SMALLEST_ELEMENT {
            return Err(Malformed(RANGE));
        }
        for _ in 0..count {
            let range = take_field(&mut rest, RANGE)?.ok_or(Malformed(RANGE))?;
            self.ranges.append(range)?;
        }
        self.lists.end(count)?;
        nothing(rest, RANGE)
    }

    pub(super) fn append_null(&mut self) {
        self.lists.push_null();
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef, FinishError> {
        let ranges = self.ranges.finish();
        self.lists.finish(ranges)
    }
}

/// A value must end where its last part ends.
fn nothing(rest: &[u8], kind: &'static str) -> Result<(), ValueProblem> {
    if rest.is_empty() {
        Ok(())
    } else {
        Err(Malformed(kind))
    }
}

/// The fields of a struct type.
fn fields(arrow: &DataType) -> Fields {
    match arrow {
        DataType::Struct(fields) => fields.clone(),
        _ => Fields::empty(),
    }
}
