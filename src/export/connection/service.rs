//! Service files: named groups of parameters, as `psql service=…` reads them.
//!
//! In: the service's name and the files to look into. Out: its parameters, from the first file
//! that has it. There is no crate that reads these files in libpq's way.

use std::path::{Path, PathBuf};

use super::Surroundings;
use super::error::ConnectionError;
use super::url::Pairs;

/// Where Debian's and Red Hat's libpq look for `pg_service.conf`.
const SYSTEM_FOLDERS: [&str; 2] = ["/etc/postgresql-common", "/etc/sysconfig/pgsql"];

/// The parameters of a service, and the file that they stand in.
pub(super) fn read(
    service: &str,
    around: &Surroundings,
) -> Result<(Pairs, PathBuf), ConnectionError> {
    let files = files(around);
    for path in &files {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(source) => {
                return Err(ConnectionError::Unreadable {
                    what: "the service file",
                    path: path.clone(),
                    source,
                });
            }
        };
        if let Some(pairs) = parse(&text, service).map_err(|problem| problem.at(path))? {
            return Ok((pairs, path.clone()));
        }
    }
    let names: Vec<String> = files
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    Err(ConnectionError::ServiceMissing {
        looked_in: names.join(", "),
    })
}

/// The user's file, then the system's.
fn files(around: &Surroundings) -> Vec<PathBuf> {
    let own = match around.variable("PGSERVICEFILE") {
        Some(file) => Some(PathBuf::from(file)),
        None => around.home().map(|home| home.join(".pg_service.conf")),
    };
    let system = match around.variable("PGSYSCONFDIR") {
        Some(folder) => vec![folder],
        None => SYSTEM_FOLDERS.to_vec(),
    };
    let system = system
        .into_iter()
        .map(|folder| Path::new(folder).join("pg_service.conf"));
    own.into_iter().chain(system).collect()
}

/// A line, from 1, and what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
struct Problem(usize, &'static str);

impl Problem {
    fn at(self, path: &Path) -> ConnectionError {
        let Self(line, reason) = self;
        ConnectionError::ServiceSyntax {
            path: path.to_owned(),
            line,
            reason,
        }
    }
}

/// The parameters of the first group of that name; `None` when there is no such group.
///
/// Lines of other groups are not looked at. Everything after the first `=` is the value, as it
/// stands: there are no quotes and no escapes.
fn parse(text: &str, service: &str) -> Result<Option<Pairs>, Problem> {
    let mut found: Option<Pairs> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if name.strip_suffix(']') == Some(service) {
                found = Some(Pairs::new());
            }
            continue;
        }
        let Some(pairs) = &mut found else { continue };
        let problem = |reason| Problem(index + 1, reason);
        if line.starts_with("ldap") {
            return Err(problem("LDAP is not supported here"));
        }
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| problem("it has no `=`"))?;
        if name == "service" {
            return Err(problem("a service cannot name another one"));
        }
        pairs.push((name.to_owned(), value.to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# comment
[one]
host=db.example
  port=5433
password=a = 'b' \\c  

[two]
host=other
broken
[one]
host=third
[ldap]
ldap://example/x
[nested]
service=one
";

    fn pairs(of: &[(&str, &str)]) -> Pairs {
        of.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_service_is_its_first_group_to_the_next_one() {
        let one = pairs(&[
            ("host", "db.example"),
            ("port", "5433"),
            ("password", "a = 'b' \\c"),
        ]);
        assert_eq!(parse(FILE, "one"), Ok(Some(one)));
        assert_eq!(parse(FILE, "three"), Ok(None));
    }

    #[test]
    fn a_broken_line_is_named_by_its_number_alone() {
        assert_eq!(parse(FILE, "two"), Err(Problem(9, "it has no `=`")));
        assert_eq!(
            parse(FILE, "ldap"),
            Err(Problem(13, "LDAP is not supported here"))
        );
        assert_eq!(
            parse(FILE, "nested"),
            Err(Problem(15, "a service cannot name another one"))
        );
    }

    #[test]
    fn the_file_of_the_variable_comes_before_the_systems() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        std::fs::write(&own, "[one]\nhost=own\n").unwrap();
        let system = folder.path().join("pg_service.conf");
        std::fs::write(&system, "[one]\nhost=system\n[two]\nhost=system\n").unwrap();
        let around = Surroundings::new(&[
            ("PGSERVICEFILE", own.to_str().unwrap()),
            ("PGSYSCONFDIR", folder.path().to_str().unwrap()),
        ]);
        assert_eq!(
            read("one", &around).unwrap(),
            (pairs(&[("host", "own")]), own)
        );
        assert_eq!(
            read("two", &around).unwrap(),
            (pairs(&[("host", "system")]), system)
        );
        let error = read("three", &around).unwrap_err().to_string();
        assert!(
            error.starts_with("there is no service of that name in `"),
            "{error}"
        );
    }
}
