//! What becomes of phone numbers and e-mail addresses on their way into the lake.
//!
//! In: a policy, and with it a key from a file outside of the lake. Out: batches whose contact
//! columns are gone, hashed or as they were. A hash is HMAC-SHA-256 over the kind of contact
//! and its normal form, so that one person's contacts are equal in every table, a phone is
//! never equal to an address, and nobody without the key can try numbers out.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::error::ExportError;
use crate::error::{Exit, Failure, nearest};
use crate::lake::exports::ExportedContact;
use crate::schema::{ContactKind, Table};
use crate::storage::Location;

/// Fewer bytes are too few to keep a key from being tried out.
const KEY_BYTES: usize = 16;
/// Digits of a hash in hexadecimal.
const HASH_DIGITS: usize = 64;
/// Digits of a key's name: enough to notice another key.
const KEY_NAME_DIGITS: usize = 8;

/// Why a key cannot be used; no text holds a byte of it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is not there or may not be read.
    #[error("cannot read the key of contacts `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Whoever reads the lake would read the key.
    #[error("the key of contacts `{}` lies in the lake `{lake}`", path.display())]
    InLake {
        /// The file.
        path: PathBuf,
        /// The lake.
        lake: String,
    },
    /// Other users of the machine may read or change the file.
    #[error("the key of contacts `{}` is open to others: its mode is {mode:03o}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A key that could be tried out.
    #[error("the key of contacts `{}` has {bytes} bytes; it needs {KEY_BYTES}", path.display())]
    Short {
        /// The file.
        path: PathBuf,
        /// Its bytes, line ends at its end not counted.
        bytes: usize,
    },
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let failure = Self::new(Exit::Usage, &error);
        match error {
            KeyError::Unreadable { .. } => failure,
            KeyError::InLake { .. } => {
                failure.with_hint("keep it where readers of the lake do not get")
            }
            KeyError::Open { path, .. } => {
                failure.with_hint(format!("`chmod 600 {}`", path.display()))
            }
            KeyError::Short { .. } => failure.with_hint(
                "make one by `openssl rand -hex 32`; with another key the hashes of earlier \
                 exports no longer match",
            ),
        }
    }
}

/// The key that contacts are hashed with; never printed.
#[derive(Clone)]
pub struct ContactsKey {
    keyed: Hmac<Sha256>,
}

impl fmt::Debug for ContactsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContactsKey(***)")
    }
}

impl ContactsKey {
    /// The key that a file holds: its bytes without line ends at its end.
    ///
    /// # Errors
    /// [`KeyError`] for a file that lies in the lake, is open to others, or is too short.
    pub fn read(path: &Path, lake: &Location) -> Result<Self, KeyError> {
        let unreadable = |source| KeyError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let whole = path.canonicalize().map_err(unreadable)?;
        // A bucket is no place that a path of this machine lies in.
        if lake
            .url()
            .to_file_path()
            .is_ok_and(|lake| whole.starts_with(lake))
        {
            return Err(KeyError::InLake {
                path: path.to_owned(),
                lake: lake.to_string(),
            });
        }
        // The open file is asked, not the path, which may name another one by then.
        let mut file = File::open(&whole).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Open {
                path: path.to_owned(),
                mode,
            });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(unreadable)?;
        Self::new(&bytes).ok_or_else(|| KeyError::Short {
            path: path.to_owned(),
            bytes: without_line_ends(&bytes).len(),
        })
    }

    /// The key of these bytes, line ends at their end not counted; `None` when they are too few.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let bytes = without_line_ends(bytes);
        let keyed = Hmac::new_from_slice(bytes).ok()?;
        (bytes.len() >= KEY_BYTES).then_some(Self { keyed })
    }

    /// Eight digits that change with the key and tell nothing of it: they are of a hash of an
    /// HMAC of a constant.
    pub fn name(&self) -> String {
        let mut keyed = self.keyed.clone();
        keyed.update(b"key:");
        let mut name = format!("{:x}", Sha256::digest(keyed.finalize().into_bytes()));
        name.truncate(KEY_NAME_DIGITS);
        name
    }

    /// The hash of a contact as 64 hexadecimal digits; `None` for one that is blank or too
    /// short, see [`ContactKind::normal`].
    ///
    /// It is HMAC-SHA-256 of `phone:` or `email:` and the contact's normal form.
    pub fn hash(&self, kind: ContactKind, text: &str) -> Option<String> {
        let normal = kind.normal(text)?;
        let mut keyed = self.keyed.clone();
        keyed.update(kind.word().as_bytes());
        keyed.update(b":");
        keyed.update(normal.as_bytes());
        Some(format!("{:x}", keyed.finalize().into_bytes()))
    }
}

fn without_line_ends(bytes: &[u8]) -> &[u8] {
    let end = bytes
        .iter()
        .rposition(|byte| !matches!(byte, b'\n' | b'\r'))
        .map_or(0, |last| last + 1);
    &bytes[..end]
}

/// Whether contacts leave the database, and how.
#[derive(Debug, Clone, Default)]
pub enum ContactsPolicy {
    /// They do not.
    #[default]
    Drop,
    /// As hashes.
    Hmac(ContactsKey),
    /// As they are.
    Keep,
}

impl ContactsPolicy {
    fn key_name(&self) -> Option<String> {
        match self {
            Self::Hmac(key) => Some(key.name()),
            Self::Drop | Self::Keep => None,
        }
    }

    /// `drop`, `hmac` or `keep`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Hmac(_) => "hmac",
            Self::Keep => "keep",
        }
    }
}

/// What an export does with contacts.
#[derive(Debug, Clone, Default)]
pub struct Contacts {
    /// The policy for every contact column.
    pub policy: ContactsPolicy,
    /// Contact columns that are called otherwise than `phone` and `email`, by
    /// `schema.table.column`. A known table's personal columns stay in the database all the
    /// same: naming one adds no column.
    pub named: BTreeMap<String, ContactKind>,
}

impl Contacts {
    /// The name of the key, when there is one.
    pub fn key_name(&self) -> Option<String> {
        self.policy.key_name()
    }

    /// The contact columns among a table's: those of the contract, or in a table that it does
    /// not know those called `phone` or `email`; and those that the settings name.
    pub(super) fn of_table<'a>(
        &self,
        table: &str,
        contract: Option<&Table>,
        columns: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<TableContacts, ExportError> {
        let mut found = BTreeMap::new();
        match contract {
            Some(contract) => found.extend(
                contract
                    .contacts
                    .iter()
                    .filter(|contact| columns.clone().any(|there| there == contact.column))
                    .map(|contact| (contact.column.to_owned(), contact.kind)),
            ),
            None => found.extend(columns.clone().filter_map(|column| {
                ContactKind::of_column(column).map(|kind| (column.to_owned(), kind))
            })),
        }
        let is_exported = |column: &str| {
            contract.is_none_or(|contract| contract.columns.iter().any(|it| it.name == column))
        };
        for (name, kind) in &self.named {
            let Some(column) = name
                .strip_prefix(table)
                .and_then(|rest| rest.strip_prefix('.'))
            else {
                continue;
            };
            // A slip in the name would let the contacts out as they are.
            if !columns.clone().any(|there| there == column) {
                return Err(ExportError::ContactColumnMissing {
                    table: table.to_owned(),
                    column: column.to_owned(),
                    nearest: nearest(column, columns).map(str::to_owned),
                });
            }
            if is_exported(column) {
                found.insert(column.to_owned(), *kind);
            }
        }
        Ok(TableContacts {
            policy: self.policy.clone(),
            columns: found,
        })
    }
}

/// What becomes of one table's contacts.
#[derive(Debug, Clone)]
pub(super) struct TableContacts {
    policy: ContactsPolicy,
    columns: BTreeMap<String, ContactKind>,
}

impl TableContacts {
    /// Whether the column may be exported, in whatever form.
    pub(super) fn takes(&self, column: &str) -> bool {
        !matches!(self.policy, ContactsPolicy::Drop) || !self.columns.contains_key(column)
    }

    /// Whether the column holds contacts.
    pub(super) fn holds(&self, column: &str) -> bool {
        self.columns.contains_key(column)
    }

    /// Whether the column is to be hashed, for which it must be text.
    pub(super) fn hashes(&self, column: &str) -> bool {
        matches!(self.policy, ContactsPolicy::Hmac(_)) && self.columns.contains_key(column)
    }

    /// The treatment of each contact column, for the manifest.
    pub(super) fn describe(&self) -> Vec<ExportedContact> {
        let key = self.policy.key_name();
        let described = self.columns.iter().map(|(column, kind)| ExportedContact {
            column: column.clone(),
            kind: kind.word().to_owned(),
            policy: self.policy.word().to_owned(),
            key: key.clone(),
        });
        described.collect()
    }

    /// The batch as it may be written: contact columns are hashed if that is the policy. What
    /// is to be dropped was never read.
    pub(super) fn apply(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        let ContactsPolicy::Hmac(key) = &self.policy else {
            return Ok(batch);
        };
        let schema = batch.schema();
        let mut columns = batch.columns().to_vec();
        for (name, kind) in &self.columns {
            if let Ok(position) = schema.index_of(name) {
                columns[position] = hashed(&columns[position], *kind, key)?;
            }
        }
        RecordBatch::try_new(schema, columns)
    }
}

/// The column's hashes, in its own text type.
fn hashed(
    column: &Arc<dyn Array>,
    kind: ContactKind,
    key: &ContactsKey,
) -> Result<Arc<dyn Array>, ArrowError> {
    let texts = cast(column, &DataType::Utf8)?;
    let mut hashes = StringBuilder::with_capacity(texts.len(), texts.len() * HASH_DIGITS);
    for text in texts.as_string::<i32>() {
        hashes.append_option(text.and_then(|text| key.hash(kind, text)));
    }
    let hashes: Arc<dyn Array> = Arc::new(hashes.finish());
    cast(&hashes, column.data_type())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt;

    use arrow::array::{Int64Array, LargeStringArray, StringArray};

    use super::ContactKind::{Email, Phone};
    use super::*;
    use crate::storage::StoreOptions;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn key() -> ContactsKey {
        ContactsKey::new(KEY).unwrap()
    }

    fn table(policy: ContactsPolicy, columns: &[&str]) -> TableContacts {
        let contacts = Contacts {
            policy,
            ..Contacts::default()
        };
        let columns = columns.iter().copied();
        contacts.of_table("raw.t", None, columns).unwrap()
    }

    /// By Python: `hmac.new(key, b"phone:441234567", "sha256").hexdigest()`, and
    /// `sha256(hmac.new(key, b"key:", "sha256").digest()).hexdigest()[:8]`.
    #[test]
    fn hashes_are_those_of_another_implementation() {
        let phone = "f127dec068d3ca05386da43ba7b060ccc05e0deb7de7d22b2ae31958d96f7f91";
        let email = "f42fb95da789fb541c82aebad0aac7e96bf8d532018ae6b9325bb71015608463";
        assert_eq!(
            key().hash(Phone, "+380 44 123-45-67").as_deref(),
            Some(phone)
        );
        assert_eq!(key().hash(Email, " A@Example.ORG").as_deref(), Some(email));
        assert_eq!(key().name(), "04609bff");
    }

    #[test]
    fn a_phone_and_an_address_of_one_text_have_two_hashes() {
        let text = "441234567";
        assert_ne!(key().hash(Phone, text), key().hash(Email, text));
    }

    #[test]
    fn only_the_contact_columns_are_hashed_and_blanks_become_null() {
        let phones = StringArray::from(vec![Some("0441234567"), Some(" "), None, Some("12")]);
        let emails = LargeStringArray::from(vec![Some("a@b"), Some(""), None, Some("A@b ")]);
        let names = StringArray::from(vec!["0441234567"; 4]);
        let batch = RecordBatch::try_from_iter_with_nullable([
            (
                "id",
                Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as _,
                true,
            ),
            ("Phone", Arc::new(phones) as _, true),
            ("email", Arc::new(emails) as _, true),
            ("note", Arc::new(names) as _, true),
        ])
        .unwrap();
        let contacts = table(
            ContactsPolicy::Hmac(key()),
            &["id", "Phone", "email", "note"],
        );
        let written = contacts.apply(batch.clone()).unwrap();
        assert_eq!(written.schema(), batch.schema());
        let phone = key().hash(Phone, "441234567");
        let found: Vec<Option<&str>> = written.column(1).as_string::<i32>().iter().collect();
        assert_eq!(found, [phone.as_deref(), None, None, None]);
        let email = key().hash(Email, "a@b");
        let found: Vec<Option<&str>> = written.column(2).as_string::<i64>().iter().collect();
        assert_eq!(found, [email.as_deref(), None, None, email.as_deref()]);
        assert_eq!(
            (written.column(0), written.column(3)),
            (batch.column(0), batch.column(3))
        );
        assert_eq!(
            table(ContactsPolicy::Keep, &["email"])
                .apply(batch.clone())
                .unwrap(),
            batch
        );
    }

    #[test]
    fn columns_that_the_settings_name_are_contacts_and_a_slip_is_refused() {
        let mut contacts = Contacts::default();
        contacts.named.insert("raw.t.mobile".to_owned(), Phone);
        contacts.named.insert("raw.other.mobil".to_owned(), Phone);
        let found = contacts.of_table("raw.t", None, ["id", "mobile"].into_iter());
        let found = found.unwrap();
        assert!(found.takes("id") && !found.takes("mobile"));
        let slip = contacts.of_table("raw.other", None, ["id", "mobile"].into_iter());
        let failure = Failure::from(slip.unwrap_err());
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(failure.hint.as_deref(), Some("did you mean `mobile`?"));
    }

    #[test]
    fn a_key_is_refused_that_lies_in_the_lake_is_open_or_short() {
        let folder = tempfile::tempdir().unwrap();
        let lake = folder.path().join("lake");
        let lake = Location::open(lake.to_str().unwrap(), &StoreOptions::default()).unwrap();
        let file = |name: &str, mode: u32, text: &[u8]| {
            let path = folder.path().join(name);
            let mut options = std::fs::OpenOptions::new();
            let options = options.write(true).create(true).mode(mode);
            std::io::Write::write_all(&mut options.open(&path).unwrap(), text).unwrap();
            path
        };
        let refused = |path: &Path| {
            let failure = Failure::from(ContactsKey::read(path, &lake).unwrap_err());
            assert_eq!(failure.exit, Exit::Usage);
            let text = failure.to_string();
            assert!(!text.contains("0123456789"), "{text}");
            text.replace(folder.path().to_str().unwrap(), "FOLDER")
        };
        assert_eq!(
            refused(&file("lake/key", 0o600, KEY)),
            "error: the key of contacts `FOLDER/lake/key` lies in the lake `FOLDER/lake`\n\n\
             hint: keep it where readers of the lake do not get"
        );
        assert_eq!(
            refused(&file("open", 0o640, KEY)),
            "error: the key of contacts `FOLDER/open` is open to others: its mode is 640\n\n\
             hint: `chmod 600 FOLDER/open`"
        );
        let short = refused(&file("short", 0o600, b"0123456789abcde\r\n\n"));
        assert!(
            short.contains("`FOLDER/short` has 15 bytes; it needs 16"),
            "{short}"
        );
        assert!(refused(&folder.path().join("none")).contains("No such file"));
        // A link out of the lake is the file it names, and one into it too.
        std::os::unix::fs::symlink(folder.path().join("lake/key"), folder.path().join("link"))
            .unwrap();
        assert!(refused(&folder.path().join("link")).contains("lies in the lake"));
        let good = file("good", 0o600, &[KEY, b"\n"].concat());
        let read = ContactsKey::read(&good, &lake).unwrap();
        assert_eq!(read.name(), key().name());
        assert_eq!(format!("{read:?}"), "ContactsKey(***)");
    }
}
