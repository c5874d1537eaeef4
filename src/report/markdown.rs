//! The report as Markdown: the same tables, readable as plain text too.

use super::Report;
use super::sections;
use super::tables::{Table, Tone};

/// Headings, sentences and tables.
pub(super) fn render(report: &Report) -> String {
    let mut parts = vec![format!("# {}\n", escaped(&sections::title(report)))];
    if let Some(note) = &report.run.note {
        parts.push(format!("> {}\n", escaped(note)));
    }
    parts.push(list(&sections::settings(report)));
    parts.push("## Key figures\n".to_owned());
    parts.push(list(&sections::key_figures(report)));
    for section in sections::sections(report) {
        parts.push(format!("## {}\n", section.words.heading));
        if section.tables.iter().all(|table| table.rows.is_empty()) {
            parts.push(format!("{}\n", section.words.empty));
            continue;
        }
        if let Some(finding) = &section.finding {
            parts.push(format!("{}\n", escaped(finding)));
        }
        parts.push(format!("{}\n", section.words.note));
        parts.extend(section.tables.iter().map(drawn));
    }
    parts.join("\n")
}

fn list(pairs: &[(&'static str, String)]) -> String {
    let lines = pairs
        .iter()
        .map(|(name, value)| format!("- {name}: {}\n", escaped(value)));
    lines.collect::<Vec<_>>().concat()
}

fn drawn(table: &Table) -> String {
    let caption = table.caption.map(|caption| format!("**{caption}**\n\n"));
    let mut text = caption.unwrap_or_default();
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
