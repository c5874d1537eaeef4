//! Puts staged files in place, and removes what they replace.
//!
//! In: the staged parts of all tables. Out: the same under their final names, which no other
//! export bears. Readers turn to them when the manifest is written; only then do the files
//! of earlier exports go. A kill in between leaves the earlier export whole.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::error::ExportError;
use crate::lake::exports::{self, ExportedTable};
use crate::storage::Location;

/// Until when a killed export may be taken up again; its files go with the next one after.
const ABANDONED_AFTER: TimeDelta = TimeDelta::days(1);

const STAGED: &str = ".part";

/// Where a part lies in the end.
pub(super) fn final_path(folder: &str, export: &str, number: usize) -> String {
    format!("{folder}/{}", exports::part_name(export, number))
}

/// Where a part is staged. The underscore hides it from readers of folders, the ending from
/// readers of `*.parquet`.
pub(super) fn staged_path(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let name = name.strip_suffix(".parquet").unwrap_or(name);
    format!("{folder}/_{name}{STAGED}")
}

/// Gives a staged part its name.
pub(super) async fn put_in_place(lake: &Location, path: &str) -> Result<(), ExportError> {
    Ok(lake.rename(&staged_path(path), path).await?)
}

/// The files that are no longer the table's once `table` is published.
///
/// Parts of an export that is neither finished nor abandoned are left alone: it may be
/// running. Of the export `own`, which is being published, an attempt that was killed may
/// have left parts of another cut.
pub(super) async fn replaced(
    lake: &Location,
    table: &ExportedTable,
    earlier: Option<&ExportedTable>,
    own: &str,
    now: DateTime<Utc>,
) -> Result<Vec<String>, ExportError> {
    let kept: BTreeSet<&str> = table.parts.iter().map(|part| part.path.as_str()).collect();
    let listed: BTreeSet<&str> = earlier
        .iter()
        .flat_map(|table| &table.parts)
        .map(|part| part.path.as_str())
        .collect();
    let mut replaced = Vec::new();
    for (path, _) in lake.list(&table.folder).await? {
        let is_ours_to_remove = match exports::export_of_part(&path) {
            Some(export) => {
                export == own
                    || listed.contains(path.as_str())
                    || is_over(lake, export, now).await?
            }
            None => path.ends_with(".parquet"),
        };
        if is_ours_to_remove && !kept.contains(path.as_str()) {
            replaced.push(path);
        }
    }
    // The other form in which a lake may hold the same table.
    let single = format!("{}.parquet", table.folder);
    if lake.size(&single).await?.is_some() {
        replaced.push(single);
    }
    Ok(replaced)
}

/// Removes the working folders and staged files of exports that nobody takes up any more, and
/// what exports that are finished have left.
pub(super) async fn remove_abandoned(
    lake: &Location,
    folders: impl Iterator<Item = &str>,
    now: DateTime<Utc>,
) -> Result<(), ExportError> {
    for (export, folder) in exports::working_folders(lake).await? {
        if is_over(lake, &export, now).await? {
            lake.delete_folder(&folder).await?;
        }
    }
    for folder in folders {
        for (path, _) in lake.list(folder).await? {
            if let Some(export) = export_of_staged(&path)
                && is_over(lake, &export, now).await?
            {
                lake.delete(&path).await?;
            }
        }
    }
    Ok(())
}

/// The export that staged this file.
fn export_of_staged(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?.strip_prefix('_')?;
    let part = format!("{}.parquet", name.strip_suffix(STAGED)?);
    exports::export_of_part(&part).map(str::to_owned)
}

/// Whether nobody works on an export any more, or is to go on with it.
async fn is_over(lake: &Location, export: &str, now: DateTime<Utc>) -> Result<bool, ExportError> {
    Ok(is_abandoned(export, now) || exports::is_finished(lake, export).await?)
}

fn is_abandoned(export: &str, now: DateTime<Utc>) -> bool {
    exports::started_at(export).is_some_and(|started_at| now - started_at > ABANDONED_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_staged_file_is_hidden_and_tells_its_export() {
        let path = final_path("raw/t", "20250304T101509.000000Z", 3);
        let staged = staged_path(&path);
        assert_eq!(staged, "raw/t/_part-20250304T101509.000000Z-00003.part");
        assert_eq!(
            export_of_staged(&staged).as_deref(),
            Some("20250304T101509.000000Z")
        );
        assert_eq!(export_of_staged(&path), None);
    }
}
