//! The report as Markdown: the same tables, readable as plain text too.

use super::Report;
use super::sections;
use super::tables::{Table, Tone};

/// Headings, sentences and tables.
pub(super) fn render(report: &Report) -> String {
    let mut text = format!("# {}\n\n", escaped(&sections::title(report)));
    if let Some(note) = &report.run.note {
        text.push_str(&format!("> {}\n\n", escaped(note)));
    }
    text.push_str(&list(&sections::settings(report)));
    text.push_str("\n## Key figures\n\n");
    text.push_str(&list(&sections::key_figures(report)));
    for section in sections::sections(report) {
        text.push_str(&format!("\n## {}\n\n", section.words.heading));
        if section.tables.iter().all(|table| table.rows.is_empty()) {
            text.push_str(&format!("{}\n", section.words.empty));
            continue;
        }
        if let Some(finding) = &section.finding {
            text.push_str(&format!("{}\n\n", escaped(finding)));
        }
        text.push_str(&format!("{}\n", section.words.note));
        for table in &section.tables {
            text.push_str(&drawn(table));
        }
    }
    text
}

fn list(pairs: &[(&'static str, String)]) -> String {
    pairs
        .iter()
        .map(|(name, value)| format!("- {name}: {}\n", escaped(value)))
        .collect()
}

fn drawn(table: &Table) -> String {
    let mut text = String::from("\n");
    if let Some(caption) = table.caption {
        text.push_str(&format!("**{caption}**\n\n"));
    }
    text.push_str(&line(
        table.columns.iter().map(|column| escaped(&column.heading)),
    ));
    let rules = table
        .columns
        .iter()
        .map(|column| if column.is_number { "--:" } else { "---" });
    text.push_str(&line(rules.map(str::to_owned)));
    for row in &table.rows {
        let cells = row.cells.iter().map(|cell| {
            let cell = escaped(cell);
            if row.tone == Tone::Plain || cell.is_empty() {
                cell
            } else {
                format!("**{cell}**")
            }
        });
        text.push_str(&line(cells));
    }
    text
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.collect();
    format!("| {} |\n", cells.join(" | "))
}

/// Text from the data without what Markdown or HTML would act on.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '|' | '\\' | '`' | '*' | '[' | ']' | '#' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_the_data_cannot_break_out_of_their_cell() {
        assert_eq!(escaped("a|b\n<script>"), "a\\|b &lt;script>");
        assert_eq!(escaped("paid_search"), "paid_search");
    }
}
