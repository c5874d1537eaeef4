//! Files that only their owner may read: password files and private keys.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::error::ConnectionError;

/// Every right of the group and of others.
const OF_OTHERS: u32 = 0o077;
/// The same, save that the group may read.
const OF_OTHERS_BUT_GROUP_READS: u32 = 0o037;

/// Refuses a file that others than its owner may read or change.
pub(super) fn check(
    path: &Path,
    metadata: &Metadata,
    what: &'static str,
) -> Result<(), ConnectionError> {
    refuse_if(metadata.mode() & OF_OTHERS != 0, path, what)
}

/// The same for a key, which root may share with a group, as libpq allows.
pub(super) fn check_key(path: &Path, metadata: &Metadata) -> Result<(), ConnectionError> {
    let forbidden = if metadata.uid() == 0 {
        OF_OTHERS_BUT_GROUP_READS
    } else {
        OF_OTHERS
    };
    refuse_if(metadata.mode() & forbidden != 0, path, "a private key")
}

fn refuse_if(is_open: bool, path: &Path, what: &'static str) -> Result<(), ConnectionError> {
    if is_open {
        return Err(ConnectionError::TooOpen {
            path: path.to_owned(),
            what,
        });
    }
    Ok(())
}
