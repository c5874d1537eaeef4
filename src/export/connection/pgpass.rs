//! The password file: one `host:port:database:user:password` a line, the first that fits wins.
//!
//! In: a file, and the host, port, database and user of a connection. Out: its password, if a
//! line fits. There is no crate that keeps libpq's rules of access and of sockets.

use std::io::ErrorKind;
use std::path::Path;

use super::error::ConnectionError;
use super::private_file;

/// What a line is looked up by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The host, `localhost` for a socket in its usual folder, or the folder.
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// Reads the file; `None` when it is not there.
///
/// # Errors
/// [`ConnectionError::TooOpen`] when others than its owner can read it, else what the file
/// system says.
pub(super) fn read(path: &Path) -> Result<Option<String>, ConnectionError> {
    let unreadable = |source| ConnectionError::Unreadable {
        what: "the password file",
        path: path.to_owned(),
        source,
    };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
    };
    // `/dev/null` is a usual way to have none.
    if !metadata.is_file() {
        return Ok(None);
    }
    private_file::check(path, &metadata, "passwords")?;
    std::fs::read_to_string(path).map(Some).map_err(unreadable)
}

/// The password of the first line that fits.
pub(super) fn find(file: &str, wanted: Wanted<'_>) -> Option<String> {
    let port = wanted.port.to_string();
    file.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let rest = [wanted.host, &port, wanted.database, wanted.user]
                .iter()
                .try_fold(line, |rest, wanted| after_match(rest, wanted))?;
            Some(unescaped(rest))
        })
        .filter(|password| !password.is_empty())
}

/// What follows the first field, if that is `wanted` or `*`.
fn after_match<'a>(line: &'a str, wanted: &str) -> Option<&'a str> {
    if let Some(rest) = line.strip_prefix("*:") {
        return Some(rest);
    }
    let mut expected = wanted.chars();
    let mut found = line.chars();
    loop {
        match found.next()? {
            ':' => return expected.next().is_none().then_some(found.as_str()),
            '\\' => {
                if found.next() != expected.next() {
                    return None;
                }
            }
            character => {
                if Some(character) != expected.next() {
                    return None;
                }
            }
        }
    }
}

/// A `\` stands for the character after it; one at the end for itself.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.push(characters.next().unwrap_or('\\')),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<String> {
        find(
            line,
            Wanted {
                host: "db.example",
                port: 5433,
                database: "crm:x",
                user: "an\\na",
            },
        )
    }

    #[test]
    fn the_first_line_that_fits_gives_the_password() {
        let fits = r"db.example:5433:crm\:x:an\\na:";
        for (file, password) in [
            (format!("{fits}pw"), Some("pw")),
            (format!("{fits}p:w\\:\\\\ x \\"), Some("p:w:\\ x \\")),
            ("*:*:*:*:pw".to_owned(), Some("pw")),
            (
                format!("#{fits}no\nother:*:*:*:no\n{fits}one\n*:*:*:*:two"),
                Some("one"),
            ),
            ("db.example:*:*:an\\\\na:pw\r\n".to_owned(), Some("pw")),
            ("db.example:5432:*:*:pw".to_owned(), None),
            ("db.exampl:*:*:*:pw".to_owned(), None),
            ("db.example.org:*:*:*:pw".to_owned(), None),
            ("DB.example:*:*:*:pw".to_owned(), None),
            ("*:*:crm:*:pw".to_owned(), None),
            ("*:*:*:*:".to_owned(), None),
            ("*:*:*".to_owned(), None),
            // A star is a whole field or a star.
            ("db*:*:*:*:pw".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(found(&file).as_deref(), password, "{file}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_and_one_that_is_not_there_is_none() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pgpass");
        assert_eq!(read(&path).unwrap(), None);
        assert_eq!(read(Path::new("/dev/null")).unwrap(), None);
        std::fs::write(&path, "*:*:*:*:s3cret").unwrap();
        for (mode, is_read) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            match read(&path) {
                Ok(text) => assert!(is_read && text.is_some(), "{mode:o}"),
                Err(error) => {
                    assert!(!is_read, "{mode:o}");
                    assert_eq!(
                        error.to_string(),
                        format!(
                            "`{}` holds passwords and can be read by others than its owner",
                            path.display()
                        )
                    );
                }
            }
        }
    }
}
