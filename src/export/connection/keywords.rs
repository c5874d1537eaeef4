//! libpq's parameters: which we know, and the variables that give them.
//!
//! In: `name = value` pairs of a URL, a service or the environment. Out: [`Parameters`], in
//! which the first to give a parameter wins, or the parameter that cannot be used.

use std::collections::BTreeMap;
use std::fmt;

use super::Surroundings;
use super::error::ConnectionError;

/// What is done with a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Support {
    Used,
    /// Changes nothing for us: our own settings or protocol stand in its place.
    Ignored,
    /// Asks for a check or a limit that we do not make: going on would be less than was asked.
    Refused,
}
use Support::{Ignored, Refused, Used};

/// Every parameter of libpq, the variable that gives it (or nothing), and what is done with it.
const KEYWORDS: &[(&str, &str, Support)] = &[
    ("application_name", "PGAPPNAME", Used),
    ("channel_binding", "PGCHANNELBINDING", Used),
    ("client_encoding", "PGCLIENTENCODING", Ignored),
    ("connect_timeout", "PGCONNECT_TIMEOUT", Used),
    ("dbname", "PGDATABASE", Used),
    ("fallback_application_name", "", Used),
    ("gssdelegation", "PGGSSDELEGATION", Ignored),
    ("gssencmode", "PGGSSENCMODE", Used),
    ("gsslib", "PGGSSLIB", Ignored),
    ("host", "PGHOST", Used),
    ("hostaddr", "PGHOSTADDR", Used),
    ("keepalives", "", Used),
    ("keepalives_count", "", Used),
    ("keepalives_idle", "", Used),
    ("keepalives_interval", "", Used),
    ("krbsrvname", "PGKRBSRVNAME", Ignored),
    ("load_balance_hosts", "PGLOADBALANCEHOSTS", Used),
    ("options", "PGOPTIONS", Used),
    ("passfile", "PGPASSFILE", Used),
    ("password", "PGPASSWORD", Used),
    ("port", "PGPORT", Used),
    ("replication", "", Refused),
    ("require_auth", "PGREQUIREAUTH", Refused),
    ("requirepeer", "PGREQUIREPEER", Refused),
    ("service", "PGSERVICE", Used),
    (
        "ssl_max_protocol_version",
        "PGSSLMAXPROTOCOLVERSION",
        Refused,
    ),
    ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", Used),
    ("sslcert", "PGSSLCERT", Used),
    ("sslcertmode", "PGSSLCERTMODE", Refused),
    ("sslcompression", "PGSSLCOMPRESSION", Ignored),
    ("sslcrl", "PGSSLCRL", Refused),
    ("sslcrldir", "PGSSLCRLDIR", Refused),
    ("sslkey", "PGSSLKEY", Used),
    ("sslmode", "PGSSLMODE", Used),
    ("sslnegotiation", "PGSSLNEGOTIATION", Used),
    ("sslpassword", "", Refused),
    ("sslrootcert", "PGSSLROOTCERT", Used),
    ("sslsni", "PGSSLSNI", Ignored),
    ("target_session_attrs", "PGTARGETSESSIONATTRS", Used),
    ("tcp_user_timeout", "", Used),
    ("user", "PGUSER", Used),
];

/// Where a parameter was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Url,
    Service(String),
    Variable(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url => f.write_str("the database URL"),
            Self::Service(file) => write!(f, "`{file}`"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// The parameters of a connection by libpq's names.
#[derive(Default)]
pub(super) struct Parameters {
    given: BTreeMap<&'static str, (String, Origin)>,
}

impl Parameters {
    /// Takes a parameter unless an earlier layer gave it.
    pub(super) fn give(
        &mut self,
        name: &str,
        value: String,
        origin: Origin,
    ) -> Result<(), ConnectionError> {
        let Some((name, _, support)) = KEYWORDS.iter().find(|(known, ..)| *known == name) else {
            return Err(ConnectionError::UnknownParameter {
                origin: origin.to_string(),
            });
        };
        match support {
            Refused => Err(refusal(name, &origin, "it is not supported here")),
            Ignored => Ok(()),
            Used => {
                self.given.entry(name).or_insert((value, origin));
                Ok(())
            }
        }
    }

    /// Takes what the `PG*` variables give.
    pub(super) fn give_variables(&mut self, around: &Surroundings) -> Result<(), ConnectionError> {
        for (name, variable, _) in KEYWORDS {
            if let Some(value) = around.variable(variable) {
                self.give(name, value.to_owned(), Origin::Variable(variable))?;
            }
        }
        Ok(())
    }

    /// The value of a parameter; an empty one counts as not given, as in libpq.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.given
            .get(name)
            .map(|(value, _)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A comma-separated list; empty items stand for the default.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        self.get(name)
            .map(|value| value.split(',').map(str::trim).collect())
            .unwrap_or_default()
    }

    /// One of `choices` by its name.
    pub(super) fn choice<T: Copy>(
        &self,
        name: &'static str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ConnectionError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let found = choices.iter().find(|(choice, _)| *choice == value);
        match found {
            Some((_, choice)) => Ok(Some(*choice)),
            None => Err(self.refuse(name, "its value is none that is known here")),
        }
    }

    /// A whole number.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<i64>, ConnectionError> {
        self.get(name)
            .map(|value| value.trim().parse())
            .transpose()
            .map_err(|_| self.refuse(name, "it is no whole number"))
    }

    /// The refusal of a parameter's value, which is not shown.
    pub(super) fn refuse(&self, name: &'static str, reason: &'static str) -> ConnectionError {
        let origin = self.given.get(name).map(|(_, origin)| origin);
        refusal(name, origin.unwrap_or(&Origin::Url), reason)
    }
}

fn refusal(name: &'static str, origin: &Origin, reason: &'static str) -> ConnectionError {
    ConnectionError::Parameter {
        origin: origin.to_string(),
        name,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_give_a_parameter_wins() {
        let mut parameters = Parameters::default();
        let around = Surroundings::new(&[("PGHOST", "variable"), ("PGPORT", "1")]);
        for (value, origin) in [
            ("url", Origin::Url),
            ("service", Origin::Service("x".to_owned())),
        ] {
            parameters.give("host", value.to_owned(), origin).unwrap();
        }
        parameters.give_variables(&around).unwrap();
        assert_eq!(parameters.get("host"), Some("url"));
        assert_eq!(parameters.number("port").unwrap(), Some(1));
    }

    #[test]
    fn a_check_that_is_asked_for_and_not_made_is_refused_wherever_it_stands() {
        let around = Surroundings::new(&[("PGREQUIREAUTH", "scram-sha-256")]);
        let error = Parameters::default().give_variables(&around).unwrap_err();
        assert_eq!(
            error.to_string(),
            "PGREQUIREAUTH: `require_auth` cannot be used: it is not supported here"
        );
        let error = Parameters::default().give("sslcrl", "x".to_owned(), Origin::Url);
        assert!(error.is_err());
    }

    #[test]
    fn keywords_are_sorted_and_each_stands_once() {
        assert!(KEYWORDS.is_sorted_by(|one, next| one.0 < next.0));
    }
}
