//! Texts that may hold a password, and how they are shown.

use std::fmt;

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

/// Parameters of an address that may be shown; a name that is not here may itself be a piece
/// of a password with a `?` or `&` in it.
const SHOWN: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "passfile",
    "port",
    "service",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "user",
];

const MASK: &str = "***";

/// A Postgres address with every password in it replaced by `***`.
///
/// Addresses are URLs (`postgres://user:password@host/db?password=…`) or words
/// (`host=… password=…`); what is not surely without a piece of a password is masked whole.
///
/// ```
/// assert_eq!(touchpath::config::masked("postgres://me:pw@db/crm"), "postgres://me:***@db/crm");
/// assert_eq!(touchpath::config::masked("host=db password=pw"), "host=db password=***");
/// ```
pub fn masked(address: &str) -> String {
    let masked = match address.split_once("://") {
        Some((scheme, rest)) => masked_url(rest).map(|rest| format!("{scheme}://{rest}")),
        None => masked_words(address),
    };
    masked.unwrap_or_else(|| MASK.to_owned())
}

fn masked_url(rest: &str) -> Option<String> {
    let (before, query) = match rest.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (rest, None),
    };
    let (authority, path) = before.split_once('/').unwrap_or((before, ""));
    if path.contains('@') || authority.matches('@').count() > 1 {
        return None;
    }
    let before = match authority.split_once('@') {
        Some((credentials, hosts)) => match credentials.split_once(':') {
            Some((user, _)) => {
                let after = &before[authority.len()..];
                format!("{user}:{MASK}@{hosts}{after}")
            }
            None => before.to_owned(),
        },
        None => before.to_owned(),
    };
    let Some(query) = query else {
        return Some(before);
    };
    let query: Option<Vec<String>> = query.split('&').map(masked_word).collect();
    Some(format!("{before}?{}", query?.join("&")))
}

fn masked_words(text: &str) -> Option<String> {
    // Quotes and escapes make a value of several words, as blanks around `=` do.
    if text.contains(['\'', '\\']) {
        return None;
    }
    let words: Option<Vec<String>> = text.split_whitespace().map(masked_word).collect();
    Some(words?.join(" "))
}

/// `name=value`, the value masked unless it may be shown; `None` when it is not that.
fn masked_word(word: &str) -> Option<String> {
    let (name, value) = word.split_once('=')?;
    if value.is_empty() {
        return None;
    }
    if SHOWN.contains(&name) {
        return Some(word.to_owned());
    }
    (name == "password").then(|| format!("{name}={MASK}"))
}

/// Whether an address surely holds a password. What is too broken to tell is refused later,
/// when it is read.
pub fn has_password(address: &str) -> bool {
    match address.split_once("://") {
        Some((_, rest)) => {
            let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
            let credentials = before.split_once('@').map_or("", |(found, _)| found);
            credentials.contains(':') || query.split('&').any(names_password)
        }
        None => address.split_whitespace().any(names_password),
    }
}

fn names_password(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| name == "password")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_found_and_masked_wherever_an_address_may_hold_it() {
        for (address, shown) in [
            ("postgres://me:pw@db/crm", "postgres://me:***@db/crm"),
            (
                "postgres://me:pw@a:1,b:2/crm",
                "postgres://me:***@a:1,b:2/crm",
            ),
            (
                "postgres://me@db/crm?password=pw&sslmode=disable",
                "postgres://me@db/crm?password=***&sslmode=disable",
            ),
            (
                "host=db password=pw user=me",
                "host=db password=*** user=me",
            ),
            ("host=db\tpassword=pw", "host=db password=***"),
            ("host=db password='p w'", "***"),
        ] {
            assert!(has_password(address), "{address}");
            assert_eq!(masked(address), shown);
        }
        for address in [
            "postgres://me@db/crm",
            "service=crm",
            "postgres://[::1]:5433/crm",
        ] {
            assert!(!has_password(address));
            assert_eq!(masked(address), address);
        }
    }

    #[test]
    fn what_may_hold_a_piece_of_a_password_is_masked_whole() {
        for address in [
            "postgres://me:1/2@db/crm",
            "postgres://me:p@w@db/crm",
            "postgres://me:1?p=w@db/crm",
            "postgres://me@db/crm?pass%77ord=pw",
            "host=db password = pw",
            "host=db password= pw",
            r"password=p\ w",
            "pw",
        ] {
            assert_eq!(masked(address), "***", "{address}");
        }
    }

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        assert_eq!(format!("{:?}", Secret::from("pw")), "Secret(***)");
    }
}
