//! Texts that may hold a password, and how they are shown.

use std::fmt;

use url::Url;

/// A text that may hold a password: shown masked, given out only by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// A Postgres address with every password in it replaced by `***`.
///
/// Addresses are URLs (`postgres://user:password@host/db?password=…`) or words
/// (`host=… password=…`); what is neither is masked whole.
///
/// ```
/// assert_eq!(touchpath::config::masked("postgres://me:pw@db/crm"), "postgres://me:***@db/crm");
/// assert_eq!(touchpath::config::masked("host=db password=pw"), "host=db password=***");
/// ```
pub fn masked(address: &str) -> String {
    if let Ok(mut url) = Url::parse(address) {
        if url.password().is_some() && url.set_password(Some("***")).is_err() {
            return "***".to_owned();
        }
        if let Some(query) = url.query().map(|query| mask_words(query, '&')) {
            url.set_query(Some(&query));
        }
        return url.to_string();
    }
    if address.contains("://") || address.contains('\'') || !address.contains('=') {
        return "***".to_owned();
    }
    mask_words(address, ' ')
}

fn mask_words(text: &str, separator: char) -> String {
    let masked: Vec<&str> = text
        .split(separator)
        .map(|word| {
            if is_password(word) {
                "password=***"
            } else {
                word
            }
        })
        .collect();
    masked.join(&separator.to_string())
}

fn is_password(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case("password"))
}

/// Whether an address holds a password.
pub fn has_password(address: &str) -> bool {
    match Url::parse(address) {
        Ok(url) => {
            url.password().is_some()
                || url
                    .query_pairs()
                    .any(|(name, _)| name.eq_ignore_ascii_case("password"))
        }
        Err(_) => address.split_whitespace().any(is_password),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_found_and_masked_wherever_an_address_may_hold_it() {
        for (address, shown) in [
            ("postgres://me:pw@db/crm", "postgres://me:***@db/crm"),
            (
                "postgres://me@db/crm?password=pw&x=1",
                "postgres://me@db/crm?password=***&x=1",
            ),
            (
                "host=db password=pw user=me",
                "host=db password=*** user=me",
            ),
            ("host=db password='p w'", "***"),
        ] {
            assert!(has_password(address), "{address}");
            assert_eq!(masked(address), shown);
        }
        assert!(!has_password("postgres://me@db/crm"));
        assert_eq!(masked("postgres://me@db/crm"), "postgres://me@db/crm");
    }

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        assert_eq!(format!("{:?}", Secret::from("pw")), "Secret(***)");
    }
}
