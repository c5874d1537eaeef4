//! `touchpath forget`: a client's rows out of lake and runs.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray, UInt64Array};
use arrow::error::ArrowError;
use serde::Serialize;

use crate::error::Failure;
use crate::lake::forget::{self, Forgotten};
use crate::output;
use crate::printer::{Printer, Total};

use super::{Context, Places, Written};

/// Remove every row of one client from the lake and its published runs
///
/// Files that hold the client are written anew without it; what was removed goes to stdout,
/// and without the client's id into a log in `_exports/forgotten/`. Sums that runs have
/// published keep the client's contracts until the next run.
#[derive(Debug, clap::Args, Serialize)]
#[command(after_help = "Example:
  touchpath forget --client 505944 --lake data/demo")]
pub(super) struct ForgetArgs {
    /// The client's id in the CRM
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    #[serde(skip)]
    client: i64,
    #[command(flatten)]
    #[serde(flatten)]
    places: Places,
    #[command(flatten)]
    #[serde(flatten)]
    written: Written,
}

pub(super) async fn run(arguments: &ForgetArgs, context: &Context) -> Result<(), Failure> {
    let format = context.format(&arguments.written)?;
    let lake = context.lake()?;
    let out = context.out()?.unwrap_or_else(|| lake.clone());
    let forgotten = forget::forget(arguments.client, &lake, &out, context.now).await?;
    let batch = table(&forgotten).map_err(|error| Failure::usage(error.to_string()))?;
    let mut data = context.printer.data();
    output::write_batches(
        batch.schema(),
        std::slice::from_ref(&batch),
        format,
        &mut data,
    )?;
    tell(&forgotten, &context.printer);
    let files: u64 = forgotten.tables.iter().map(|table| table.files).sum();
    let total = Total {
        rows: forgotten.tables.iter().map(|table| table.rows).sum(),
        bytes: None,
    };
    let what = match files {
        0 => "the client is nowhere".to_owned(),
        1 => "removed from 1 file".to_owned(),
        files => format!("removed from {files} files"),
    };
    context
        .printer
        .done(&what, total, context.started.elapsed());
    Ok(())
}

/// Says what is not gone.
fn tell(forgotten: &Forgotten, printer: &Printer) {
    if forgotten.resumed {
        printer.note("an earlier `forget` that was cut off has been brought to its end");
    }
    if forgotten.shared > 0 {
        printer.note(&format!(
            "{} of the client's web requests, leads, clicks and contacts stand in rows of other \
             clients too, which stay",
            forgotten.shared
        ));
    }
    if !forgotten.unknown.is_empty() {
        printer.warn(&format!(
            "not looked into, because they are no tables that we know: {}",
            forgotten.unknown.join(", ")
        ));
    }
    if !forgotten.unfinished.is_empty() {
        printer.warn(&format!(
            "unfinished exports have left files that nobody reads and that may hold the client: \
             {}; the next export removes them",
            forgotten.unfinished.join(", ")
        ));
    }
    if !forgotten.tables.is_empty() {
        printer.note(
            "the next export brings the client back unless the database forgets it too; sums of \
             published runs keep its contracts until the next `touchpath run`",
        );
    }
}

fn table(forgotten: &Forgotten) -> Result<RecordBatch, ArrowError> {
    let names = forgotten
        .tables
        .iter()
        .map(|table| Some(table.table.as_str()));
    let files = forgotten.tables.iter().map(|table| table.files);
    let rows = forgotten.tables.iter().map(|table| table.rows);
    RecordBatch::try_from_iter([
        ("table", Arc::new(names.collect::<StringArray>()) as _),
        ("files", Arc::new(UInt64Array::from_iter_values(files)) as _),
        ("rows", Arc::new(UInt64Array::from_iter_values(rows)) as _),
    ])
}
