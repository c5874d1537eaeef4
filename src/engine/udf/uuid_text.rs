//! The SQL function `uuid_text`.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, StringBuilder},
    datatypes::DataType,
};
use datafusion::common::{cast::as_fixed_size_binary_array, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::arguments::{coerce_all, documentation};

/// Bytes of a UUID.
const WIDTH: i32 = 16;

/// `uuid_text(uuid)`: a UUID as people write it.
///
/// | in | out | null |
/// |---|---|---|
/// | 16 bytes, as exports store a `uuid` | `Utf8`, lower-case digits in five groups | null for null |
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct UuidText {
    signature: Signature,
    documentation: Documentation,
}

impl UuidText {
    pub(super) fn new() -> Self {
        let documentation = documentation(
            "A UUID of 16 bytes, as exports store it, as text; null for null.",
            "uuid_text(uuid)",
            "> select uuid_text(decode('a0eebc999c0b4ef8bb6d6bb9bd380a11', 'hex'));\n\
             a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        )
        .with_argument("uuid", "16 bytes.")
        .build();
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
            documentation,
        }
    }
}

fn compute(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let [uuids] = arrays else {
        return exec_err!("expected 1 argument, got {}", arrays.len());
    };
    let uuids = as_fixed_size_binary_array(uuids)?;
    let mut texts = StringBuilder::with_capacity(uuids.len(), uuids.len() * 36);
    for uuid in uuids {
        texts.append_option(uuid.map(text));
    }
    Ok(Arc::new(texts.finish()))
}

/// Two digits a byte, hyphens after the bytes 4, 6, 8 and 10.
fn text(uuid: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let mut text = String::with_capacity(36);
    for (place, byte) in uuid.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text
}

impl ScalarUDFImpl for UuidText {
    fn name(&self) -> &'static str {
        "uuid_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerce_all(&["uuid"], types, |_, data_type| match data_type {
            DataType::FixedSizeBinary(WIDTH)
            | DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::Null => Ok(DataType::FixedSizeBinary(WIDTH)),
            _ => plan_err!("`uuid` must be 16 bytes, not {data_type}"),
        })
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        make_scalar_function(compute, vec![])(&args.args)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
