//! The manual of the datasets, written from the query headers.

use std::fmt::Write;

use crate::pipeline::dataset::{Dataset, FOLDERS};

/// `docs/datasets.md` as it must be for the given query files.
pub fn manual(datasets: &[Dataset]) -> String {
    let mut text = String::from(
        "# Datasets\n\nEvery dataset of a run, written from the headers of `queries/**/*.sql` \
         (`cargo test datasets_manual` says when it is stale). Views are computed where they \
         are read and not published. Money is UAH unless the settings say otherwise; days are \
         days of the lake's time zone.\n",
    );
    for folder in FOLDERS {
        let mut of_folder: Vec<&Dataset> = datasets
            .iter()
            .filter(|dataset| dataset.folder == folder)
            .collect();
        of_folder.sort_by(|left, right| left.name.cmp(&right.name));
        // Writing to a string cannot fail.
        let _ = write!(text, "\n## {folder}\n");
        for dataset in of_folder {
            describe(&mut text, dataset);
        }
    }
    text
}

fn describe(text: &mut String, dataset: &Dataset) {
    let view = if dataset.is_view { " (view)" } else { "" };
    let _ = write!(
        text,
        "\n### {}{view}\n\n{}\n",
        dataset.name, dataset.description
    );
    let reads: Vec<String> = dataset
        .reads
        .iter()
        .map(|table| format!("`{table}`"))
        .collect();
    if !dataset.grain.is_empty() {
        let _ = write!(text, "\nGrain: {}. ", dataset.grain.join(", "));
        if dataset.order != dataset.grain {
            let _ = write!(text, "Sorted by {}. ", dataset.order.join(", "));
        }
        let _ = writeln!(text, "Reads {}.", reads.join(", "));
    }
    if !dataset.audits.is_empty() {
        let _ = writeln!(text, "\nAudits: {}.", dataset.audits.join(", "));
    }
    if dataset.columns.is_empty() {
        return;
    }
    text.push_str("\n| column | type | null | meaning |\n|---|---|---|---|\n");
    for column in &dataset.columns {
        let null = if column.field.is_nullable() {
            "yes"
        } else {
            "never"
        };
        let _ = writeln!(
            text,
            "| `{}` | {} | {null} | {} |",
            column.field.name(),
            column.type_text,
            column.meaning.replace('|', "\\|")
        );
    }
}
