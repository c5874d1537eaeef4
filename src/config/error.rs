//! What can be wrong with the settings.

use std::path::PathBuf;

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
    /// The settings file is not TOML.
    #[error("`{}` is not TOML", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and what was expected.
        #[source]
        source: toml::de::Error,
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
        let mut failure = Self::new(Exit::Usage, &error);
        // TOML's errors end with a line end.
        failure.message.truncate(failure.message.trim_end().len());
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
                "put the password into `PGPASSWORD` or a file that the setting `password_file` names",
            ),
            _ => failure,
        }
    }
}
