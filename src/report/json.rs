//! The report as JSON: its data, decimals as text.

use super::{Report, ReportError};

/// Indented JSON that ends in a newline.
pub(super) fn render(report: &Report) -> Result<String, ReportError> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}
