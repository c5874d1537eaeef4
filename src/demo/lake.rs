//! Writes the synthetic lake as Parquet, one file a table.
//!
//! In: a [`DemoLake`]. Out: `<schema>/<table>/part-00000.parquet` below a location. Copies
//! are made on a thread of their own while the one before is encoded; at most three are in
//! memory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::tables::{self, Rows};
use super::{DemoError, DemoLake, DemoSummary};
use crate::storage::{Location, ParquetFile, WriteSettings};

/// Writes every table of the lake below `location`; earlier files of the same names are
/// replaced. `done` hears after each copy how many are written.
///
/// # Errors
/// [`DemoError::Storage`] when a file cannot be written; none appears then, unless the
/// failure came while the last bytes of one after the other were written.
pub async fn write_lake(
    lake: DemoLake,
    location: &Location,
    done: impl FnMut(u32),
) -> Result<DemoSummary, DemoError> {
    let mut files = BTreeMap::new();
    if let Err(error) = fill(lake, location, &mut files, done).await {
        for file in files.into_values() {
            file.abort().await?;
        }
        return Err(error);
    }
    let mut summary = DemoSummary {
        tables: files.len(),
        ..DemoSummary::default()
    };
    for file in files.into_values() {
        let written = file.finish().await?;
        summary.rows += written.rows;
        summary.bytes += written.bytes;
    }
    Ok(summary)
}

/// Gives every copy's rows to the files, which it opens as their tables come up.
async fn fill(
    lake: DemoLake,
    location: &Location,
    files: &mut BTreeMap<String, ParquetFile>,
    mut done: impl FnMut(u32),
) -> Result<(), DemoError> {
    let (mut copies, maker) = copies(lake);
    let mut written = 0;
    while let Some(copy) = copies.recv().await {
        for (table, batch) in copy? {
            let path = format!("{}/{}/part-00000.parquet", table.schema, table.name);
            let file = match files.entry(path) {
                Entry::Occupied(open) => open.into_mut(),
                Entry::Vacant(new) => {
                    let settings = WriteSettings::default();
                    let file = ParquetFile::create(location, new.key(), &batch.schema(), settings)?;
                    new.insert(file)
                }
            };
            file.write(batch).await?;
        }
        written += 1;
        done(written);
    }
    maker.await?;
    Ok(())
}

/// The lake's copies in order, made ahead of whoever takes them, and the task that makes
/// them: when it fails the copies end early, so await it after the last.
pub(super) fn copies(
    lake: DemoLake,
) -> (mpsc::Receiver<Result<Vec<Rows>, DemoError>>, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(1);
    let maker = tokio::task::spawn_blocking(move || {
        for number in 0..lake.scale {
            let copy = tables::of(&lake.copy(number));
            let failed = copy.is_err();
            // A closed channel means the taker gave up.
            if sender.blocking_send(copy).is_err() || failed {
                return;
            }
        }
    });
    (receiver, maker)
}
