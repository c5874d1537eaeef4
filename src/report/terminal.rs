//! The report for a terminal.
//!
//! In: the report, the terminal's width, whether colours may be used. Out: text with tables
//! no wider than that, as far as figures allow; wide model tables are split by column.

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table as Grid,
    presets,
};

use super::Report;
use super::sections::{self, Section};
use super::tables::{Row, Table, Tone};

/// A line above, below the headings and below; see the presets of `comfy_table`.
const RULED: &str = "  ── ──      ──    ";
/// Narrower than this no table can be read.
const NARROWEST: u16 = 40;

/// The head of the report and its first `sections`, or all of them.
pub(super) fn render(report: &Report, width: u16, color: bool, sections: usize) -> String {
    let page = Page {
        width: width.max(NARROWEST),
        color,
    };
    let mut text = page.heading(&sections::title(report), '=');
    if let Some(note) = &report.run.note {
        text.push_str(&page.wrapped(note));
    }
    text.push_str(&page.pairs(&sections::settings(report)));
    text.push_str(&page.heading("Key figures", '-'));
    text.push_str(&page.pairs(&sections::key_figures(report)));
    for section in sections::sections(report).into_iter().take(sections) {
        text.push_str(&page.section(&section));
    }
    text
}

/// Where the text goes.
struct Page {
    width: u16,
    color: bool,
}

impl Page {
    fn heading(&self, heading: &str, underline: char) -> String {
        let heading = printable(heading);
        if self.color {
            return format!("\n\u{1b}[1m{heading}\u{1b}[0m\n");
        }
        let line: String = std::iter::repeat_n(underline, heading.chars().count()).collect();
        format!("\n{heading}\n{line}\n")
    }

    fn wrapped(&self, text: &str) -> String {
        let mut grid = self.grid();
        grid.load_preset(presets::NOTHING)
            .add_row([Cell::new(printable(text))]);
        if let Some(column) = grid.column_mut(0) {
            column.set_padding((0, 0));
        }
        grid.trim_fmt() + "\n"
    }

    fn pairs(&self, pairs: &[(&'static str, String)]) -> String {
        let mut grid = self.grid();
        grid.load_preset(presets::NOTHING);
        for (name, value) in pairs {
            grid.add_row([Cell::new(name), Cell::new(printable(value))]);
        }
        if let Some(column) = grid.column_mut(0) {
            column
                .set_padding((0, 1))
                .set_constraint(ColumnConstraint::ContentWidth);
        }
        grid.trim_fmt() + "\n"
    }

    fn section(&self, section: &Section) -> String {
        let mut text = self.heading(section.words.heading, '-');
        if section.tables.iter().all(|table| table.rows.is_empty()) {
            return text + &self.wrapped(section.words.empty);
        }
        if let Some(finding) = &section.finding {
            text.push_str(&self.wrapped(finding));
        }
        for table in &section.tables {
            if let Some(caption) = table.caption {
                text = text + "\n" + caption + "\n";
            }
            for columns in self.split(table) {
                text.push_str(&self.table(table, &columns));
            }
        }
        text + &self.wrapped(section.words.note)
    }

    /// The columns of each piece of a table: the first column is repeated, number columns
    /// that no longer fit start another piece.
    fn split(&self, table: &Table) -> Vec<Vec<usize>> {
        let is_numbers = table.columns.iter().skip(1).all(|column| column.is_number);
        if !is_numbers {
            return vec![(0..table.columns.len()).collect()];
        }
        let mut pieces = Vec::new();
        let mut piece = vec![0];
        let mut used = content_width(table, 0);
        for column in 1..table.columns.len() {
            let width = content_width(table, column);
            if piece.len() > 1 && used + width > usize::from(self.width) {
                pieces.push(std::mem::replace(&mut piece, vec![0]));
                used = content_width(table, 0);
            }
            piece.push(column);
            used += width;
        }
        pieces.push(piece);
        pieces
    }

    fn table(&self, table: &Table, columns: &[usize]) -> String {
        let mut grid = self.grid();
        grid.load_preset(RULED);
        let headings = columns.iter().map(|column| {
            let cell = Cell::new(printable(&table.columns[*column].heading));
            if self.color {
                cell.add_attribute(Attribute::Bold)
            } else {
                cell
            }
        });
        grid.set_header(headings);
        for row in &table.rows {
            grid.add_row(columns.iter().map(|column| self.cell(row, *column)));
        }
        for (place, column) in columns.iter().enumerate() {
            let Some(drawn) = grid.column_mut(place) else {
                continue;
            };
            drawn.set_padding((0, 1));
            if table.columns[*column].is_number {
                // A figure broken over two lines is a wrong figure.
                drawn.set_constraint(ColumnConstraint::ContentWidth);
                drawn.set_cell_alignment(CellAlignment::Right);
            }
        }
        grid.trim_fmt() + "\n"
    }

    fn cell(&self, row: &Row, column: usize) -> Cell {
        let cell = Cell::new(printable(&row.cells[column]));
        match row.tone {
            Tone::Total if self.color => cell.add_attribute(Attribute::Bold),
            Tone::Bad if self.color => cell.fg(Color::Red),
            _ => cell,
        }
    }

    fn grid(&self) -> Grid {
        let mut grid = Grid::new();
        grid.set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(self.width);
        if self.color {
            grid.enforce_styling();
        } else {
            grid.force_no_tty();
        }
        grid
    }
}

/// A column's widest cell with its padding and line.
fn content_width(table: &Table, column: usize) -> usize {
    let cells = table
        .rows
        .iter()
        .map(|row| row.cells[column].chars().count());
    let heading = table.columns[column].heading.chars().count();
    cells.max().unwrap_or(0).max(heading) + 2
}

/// Text from the data without what would steer a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { '�' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_from_the_data_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\n"), "a�[31mb�");
    }
}
