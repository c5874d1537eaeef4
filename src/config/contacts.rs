//! The settings of contacts, as they are spelt.

use std::path::Path;

use serde::Deserialize;

/// What an export does with phone numbers and e-mail addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContactPolicy {
    /// They stay in the database.
    Drop,
    /// They leave it as hashes.
    Hmac,
    /// They leave it as they are.
    Keep,
}

/// What a column of contacts holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContactColumn {
    /// Phone numbers.
    Phone,
    /// E-mail addresses.
    Email,
}

impl ContactPolicy {
    /// The policy when none is set: contacts are hashed where there is a key.
    pub(super) fn default_for(key_file: Option<&Path>) -> Self {
        if key_file.is_some() {
            Self::Hmac
        } else {
            Self::Drop
        }
    }

    /// The policy as a setting.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Hmac => "hmac",
            Self::Keep => "keep",
        }
    }
}
