//! Paths as three lists per row: is paid, is direct, age.
//!
//! In: the columns of `touch_weights` and `touch_revenue`. Out: row by row the model and
//! the touches, checked, for `attribution` to weigh.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, BooleanArray, Int64Array, ListArray, StringArray},
    datatypes::{DataType, Field},
};
use datafusion::common::{
    cast::{as_boolean_array, as_int64_array, as_list_array, as_string_array},
    exec_datafusion_err, exec_err, plan_err,
};
use datafusion::error::Result;

use crate::attribution::{Model, Touch, Weights};

use super::arguments::{at, text};

/// The type of one of the four arguments `model`, `is_paid`, `is_direct`, `age_micros`.
pub(super) fn coerce(name: &str, data_type: &DataType) -> Result<DataType> {
    match name {
        "model" => text(name, data_type),
        "age_micros" => list(name, data_type, "whole numbers", DataType::Int64, |item| {
            item.is_integer()
        }),
        _ => list(name, data_type, "booleans", DataType::Boolean, |item| {
            *item == DataType::Boolean
        }),
    }
}

fn list(
    name: &str,
    data_type: &DataType,
    what: &str,
    target: DataType,
    fits: impl Fn(&DataType) -> bool,
) -> Result<DataType> {
    let is_fit = match data_type {
        DataType::Null => true,
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            field.data_type().is_null() || fits(field.data_type())
        }
        _ => false,
    };
    if !is_fit {
        return plan_err!("`{name}` must be a list of {what}, not {data_type}");
    }
    Ok(DataType::List(Arc::new(Field::new_list_field(
        target, true,
    ))))
}

/// The paths of a batch; one buffer of touches and weights serves all rows.
pub(super) struct Paths<'a> {
    models: &'a StringArray,
    is_paid: Flags<'a>,
    is_direct: Flags<'a>,
    ages: &'a ListArray,
    age_items: &'a Int64Array,
    /// The model of the row before, parsed: it is nearly always the same.
    model: Option<(&'a str, Model)>,
    touches: Vec<Touch>,
    pub(super) weights: Weights,
}

struct Flags<'a> {
    lists: &'a ListArray,
    items: &'a BooleanArray,
}

impl<'a> Paths<'a> {
    pub(super) fn try_new(model: &'a ArrayRef, touches: [&'a ArrayRef; 3]) -> Result<Self> {
        let [is_paid, is_direct, ages] = touches;
        let flags = |array| -> Result<Flags<'a>> {
            let lists = as_list_array(array)?;
            Ok(Flags {
                lists,
                items: as_boolean_array(lists.values())?,
            })
        };
        let ages = as_list_array(ages)?;
        Ok(Self {
            models: as_string_array(model)?,
            is_paid: flags(is_paid)?,
            is_direct: flags(is_direct)?,
            ages,
            age_items: as_int64_array(ages.values())?,
            model: None,
            touches: Vec::new(),
            weights: Weights::default(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.models.len()
    }

    /// Weighs the path of a row; false when the model or a list is null.
    pub(super) fn weigh(&mut self, row: usize) -> Result<bool> {
        let lists = [self.is_paid.lists, self.is_direct.lists, self.ages];
        let Some(text) = at(self.models, row) else {
            return Ok(false);
        };
        if lists.iter().any(|list| list.is_null(row)) {
            return Ok(false);
        }
        let model = match self.model {
            Some((known, model)) if known == text => model,
            _ => text
                .parse()
                .map_err(|error| exec_datafusion_err!("{error}"))?,
        };
        self.model = Some((text, model));
        self.read(row)?;
        match model.weigh(&self.touches, &mut self.weights) {
            Ok(()) => Ok(true),
            Err(error) => exec_err!("{error}"),
        }
    }

    fn read(&mut self, row: usize) -> Result<()> {
        let (paid_from, paid) = bounds(self.is_paid.lists, row);
        let (direct_from, direct) = bounds(self.is_direct.lists, row);
        let (age_from, ages) = bounds(self.ages, row);
        if paid != ages || direct != ages {
            return exec_err!(
                "the lists of a path must be equally long, not {paid} (is_paid), {direct} \
                 (is_direct) and {ages} (age_micros)"
            );
        }
        self.touches.clear();
        for index in 0..ages {
            if self.age_items.is_null(age_from + index) {
                return exec_err!("`age_micros` must not be null, as in touch {}", index + 1);
            }
            self.touches.push(Touch {
                is_paid: self.is_paid.at(paid_from + index),
                is_direct: self.is_direct.at(direct_from + index),
                age_micros: self.age_items.value(age_from + index),
            });
        }
        Ok(())
    }
}

impl Flags<'_> {
    /// Null is false, as everywhere in the tables.
    fn at(&self, item: usize) -> bool {
        self.items.is_valid(item) && self.items.value(item)
    }
}

/// Where a row's items start and how many there are.
#[expect(
    clippy::cast_sign_loss,
    reason = "offsets of a list array are never negative"
)]
fn bounds(list: &ListArray, row: usize) -> (usize, usize) {
    let offsets = list.value_offsets();
    let (start, end) = (offsets[row] as usize, offsets[row + 1] as usize);
    (start, end - start)
}
