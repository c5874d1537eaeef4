//! Puts staged files in place of a table's earlier ones.
//!
//! In: a table's staged file. Out: the table's folder with that file as its only Parquet
//! file, and the names of those that were there. All tables are staged before the first is
//! put in place, so that an export that fails while it reads changes nothing.

use object_store::ObjectStoreExt;

use crate::storage::{Location, StorageError};

/// The file of a table, relative to its folder.
const FILE: &str = "part-00000.parquet";

/// Where a table's file is staged. The underscore hides it from readers of folders, the
/// ending from readers of `*.parquet`.
pub(super) fn staged_path(folder: &str, export: &str) -> String {
    format!("{folder}/_part-00000.{export}.part")
}

/// Where a table's file lies in the end.
pub(super) fn final_path(folder: &str) -> String {
    format!("{folder}/{FILE}")
}

/// Renames the staged file into place, then removes every other file of the table.
///
/// Renaming replaces an earlier file of the same name in one step; on S3 it is a copy on
/// the server.
pub(super) async fn put_in_place(
    lake: &Location,
    folder: &str,
    staged: &str,
) -> Result<Vec<String>, StorageError> {
    let path = final_path(folder);
    lake.store()
        .rename(&lake.object_path(staged), &lake.object_path(&path))
        .await
        .map_err(|source| StorageError::Store {
            action: "put in place",
            object: lake.describe(&path),
            source,
        })?;
    let mut removed = Vec::new();
    for (other, _) in lake.list(folder).await? {
        let ending = other.rsplit_once('.').map(|(_, ending)| ending);
        let is_surplus = other != path && ending == Some("parquet");
        // What an export that was killed between staging and renaming has left.
        let is_leftover = ending == Some("part");
        if is_surplus || is_leftover {
            lake.delete(&other).await?;
        }
        if is_surplus {
            removed.push(other);
        }
    }
    // The other form in which a lake may hold the same table.
    let single = format!("{folder}.parquet");
    if lake.list(&single).await?.is_empty() && lake.read(&single).await?.is_some() {
        lake.delete(&single).await?;
        removed.push(single);
    }
    Ok(removed)
}
