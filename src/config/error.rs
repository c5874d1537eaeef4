//! What can be wrong with the settings.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::{Actual, Kind as FigmentKind};

use crate::error::{Exit, Failure};

use super::{Kind, Origin, SETTINGS, layers};

/// What can be wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The settings file cannot be read.
    #[error("cannot read the settings file `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The settings file is not TOML. The parser's own error would show the line, which may
    /// hold a password.
    #[error("`{}` is not TOML: line {line}, column {column}: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character of the line, from 1.
        column: usize,
        /// What was expected.
        problem: String,
    },
    /// A name that is no setting.
    #[error("{origin}: there is no setting `{name}`")]
    Unknown {
        /// The name.
        name: String,
        /// Where it stands.
        origin: Origin,
        /// The setting that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A value that is not what the setting needs.
    #[error("{origin}: `{name}` must be {expected}, found {found}")]
    Invalid {
        /// The setting.
        name: String,
        /// Where the value stands.
        origin: Origin,
        /// What the setting needs.
        expected: &'static str,
        /// The value.
        found: String,
        /// The value that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A password on the command line, where every user of the machine can see it.
    #[error("{flag} holds a password, and arguments are public")]
    PublicPassword {
        /// The flag.
        flag: String,
    },
}

impl ConfigError {
    /// A file's text that is not TOML.
    pub(super) fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self::Syntax {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            problem: error.message().to_owned(),
        }
    }

    pub(super) fn invalid(name: &str, origin: Origin, found: String) -> Self {
        let top = name.split('.').next().unwrap_or(name);
        let expected = match SETTINGS.iter().find(|(setting, _)| *setting == top) {
            Some((_, Kind::Forms)) if top != name => "a text",
            Some((_, Kind::ContactColumns)) if top != name => "`phone` or `email`",
            Some(_) if top != name => "a number",
            Some((_, kind)) => kind.expected(),
            None => "a known setting",
        };
        Self::Invalid {
            name: name.to_owned(),
            origin,
            expected,
            found,
            nearest: None,
        }
    }

    pub(super) fn meant(mut self, near: Option<&'static str>) -> Self {
        if let Self::Invalid { nearest, .. } = &mut self {
            *nearest = near;
        }
        self
    }

    pub(super) fn from_figment(figment: &Figment, error: figment::Error) -> Self {
        let name = error.path.join(".");
        let said = match error.kind {
            FigmentKind::InvalidType(actual, _) | FigmentKind::InvalidValue(actual, _) => {
                found(&actual)
            }
            FigmentKind::UnknownVariant(text, _) => format!("`{text}`"),
            other => other.to_string(),
        };
        Self::invalid(&name, layers::origin(figment, &name), said)
    }
}

/// A value as its author would call it.
fn found(actual: &Actual) -> String {
    match actual {
        Actual::Str(text) => format!("`{text}`"),
        Actual::Bool(answer) => format!("`{answer}`"),
        Actual::Signed(number) => format!("`{number}`"),
        Actual::Unsigned(number) => format!("`{number}`"),
        Actual::Float(number) => format!("`{number}`"),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let failure = Self::new(Exit::Usage, &error);
        match error {
            ConfigError::Unknown {
                nearest: Some(near),
                ..
            }
            | ConfigError::Invalid {
                nearest: Some(near),
                ..
            } => failure.with_hint(format!("did you mean `{near}`?")),
            ConfigError::Unknown { nearest: None, .. } => {
                failure.with_hint("`touchpath config` lists every setting")
            }
            ConfigError::PublicPassword { .. } => failure.with_hint(
                "put the password into `PGPASSWORD`, `~/.pgpass` or a file that the setting \
                 `password_file` names",
            ),
            _ => failure,
        }
    }
}
