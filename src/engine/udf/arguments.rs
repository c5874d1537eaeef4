//! What the functions share: argument types checked by name, and columns of text.
//!
//! In: the types a query passes. Out: the type each function computes with, to which
//! DataFusion casts, or an error that names the argument.

use arrow::{
    array::{Array, ArrayRef, StringArray},
    datatypes::DataType,
};
use datafusion::common::{cast::as_string_array, exec_datafusion_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{DocSection, Documentation, DocumentationBuilder};

/// Checks the number of arguments and casts each to what `coerce` says of it.
pub(super) fn coerce_all<const N: usize>(
    names: &[&str; N],
    types: &[DataType],
    coerce: impl Fn(usize, &DataType) -> Result<DataType>,
) -> Result<Vec<DataType>> {
    if types.len() != N {
        return plan_err!(
            "expected the arguments ({}), got {}",
            names.join(", "),
            types.len()
        );
    }
    types
        .iter()
        .enumerate()
        .map(|(index, data_type)| coerce(index, data_type))
        .collect()
}

/// [`coerce_all`] for functions of texts only.
pub(super) fn coerce_texts<const N: usize>(
    names: &[&str; N],
    types: &[DataType],
) -> Result<Vec<DataType>> {
    coerce_all(names, types, |index, data_type| {
        text(names[index], data_type)
    })
}

/// Texts of every encoding become `Utf8`.
pub(super) fn text(name: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            Ok(DataType::Utf8)
        }
        DataType::Dictionary(_, values) => text(name, values),
        _ => plan_err!("`{name}` must be text, not {data_type}"),
    }
}

/// The arrays of a function of `N` texts.
pub(super) fn text_arrays<const N: usize>(arrays: &[ArrayRef]) -> Result<[&StringArray; N]> {
    let texts = arrays
        .iter()
        .map(|array| as_string_array(array))
        .collect::<Result<Vec<_>>>()?;
    texts
        .try_into()
        .map_err(|_| exec_datafusion_err!("expected {N} arguments, got {}", arrays.len()))
}

/// The text of a row, or null.
pub(super) fn at(array: &StringArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

/// The start of a function's documentation.
pub(super) fn documentation(
    description: &str,
    syntax: &str,
    sql_example: &str,
) -> DocumentationBuilder {
    let section = DocSection {
        include: true,
        label: "Attribution Functions",
        description: None,
    };
    Documentation::builder(section, description, syntax).with_sql_example(sql_example)
}
