//! The Parquet schema of a file: Arrow's own, with what bytes mean beyond their type.
//!
//! In: an Arrow schema whose fields may be marked as Arrow marks extension types, at any depth.
//! Out: the Parquet schema with the logical types UUID and JSON at these places. The encoder
//! does this itself only under a feature that every crate above Arrow would be rebuilt for.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema};
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::LogicalType;
use parquet::errors::Result;
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

/// The key of the marks.
const EXTENSION: &str = "ARROW:extension:name";

/// The Parquet schema of files with this Arrow schema.
pub(super) fn parquet_schema(schema: &Schema) -> Result<SchemaDescriptor> {
    let plain = ArrowSchemaConverter::new().convert(schema)?;
    let root = plain.root_schema();
    let fields = marked_fields(schema.fields(), root.get_fields())?;
    let root = Type::group_type_builder(root.name())
        .with_fields(fields)
        .build()?;
    Ok(SchemaDescriptor::new(Arc::new(root)))
}

/// The types of the fields, which both sides have in the same order.
fn marked_fields(fields: &Fields, types: &[TypePtr]) -> Result<Vec<TypePtr>> {
    fields
        .iter()
        .zip(types)
        .map(|(field, plain)| marked(field, plain))
        .collect()
}

fn marked(field: &Field, plain: &TypePtr) -> Result<TypePtr> {
    match (field.data_type(), parts(plain)) {
        (DataType::Struct(fields), Some(types)) => group(plain, marked_fields(fields, types)?),
        // A list is a group of one repeated group of one element.
        (DataType::List(element), Some([repeated])) => {
            let inner = match parts(repeated) {
                Some([inner]) => group(repeated, vec![marked(element, inner)?])?,
                _ => Arc::clone(repeated),
            };
            group(plain, vec![inner])
        }
        (_, None) => match logical_type(field) {
            Some(logical) => primitive(plain, logical),
            None => Ok(Arc::clone(plain)),
        },
        _ => Ok(Arc::clone(plain)),
    }
}

/// What the field's mark means, where the type can carry it.
fn logical_type(field: &Field) -> Option<LogicalType> {
    let mark = field.metadata().get(EXTENSION)?;
    match (mark.as_str(), field.data_type()) {
        ("arrow.uuid", DataType::FixedSizeBinary(16)) => Some(LogicalType::Uuid),
        ("arrow.json", DataType::Utf8) => Some(LogicalType::Json),
        _ => None,
    }
}

fn group(plain: &Type, fields: Vec<TypePtr>) -> Result<TypePtr> {
    let about = plain.get_basic_info();
    let built = Type::group_type_builder(about.name())
        .with_repetition(about.repetition())
        .with_converted_type(about.converted_type())
        .with_logical_type(about.logical_type_ref().cloned())
        .with_fields(fields)
        .build()?;
    Ok(Arc::new(built))
}

fn primitive(plain: &Type, logical: LogicalType) -> Result<TypePtr> {
    let about = plain.get_basic_info();
    let mut built = Type::primitive_type_builder(about.name(), plain.get_physical_type())
        .with_repetition(about.repetition());
    if logical == LogicalType::Uuid {
        built = built.with_length(16);
    }
    Ok(Arc::new(built.with_logical_type(Some(logical)).build()?))
}

/// The parts of a group; `None` for a primitive type.
fn parts(type_: &Type) -> Option<&[TypePtr]> {
    type_.is_group().then(|| type_.get_fields())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(field: Field, name: &str) -> Field {
        field.with_metadata([(EXTENSION.to_owned(), name.to_owned())].into())
    }

    #[test]
    fn marks_become_logical_types_at_any_depth() {
        let uuid = mark(
            Field::new("element", DataType::FixedSizeBinary(16), true),
            "arrow.uuid",
        );
        let inner = Field::new("element", DataType::List(Arc::new(uuid)), true);
        let json = mark(Field::new("j", DataType::Utf8, true), "arrow.json");
        let schema = Schema::new(vec![
            Field::new("lists", DataType::List(Arc::new(inner)), true),
            Field::new("parts", DataType::Struct(vec![json].into()), true),
            Field::new("plain", DataType::Utf8, true),
        ]);
        let found = parquet_schema(&schema).unwrap();
        let logical: Vec<_> = found
            .columns()
            .iter()
            .map(|column| (column.path().string(), column.logical_type_ref().cloned()))
            .collect();
        assert_eq!(
            logical,
            [
                (
                    "lists.list.element.list.element".to_owned(),
                    Some(LogicalType::Uuid)
                ),
                ("parts.j".to_owned(), Some(LogicalType::Json)),
                ("plain".to_owned(), Some(LogicalType::String)),
            ]
        );
    }

    #[test]
    fn without_marks_the_schema_is_the_encoders_own() {
        let list = Field::new("element", DataType::Int32, true);
        let schema = Schema::new(vec![
            Field::new("l", DataType::List(Arc::new(list)), true),
            Field::new("d", DataType::Decimal256(76, 3), false),
            // A mark on a type that cannot carry it is left alone.
            mark(Field::new("n", DataType::Int32, true), "arrow.uuid"),
        ]);
        let own = ArrowSchemaConverter::new().convert(&schema).unwrap();
        assert_eq!(parquet_schema(&schema).unwrap(), own);
    }
}
