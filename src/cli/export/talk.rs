//! What `touchpath export` says while it reads and when it has read.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::cli::Context;
use crate::export::{self, Mode};
use crate::lake::exports::{ExportManifest, PartContent};
use crate::printer::{self, ProgressLines, Total};

/// Tells which parts of an earlier attempt stood and which were read anew.
pub(super) fn say_what_stood(mode: Mode, manifest: &ExportManifest, context: &Context) {
    let what = match mode {
        Mode::Fresh => return,
        Mode::Resume | Mode::ResumeRelaxed => "of the killed export",
        Mode::Repair => "of the last export",
    };
    for table in &manifest.tables {
        let (stood, all) = (table.stood, table.parts.len());
        let read = all - stood;
        context.printer.note(&format!(
            "{}: {stood} of {all} parts {what} stood, {read} read anew",
            table.table
        ));
    }
    if !manifest.is_one_snapshot {
        context
            .printer
            .warn("the lake's tables are not of one moment of the database");
    }
}

/// Tells what increments have brought.
pub(super) fn say_what_changed(manifest: &ExportManifest, context: &Context) {
    for table in &manifest.tables {
        let newest = table.parts.iter().map(|part| part.generation).max();
        let Some(record) = &table.increment else {
            continue;
        };
        if newest.unwrap_or(0) == 0 {
            let text = format!(
                "{}: exported whole, the lake did not tell how far it had come",
                table.table
            );
            context.printer.note(&text);
            continue;
        }
        let count = |content| {
            let of_increment = table
                .parts
                .iter()
                .filter(|part| Some(part.generation) == newest && part.content == content);
            of_increment.map(|part| part.rows).sum::<u64>()
        };
        let since = match &record.since {
            Some(since) => format!("{} from {since} on", record.column),
            None => format!("any {}", record.column),
        };
        context.printer.note(&format!(
            "{}: {} rows with {since}, {} keys gone",
            table.table,
            count(PartContent::Rows),
            count(PartContent::DeletedKeys)
        ));
        if !record.added.is_empty() {
            let added = record.added.join(", ");
            context.printer.note(&format!(
                "{}: {added}: new, null in earlier rows",
                table.table
            ));
        }
    }
}

/// One line for each table that is being read.
pub(super) struct Lines {
    lines: ProgressLines,
    open: Mutex<BTreeMap<String, printer::Progress>>,
}

impl Lines {
    pub(super) fn new(lines: ProgressLines) -> Self {
        Self {
            lines,
            open: Mutex::new(BTreeMap::new()),
        }
    }

    pub(super) fn show(&self, now: &export::Progress<'_>) {
        // A poisoned lock means a crash elsewhere; the lines are only for looking at.
        let Ok(mut open) = self.open.lock() else {
            return;
        };
        if now.is_complete {
            open.remove(now.table);
            return;
        }
        let line = open
            .entry(now.table.to_owned())
            .or_insert_with(|| self.lines.line(now.table, now.estimated_rows));
        line.at(Total {
            rows: now.rows,
            bytes: Some(now.bytes),
        });
    }
}
