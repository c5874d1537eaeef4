//! The policy for contacts of `export`: settings to what the export is asked for.

use clap::ValueEnum;
use serde::Serialize;

use crate::config::{ContactColumn, ContactPolicy};
use crate::error::Failure;
use crate::export::{Contacts, ContactsKey, ContactsPolicy};
use crate::lake::LakeError;
use crate::lake::exports::{self, ExportManifest, ExportedTable};
use crate::schema::ContactKind;
use crate::storage::Location;

use super::Context;

/// The values of `--contacts`.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Policy {
    /// They stay in the database
    Drop,
    /// They leave it as hashes made with a key, so that equal ones stay equal
    Hmac,
    /// They leave it as they are
    Keep,
}

/// The policy of the settings, its key read.
///
/// # Errors
/// A policy that needs a key and has none, or a key that cannot be used.
pub(super) fn asked(context: &Context, lake: &Location) -> Result<Contacts, Failure> {
    let config = &context.config;
    let policy = match (config.contacts, &config.contacts_key_file) {
        (ContactPolicy::Drop, _) => ContactsPolicy::Drop,
        (ContactPolicy::Keep, _) => ContactsPolicy::Keep,
        (ContactPolicy::Hmac, Some(file)) => ContactsPolicy::Hmac(ContactsKey::read(file, lake)?),
        (ContactPolicy::Hmac, None) => {
            return Err(
                Failure::usage("contacts are to be hashed and no key is named").with_hint(
                    "make one by `(umask 077; openssl rand -hex 32 > FILE)` outside of the lake \
                     and give `--contacts-key-file FILE`",
                ),
            );
        }
    };
    let named = config.contact_columns.iter().map(|(column, kind)| {
        let kind = match kind {
            ContactColumn::Phone => ContactKind::Phone,
            ContactColumn::Email => ContactKind::Email,
        };
        (column.clone(), kind)
    });
    Ok(Contacts {
        policy,
        named: named.collect(),
    })
}

/// Warns when the lake holds contacts that were hashed with another key: they equal none of
/// the new ones.
///
/// # Errors
/// The lake's manifests cannot be read.
pub(super) async fn warn_of_another_key(
    context: &Context,
    lake: &Location,
    contacts: &Contacts,
) -> Result<(), Failure> {
    let Some(key) = contacts.key_name() else {
        return Ok(());
    };
    let newest = exports::newest(lake).await.map_err(LakeError::from)?;
    let has_other = |table: &ExportedTable| {
        let mut contacts = table.contacts.iter();
        contacts.any(|contact| contact.key.as_ref().is_some_and(|other| *other != key))
    };
    let others: Vec<&str> = newest
        .values()
        .filter(|(_, table)| has_other(table))
        .map(|(_, table)| table.table.as_str())
        .collect();
    if !others.is_empty() {
        context.printer.warn(&format!(
            "the lake holds contacts hashed with another key, which equal none of this export's \
             until they are exported again: {}",
            others.join(", ")
        ));
    }
    Ok(())
}

/// Says what became of each table's contacts.
pub(super) fn tell(context: &Context, manifest: &ExportManifest) {
    for table in &manifest.tables {
        let Some(policy) = table
            .contacts
            .first()
            .map(|contact| contact.policy.as_str())
        else {
            continue;
        };
        let columns: Vec<&str> = table
            .contacts
            .iter()
            .map(|contact| contact.column.as_str())
            .collect();
        let what = match policy {
            "drop" => "contacts, not exported",
            "hmac" => "contacts, exported as hashes",
            _ => "contacts, exported as they are",
        };
        context
            .printer
            .note(&format!("{}: {}: {what}", table.table, columns.join(", ")));
    }
}
