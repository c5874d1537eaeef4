//! What can be wrong with a rule file, with the file, the rule and the remedy.

use crate::error::{Failure, nearest};

/// Why a rule set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// No rule set of this name is built in.
    #[error("no rule set is called `{name}`")]
    UnknownSet {
        /// The name asked for.
        name: String,
    },
    /// The file is not TOML; the source shows the line.
    #[error("{origin}: cannot read the rules")]
    Syntax {
        /// The file.
        origin: String,
        /// Line, column and reason.
        #[source]
        source: toml::de::Error,
    },
    /// A key outside the rules is missing, unknown or of the wrong kind.
    #[error("{origin}: {problem}")]
    File {
        /// The file.
        origin: String,
        /// What is wrong.
        problem: Problem,
    },
    /// One rule is wrong.
    #[error("{origin}, {section} rule {number}: {problem}")]
    Rule {
        /// The file.
        origin: String,
        /// `platform` or `method`.
        section: &'static str,
        /// The rule's place in its section, from 1.
        number: usize,
        /// What is wrong.
        problem: Problem,
    },
}

/// What is wrong with a key, a rule or a test.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A key, field or test that does not exist here.
    #[error("unknown {kind} `{name}`{}", suggestion(name, known))]
    Unknown {
        /// `key`, `field` or `test`.
        kind: &'static str,
        /// As written.
        name: String,
        /// What may stand there.
        known: Vec<&'static str>,
    },
    /// A key that must be there is not.
    #[error("`{key}` is missing")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A value of another kind than expected.
    #[error("`{key}` must be {expected}")]
    Kind {
        /// The key or field.
        key: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A text that no field can equal, because fields are compared in another form.
    #[error("`{text}` never matches: texts are compared trimmed, in lower case and not blank")]
    NeverMatches {
        /// The text.
        text: String,
    },
    /// A rule without `when` before the last one, which hides the rest.
    #[error("a rule without `when` always holds, so the rules after it are never reached")]
    HidesTheRest,
    /// The last rule has a `when`, so some touch would get no result.
    #[error("the last rule must have no `when`, so that every touch gets a result")]
    LastHasWhen,
    /// The result is a field that is null when the rule holds.
    #[error("`then` is the field `{field}`, which `when` does not require to be set")]
    MayBeNull {
        /// The field.
        field: &'static str,
    },
    /// A platform that two channels claim.
    #[error("the platform `{platform}` belongs to two channels, `{first}` and `{second}`")]
    TwoChannels {
        /// The platform.
        platform: String,
        /// One channel.
        first: String,
        /// The other.
        second: String,
    },
}

/// The nearest name, else all of them.
fn suggestion(name: &str, known: &[&'static str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(name) => format!(", did you mean `{name}`?"),
        None => format!(", expected one of {}", known.join(", ")),
    }
}

impl From<RuleError> for Failure {
    fn from(error: RuleError) -> Self {
        let failure = Self::new(crate::error::Exit::Usage, &error);
        match error {
            RuleError::UnknownSet { .. } => failure
                .with_hint("the built-in rule set is `v10`; a rule file is given by its path"),
            _ => failure,
        }
    }
}
