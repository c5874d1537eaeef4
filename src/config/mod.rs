//! The settings: flags, then `TOUCHPATH_*` variables, then `touchpath.toml`, then defaults.
//!
//! In: an [`Environment`] (the process's variables and folder, read once), the file named by
//! `--config` and the flags of the command. Out: a validated [`Config`] whose every value
//! knows where it came from. Nothing past this module reads the environment or checks a
//! setting again.

mod contacts;
mod environment;
mod error;
mod layers;
mod secret;
mod size;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use chrono_tz::Tz;
use figment::Figment;
use figment::value::{Dict, Value};
use serde::Deserialize;

use crate::error::nearest;
pub use contacts::{ContactColumn, ContactPolicy};
pub use environment::Environment;
pub use error::ConfigError;
use layers::Layer;
pub use secret::{Secret, has_password, masked};
use size::size;

/// The file looked for from the current folder upwards.
pub const FILE_NAME: &str = "touchpath.toml";

/// What a setting's text must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// A folder or `s3://…`; relative folders of the file are meant from the file.
    Location,
    /// A file or folder, likewise.
    Path,
    /// A rule set's name or a file.
    NameOrFile,
    Date,
    TimeZone,
    Size,
    Count,
    YesNo,
    List,
    Limits,
    LogFormat,
    /// Forms by column.
    Forms,
    NotFinite,
    ContactPolicy,
    /// Kinds of contact by column.
    ContactColumns,
    /// An address whose password is never shown.
    Address,
}

impl Kind {
    const fn expected(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Location => "a folder or `s3://bucket/prefix`",
            Self::Path => "a file or folder",
            Self::NameOrFile => "the name of a rule set or a file",
            Self::Date => "a date such as `2025-01-01`",
            Self::TimeZone => "a time zone such as `Europe/Kyiv`",
            Self::Size => "a size such as `512MB` or `2GB`",
            Self::Count => "a whole number above zero",
            Self::YesNo => "`true` or `false`",
            Self::List => "a list of names",
            Self::Limits => "a table of numbers",
            Self::LogFormat => "`text` or `json`",
            Self::Forms => "a table of texts",
            Self::NotFinite => "`refuse`, `null` or `duckdb`",
            Self::ContactPolicy => "`drop`, `hmac` or `keep`",
            Self::ContactColumns => "a table of `phone` or `email` by `schema.table.column`",
            Self::Address => "an address such as `postgres://user@host/database`",
        }
    }
}

/// Every setting, in the order in which `touchpath config` prints them.
const SETTINGS: &[(&str, Kind)] = &[
    ("lake", Kind::Location),
    ("out", Kind::Location),
    ("since", Kind::Date),
    ("rules", Kind::NameOrFile),
    ("models", Kind::List),
    ("lookback_days", Kind::Count),
    ("time_zone", Kind::TimeZone),
    ("currency", Kind::Text),
    ("queries", Kind::Path),
    ("publish_failed", Kind::YesNo),
    ("limits", Kind::Limits),
    ("memory", Kind::Size),
    ("threads", Kind::Count),
    ("jobs", Kind::Count),
    ("statement_minutes", Kind::Count),
    ("from", Kind::Address),
    ("password_file", Kind::Path),
    ("columns", Kind::Forms),
    ("not_finite", Kind::NotFinite),
    ("contacts", Kind::ContactPolicy),
    ("contacts_key_file", Kind::Path),
    ("contact_columns", Kind::ContactColumns),
    ("s3_endpoint", Kind::Text),
    ("s3_region", Kind::Text),
    ("s3_allow_http", Kind::YesNo),
    ("log", Kind::Text),
    ("log_format", Kind::LogFormat),
];

fn setting_names() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|(name, _)| *name)
}

/// Lines of the log for people or for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line per event.
    Text,
    /// One JSON object per line.
    Json,
}

/// What an export does with `NaN` and ±infinity where a file has no form for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotFinite {
    /// Stop and name the row.
    Refuse,
    /// Write null and count.
    Null,
    /// Write what DuckDB reads as ±infinity.
    DuckDb,
}

/// The platform rules to go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rules {
    /// A built-in rule set.
    Named(String),
    /// A rule file of the user's.
    File(PathBuf),
}

impl Rules {
    /// Names hold neither slashes nor the ending of a file.
    fn is_file(text: &str) -> bool {
        text.contains(['/', '\\']) || Path::new(text).extension().is_some_and(|end| end == "toml")
    }

    fn new(text: String) -> Self {
        if Self::is_file(&text) {
            Self::File(PathBuf::from(text))
        } else {
            Self::Named(text)
        }
    }
}

/// Where the value of a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The settings file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// One line of `touchpath config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The setting's name, as in the file.
    pub name: String,
    /// Its value as text, secrets masked; `None` when unset.
    pub value: Option<String>,
    /// Where the value came from.
    pub origin: Origin,
}

/// The validated settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// The lake that is read, and written by `export` and `stage`.
    pub lake: Option<String>,
    /// Where runs are published; the lake unless set.
    pub out: Option<String>,
    /// Touches before this day are left out.
    pub since: Option<NaiveDate>,
    /// The platform rules.
    pub rules: Rules,
    /// The attribution models to compute; all rule models when unset.
    pub models: Option<Vec<String>>,
    /// Touches older than this before their contract get no credit; unlimited when unset.
    pub lookback_days: Option<u32>,
    /// The zone in which a day begins.
    pub time_zone: Tz,
    /// The account currency, written beside money in reports.
    pub currency: String,
    /// A folder whose SQL files replace or add datasets.
    pub queries: Option<PathBuf>,
    /// Publish a run whose audits failed.
    pub publish_failed: bool,
    /// Limits of the quality checks, by check name.
    pub limits: BTreeMap<String, f64>,
    /// Bytes that queries may hold in memory.
    pub memory: usize,
    /// Threads that queries use.
    pub threads: usize,
    /// Connections over which an export reads.
    pub jobs: usize,
    /// Minutes after which a statement of an export is given up.
    pub statement_minutes: u32,
    /// The Postgres database that is exported.
    pub from: Option<Secret>,
    /// A file that holds the password of `from`.
    pub password_file: Option<PathBuf>,
    /// The `PG*` variables, which libpq reads too.
    pub postgres_variables: BTreeMap<String, Secret>,
    /// The user's name at the operating system.
    pub user: Option<String>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// Forms in which columns are exported, by `schema.table.column`.
    pub columns: BTreeMap<String, String>,
    /// What an export does with values without end.
    pub not_finite: NotFinite,
    /// What an export does with contacts: unless set, `hmac` with a key file, else `drop`.
    pub contacts: ContactPolicy,
    /// A file that holds the key that contacts are hashed with.
    pub contacts_key_file: Option<PathBuf>,
    /// Contact columns that are called otherwise than `phone` and `email`, by
    /// `schema.table.column`.
    pub contact_columns: BTreeMap<String, ContactColumn>,
    /// Address of an S3 server other than Amazon's.
    pub s3_endpoint: Option<String>,
    /// Region of the bucket.
    pub s3_region: Option<String>,
    /// Whether S3 may be spoken without TLS.
    pub s3_allow_http: bool,
    /// Which log events are written, in `tracing` filter syntax.
    pub log: String,
    /// How log events are written.
    pub log_format: LogFormat,
    /// Where the shell keeps its history; `None` without a home folder.
    pub state_folder: Option<PathBuf>,
    /// Every setting with its origin, for `touchpath config`.
    pub listing: Vec<Listed>,
}

/// The settings as the layers spell them.
#[derive(Debug, Deserialize)]
struct Spelled {
    lake: Option<String>,
    out: Option<String>,
    since: Option<String>,
    rules: String,
    models: Option<Vec<String>>,
    lookback_days: Option<u32>,
    time_zone: String,
    currency: String,
    queries: Option<PathBuf>,
    publish_failed: bool,
    #[serde(default)]
    limits: BTreeMap<String, f64>,
    memory: String,
    threads: usize,
    jobs: usize,
    statement_minutes: u32,
    from: Option<String>,
    password_file: Option<PathBuf>,
    #[serde(default)]
    columns: BTreeMap<String, String>,
    not_finite: NotFinite,
    contacts: Option<ContactPolicy>,
    contacts_key_file: Option<PathBuf>,
    #[serde(default)]
    contact_columns: BTreeMap<String, ContactColumn>,
    s3_endpoint: Option<String>,
    s3_region: Option<String>,
    s3_allow_http: bool,
    log: String,
    log_format: LogFormat,
}

impl Spelled {
    /// A count that is zero and must not be.
    fn zero(&self) -> Option<&'static str> {
        let counts = [
            ("threads", self.threads == 0),
            ("jobs", self.jobs == 0),
            ("statement_minutes", self.statement_minutes == 0),
        ];
        let zero = counts.into_iter().find(|(_, is_zero)| *is_zero);
        zero.map(|(name, _)| name)
    }
}

impl Config {
    /// Reads and checks the settings.
    ///
    /// `file` is what `--config` names; without it [`FILE_NAME`] is looked for from the
    /// current folder upwards. `flags` maps setting names to the values given on the command
    /// line, see [`flags`].
    ///
    /// # Errors
    /// [`ConfigError`], naming the file, variable or flag and the setting.
    pub fn load(
        environment: &Environment,
        file: Option<&Path>,
        flags: Dict,
    ) -> Result<Self, ConfigError> {
        let file = match file {
            Some(named) => Some(environment.folder().join(named)),
            None => environment.find_upwards(FILE_NAME),
        };
        let mut figment = Figment::from(Layer::defaults(environment.threads()));
        if let Some(path) = file {
            figment = figment.merge(Layer::file(&path)?);
        }
        figment = figment
            .merge(Layer::variables(environment)?)
            .merge(Layer::flags(flags)?);
        let spelled: Spelled = figment
            .extract()
            .map_err(|error| ConfigError::from_figment(&figment, error))?;
        Self::try_new(spelled, &figment, environment)
    }

    fn try_new(
        spelled: Spelled,
        figment: &Figment,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let refuse = |name: &str, found: &str| {
            ConfigError::invalid(name, layers::origin(figment, name), format!("`{found}`"))
        };
        let since = spelled
            .since
            .as_deref()
            .map(|text| text.parse::<NaiveDate>().map_err(|_| refuse("since", text)));
        let time_zone = time_zone(&spelled.time_zone)
            .map_err(|near| refuse("time_zone", &spelled.time_zone).meant(near))?;
        let memory = size(&spelled.memory).ok_or_else(|| refuse("memory", &spelled.memory))?;
        if let Some(name) = spelled.zero() {
            return Err(refuse(name, "0"));
        }
        let contacts = spelled
            .contacts
            .unwrap_or_else(|| ContactPolicy::default_for(spelled.contacts_key_file.as_deref()));
        let mut listing = listed(figment, environment);
        depends(&mut listing, "out", spelled.lake.as_deref());
        depends(&mut listing, "contacts", Some(contacts.word()));
        Ok(Self {
            out: spelled.out.or_else(|| spelled.lake.clone()),
            lake: spelled.lake,
            since: since.transpose()?,
            rules: Rules::new(spelled.rules),
            models: spelled.models,
            lookback_days: spelled.lookback_days,
            time_zone,
            currency: spelled.currency,
            queries: spelled.queries,
            publish_failed: spelled.publish_failed,
            limits: spelled.limits,
            memory,
            threads: spelled.threads,
            jobs: spelled.jobs,
            statement_minutes: spelled.statement_minutes,
            from: spelled.from.map(Secret::from),
            password_file: spelled.password_file,
            postgres_variables: environment
                .postgres_variables()
                .map(|(name, value)| (name.to_owned(), Secret::from(value)))
                .collect(),
            user: environment.user().map(str::to_owned),
            home: environment.home(),
            columns: spelled.columns,
            not_finite: spelled.not_finite,
            contacts,
            contacts_key_file: spelled.contacts_key_file,
            contact_columns: spelled.contact_columns,
            s3_endpoint: spelled.s3_endpoint,
            s3_region: spelled.s3_region,
            s3_allow_http: spelled.s3_allow_http,
            log: spelled.log,
            log_format: spelled.log_format,
            state_folder: environment.state_folder(),
            listing,
        })
    }
}

/// Every setting with its origin, and the password's own variable.
fn listed(figment: &Figment, environment: &Environment) -> Vec<Listed> {
    let mut listing = layers::listing(figment);
    if environment.get("PGPASSWORD").is_some() {
        listing.push(Listed {
            name: "password".to_owned(),
            value: Some("***".to_owned()),
            origin: Origin::Variable("PGPASSWORD".to_owned()),
        });
    }
    listing
}

/// Lists for a setting that nobody set the value that other settings give it.
fn depends(listing: &mut [Listed], name: &str, value: Option<&str>) {
    if let Some(line) = listing.iter_mut().find(|line| line.name == name) {
        line.value = line.value.take().or_else(|| value.map(str::to_owned));
    }
}

/// The flags of a command that are settings: the fields of `arguments` that are set.
///
/// Field names are setting names; fields that are not settings are skipped with
/// `#[serde(skip)]`. A `false` counts as not set: a switch can only be switched on.
pub fn flags(arguments: &impl serde::Serialize) -> Dict {
    match Value::serialize(arguments) {
        Ok(Value::Dict(_, fields)) => fields
            .into_iter()
            .filter(|(_, value)| match value {
                Value::Empty(..) | Value::Bool(_, false) => false,
                Value::Array(_, items) => !items.is_empty(),
                _ => true,
            })
            .collect(),
        // Arguments are structs of plain values, which always serialise to a dictionary.
        _ => Dict::new(),
    }
}

/// A zone by its name, or the name that was probably meant.
fn time_zone(text: &str) -> Result<Tz, Option<&'static str>> {
    text.parse::<Tz>()
        .map_err(|_| nearest(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())))
}

#[cfg(test)]
mod tests;
