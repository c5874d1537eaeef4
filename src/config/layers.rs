//! The layers of settings, each a dictionary that figment can merge and trace.

use std::path::{Path, PathBuf};

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider, Source};

use crate::error::nearest;

use super::environment::{Environment, PREFIX};
use super::{
    ConfigError, Kind, Listed, Origin, Rules, SETTINGS, has_password, masked, setting_names,
};

const DEFAULT: &str = "default";
const VARIABLE: &str = "variable";
const FLAG: &str = "flag";

/// One source of settings.
#[derive(Debug)]
pub(super) struct Layer {
    metadata: Metadata,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

impl Layer {
    /// What holds when nobody says otherwise.
    pub(super) fn defaults(threads: usize) -> Self {
        let values = [
            ("rules", Value::from("v10")),
            ("time_zone", Value::from("Europe/Kyiv")),
            ("currency", Value::from("UAH")),
            ("publish_failed", Value::from(false)),
            ("memory", Value::from("2GB")),
            ("threads", Value::from(threads)),
            // More connections than that gain little and burden the server.
            ("jobs", Value::from(threads.min(4))),
            ("statement_minutes", Value::from(360)),
            ("not_finite", Value::from("refuse")),
            ("s3_allow_http", Value::from(false)),
            ("log", Value::from("warn")),
            ("log_format", Value::from("text")),
        ];
        let values = values
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Self {
            metadata: Metadata::named(DEFAULT),
            values,
        }
    }

    /// The settings file; relative folders in it are meant from where it lies.
    pub(super) fn file(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let table: toml::Table = text
            .parse()
            .map_err(|error| ConfigError::syntax(path, &text, &error))?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let mut values = Dict::new();
        for (name, value) in table {
            let kind = known(&name, || Origin::File(path.to_owned()))?;
            values.insert(name, seen_from(folder, kind, from_toml(value)));
        }
        let metadata = Metadata::from("file", Source::File(path.to_owned()));
        Ok(Self { metadata, values })
    }

    /// The `TOUCHPATH_*` variables.
    ///
    /// A name that resembles no setting is somebody else's and is left alone.
    pub(super) fn variables(environment: &Environment) -> Result<Self, ConfigError> {
        let mut values = Dict::new();
        for (name, text) in environment.settings() {
            let origin = || Origin::Variable(variable(&name));
            match known(&name, origin) {
                Ok(kind) => values.insert(name, from_text(kind, text)),
                Err(ConfigError::Unknown { nearest: None, .. }) => None,
                Err(error) => return Err(error),
            };
        }
        Ok(Self {
            metadata: Metadata::named(VARIABLE),
            values,
        })
    }

    /// The flags of the command line.
    pub(super) fn flags(values: Dict) -> Result<Self, ConfigError> {
        if let Some(Value::String(_, address)) = values.get("from")
            && has_password(address)
        {
            return Err(ConfigError::PublicPassword { flag: flag("from") });
        }
        Ok(Self {
            metadata: Metadata::named(FLAG),
            values,
        })
    }
}

fn known(name: &str, origin: impl FnOnce() -> Origin) -> Result<Kind, ConfigError> {
    match SETTINGS.iter().find(|(setting, _)| *setting == name) {
        Some((_, kind)) => Ok(*kind),
        None => Err(ConfigError::Unknown {
            name: name.to_owned(),
            origin: origin(),
            nearest: nearest(name, setting_names()),
        }),
    }
}

fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::from(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => Value::from(number),
        toml::Value::Boolean(answer) => Value::from(answer),
        toml::Value::Datetime(time) => Value::from(time.to_string()),
        toml::Value::Array(items) => {
            Value::from(items.into_iter().map(from_toml).collect::<Vec<_>>())
        }
        toml::Value::Table(table) => Value::from(
            table
                .into_iter()
                .map(|(name, value)| (name, from_toml(value)))
                .collect::<Dict>(),
        ),
    }
}

fn seen_from(folder: &Path, kind: Kind, value: Value) -> Value {
    let Some(text) = value.as_str() else {
        return value;
    };
    let is_path = match kind {
        Kind::Location => !text.contains("://"),
        Kind::Path => true,
        Kind::NameOrFile => Rules::is_file(text),
        _ => false,
    };
    if is_path {
        Value::from(folder.join(text).display().to_string())
    } else {
        value
    }
}

/// The value of a variable: a text unless the setting is something else. What cannot be
/// read as that stays text and is refused, with its origin, when the layers are put together.
fn from_text(kind: Kind, text: &str) -> Value {
    match kind {
        Kind::List => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            Value::from(items.map(Value::from).collect::<Vec<_>>())
        }
        Kind::Count => text
            .trim()
            .parse::<u64>()
            .map_or_else(|_| Value::from(text), Value::from),
        Kind::YesNo => text
            .trim()
            .parse::<bool>()
            .map_or_else(|_| Value::from(text), Value::from),
        _ => Value::from(text),
    }
}

fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase())
}

fn flag(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}

/// Where the value of `name` (or of the table it stands in) came from.
pub(super) fn origin(figment: &Figment, name: &str) -> Origin {
    let top = name.split('.').next().unwrap_or(name);
    match figment
        .find_metadata(name)
        .or_else(|| figment.find_metadata(top))
    {
        Some(Metadata {
            source: Some(Source::File(path)),
            ..
        }) => Origin::File(PathBuf::clone(path)),
        Some(metadata) if metadata.name == VARIABLE => Origin::Variable(variable(top)),
        Some(metadata) if metadata.name == FLAG => Origin::Flag(flag(top)),
        _ => Origin::Default,
    }
}

/// Every setting with its value and origin, secrets masked.
pub(super) fn listing(figment: &Figment) -> Vec<Listed> {
    let mut listing = Vec::new();
    for (name, kind) in SETTINGS {
        match figment.find_value(name) {
            Ok(Value::Dict(_, entries)) => {
                listing.extend(entries.iter().map(|(entry, value)| Listed {
                    name: format!("{name}.{entry}"),
                    value: Some(shown(value)),
                    origin: origin(figment, name),
                }));
            }
            Ok(value) => {
                let text = shown(&value);
                let text = if *kind == Kind::Address {
                    masked(&text)
                } else {
                    text
                };
                listing.push(Listed {
                    name: (*name).to_owned(),
                    value: Some(text),
                    origin: origin(figment, name),
                });
            }
            Err(_) => listing.push(Listed {
                name: (*name).to_owned(),
                value: None,
                origin: Origin::Default,
            }),
        }
    }
    listing
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(_, text) => text.clone(),
        Value::Bool(_, answer) => answer.to_string(),
        Value::Array(_, items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        other => match (other.to_i128(), other.to_u128(), other.to_f64()) {
            (Some(number), _, _) => number.to_string(),
            (_, Some(number), _) => number.to_string(),
            (_, _, Some(number)) => number.to_string(),
            _ => String::new(),
        },
    }
}
