//! Results for people: tables that fit a terminal, Markdown.
//!
//! In: rows as text. Out: a table as wide as its terminal allows, else one line per value;
//! or a Markdown table. Control characters of the data are replaced.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{CellAlignment, ContentArrangement, Table};

pub(super) fn for_people() -> FormatOptions<'static> {
    FormatOptions::new()
        .with_display_error(false)
        .with_null("NULL")
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"))
}

pub(super) fn text_rows(batch: &RecordBatch) -> Result<Vec<Vec<String>>, ArrowError> {
    let options = for_people();
    let formatters = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()?;
    (0..batch.num_rows())
        .map(|row| {
            formatters
                .iter()
                .map(|column| column.value(row).try_to_string())
                .collect()
        })
        .collect()
}

/// Below this width a column of text is not wrapped: what is left of it cannot be read.
const READABLE: u16 = 16;

/// A table where its columns fit the terminal, else one line per value.
pub(super) fn for_terminal(schema: &SchemaRef, rows: &[Vec<String>], width: Option<u16>) -> String {
    let mut table = Table::new();
    table
        .load_preset(comfy_table::presets::UTF8_FULL_CONDENSED)
        .set_header(schema.fields().iter().map(|field| printable(field.name())));
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    for (index, field) in schema.fields().iter().enumerate() {
        if let Some(column) = table
            .column_mut(index)
            .filter(|_| field.data_type().is_numeric())
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let Some(width) = width else {
        return format!("{table}\n");
    };
    let least: u16 = table
        .column_max_content_widths()
        .iter()
        .map(|column| (*column).min(READABLE) + 3)
        .sum();
    if least >= width && !rows.is_empty() {
        return records(schema, rows);
    }
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width);
    format!("{table}\n")
}

/// Each row as lines of name and value.
fn records(schema: &SchemaRef, rows: &[Vec<String>]) -> String {
    let names: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| printable(field.name()))
        .collect();
    let longest = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0);
    let lines = rows.iter().enumerate().flat_map(|(index, row)| {
        let values = names.iter().zip(row);
        std::iter::once(format!("row {}\n", index + 1))
            .chain(values.map(|(name, cell)| format!("  {name:<longest$}  {}\n", printable(cell))))
    });
    lines.collect()
}

/// Control characters of the data would move the cursor or colour the terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' => '\n',
            '\t' => ' ',
            control if control.is_control() => '\u{fffd}',
            other => other,
        })
        .collect()
}

pub(super) fn markdown(schema: &SchemaRef, rows: &[Vec<String>]) -> String {
    let escaped = |text: &str| {
        printable(text)
            .replace('\\', "\\\\")
            .replace('|', "\\|")
            .replace('\n', "<br>")
    };
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let names = schema
        .fields()
        .iter()
        .map(|field| escaped(field.name()))
        .collect();
    let rules = schema.fields().iter().map(|field| {
        if field.data_type().is_numeric() {
            "---:"
        } else {
            "---"
        }
        .to_owned()
    });
    let mut text = line(names) + &line(rules.collect());
    for row in rows {
        text.push_str(&line(row.iter().map(|cell| escaped(cell)).collect()));
    }
    text
}
