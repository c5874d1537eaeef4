//! The process's surroundings, read once: variables, current folder, cores.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};

/// Variables whose names begin with this are settings.
pub(super) const PREFIX: &str = "TOUCHPATH_";

/// The environment variables, the current folder and the number of cores.
#[derive(Clone, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    folder: PathBuf,
    threads: usize,
    user: Option<String>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The values may be secrets.
        f.debug_struct("Environment")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Environment {
    /// The environment of this process. Variables that are not Unicode are left out; none
    /// that we know could be.
    ///
    /// # Errors
    /// The current folder is gone or may not be read.
    pub fn of_process() -> std::io::Result<Self> {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        Ok(Self {
            variables,
            folder: std::env::current_dir()?,
            threads,
            // Without a name the database's own default serves.
            user: whoami::username().ok(),
        })
    }

    /// Surroundings made by hand.
    pub fn new(folder: &Path, variables: &[(&str, &str)], threads: usize) -> Self {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Self {
            variables,
            folder: folder.to_owned(),
            threads,
            user: None,
        }
    }

    /// The value of a variable; one that is set to nothing counts as unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Whether `NO_COLOR` asks for plain text.
    pub fn no_color(&self) -> bool {
        self.get("NO_COLOR").is_some()
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// The variables that are settings, without their prefix and in lower case.
    pub(super) fn settings(&self) -> impl Iterator<Item = (String, &str)> {
        self.variables
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| {
                Some((
                    name.strip_prefix(PREFIX)?.to_ascii_lowercase(),
                    value.as_str(),
                ))
            })
    }

    /// The variables that begin with `PG`, as those that libpq reads.
    pub(super) fn postgres_variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| name.starts_with("PG"))
    }

    /// The user's name at the operating system.
    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The user's home folder.
    pub(super) fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }

    /// The nearest file of this name in the current folder or one above it.
    pub(super) fn find_upwards(&self, name: &str) -> Option<PathBuf> {
        self.folder
            .ancestors()
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    }

    /// Where programs keep what should outlive them, by the XDG rules.
    pub(super) fn state_folder(&self) -> Option<PathBuf> {
        let base = self
            .get("XDG_STATE_HOME")
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute())
            .or_else(|| Some(Path::new(self.get("HOME")?).join(".local/state")))?;
        Some(base.join("touchpath"))
    }
}
