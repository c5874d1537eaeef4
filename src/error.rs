//! What a command ends with: one error over the modules' errors, its exit code, its hint.

use std::fmt;

/// The exit codes of the command line; see `docs/operations.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for was done.
    Done = 0,
    /// An audit failed or an input key is duplicated; nothing was published.
    Audit = 1,
    /// Usage, settings, rules or SQL are wrong, or an input is missing; nothing was written.
    Usage = 2,
    /// A database, store or disk failed.
    Store = 3,
    /// The user interrupted the command.
    Interrupted = 130,
}

/// A failure in the words of the person who must act on it.
///
/// Every module has its own error enum; this is the form in which they reach the
/// command line: the exit code, the message with its chain of causes, and a hint.
#[derive(Debug)]
pub struct Failure {
    /// The exit code the process ends with.
    pub exit: Exit,
    /// What happened and where; lower case, names in backticks, no secrets.
    pub message: String,
    /// What to do about it, if we know.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure of the user's input: exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
            hint: None,
        }
    }

    /// Any error with the given exit code; the chain of causes is written once each.
    pub fn new(exit: Exit, error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) {
                message.push_str("\n  because ");
                message.push_str(&text);
            }
            source = cause.source();
        }
        Self {
            exit,
            message,
            hint: None,
        }
    }

    /// The message as it may be shown: without what a store's answer repeats of the request.
    pub fn told(&self) -> String {
        without_bodies(&self.message)
    }

    /// The same failure with advice attached.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.told())?;
        match &self.hint {
            Some(hint) => write!(f, "\n\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// A message in which a store's answer is told by its status, code and message alone.
///
/// The body as a whole must not be shown: when a signature is wrong, S3 repeats the request in
/// it, the session token included.
fn without_bodies(message: &str) -> String {
    const BEFORE: &str = "non-2xx status code: ";
    let mut told = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, after)) = rest.split_once(BEFORE) {
        let end = after.find("\n  because ").unwrap_or(after.len());
        let (answer, next) = after.split_at(end);
        let (status, body) = answer.split_once(": ").unwrap_or((answer, ""));
        told.extend([before, BEFORE, status]);
        for name in ["Code", "Message"] {
            if let Some(text) = element(body, name) {
                told.extend([": ", text]);
            }
        }
        rest = next;
    }
    told.push_str(rest);
    told
}

/// The text of the first XML element of that name.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = after.split_once(&format!("</{name}>"))?;
    Some(text)
}

/// The candidate nearest to `name`, if one is near enough to be what was meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the name may be wrong: `platfrom` finds `platform`, `x` finds nothing.
    let limit = name.chars().count().div_ceil(3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_name_and_a_stranger_does_not() {
        let names = ["platform", "channel"];
        assert_eq!(nearest("platfrom", names), Some("platform"));
        assert_eq!(nearest("x", names), None);
    }

    #[test]
    fn a_stores_answer_is_told_without_what_it_repeats_of_the_request() {
        let failure = Failure::usage(
            "cannot read `x`\n  because non-2xx status code: 403 Forbidden: <Error>\n<Code>Wrong\
             </Code><Message>no</Message><CanonicalRequest>s3cret</CanonicalRequest></Error>\
             \n  because non-2xx status code: 500 Broken: s3cret",
        );
        assert_eq!(
            failure.to_string(),
            "error: cannot read `x`\n  because non-2xx status code: 403 Forbidden: Wrong: no\
             \n  because non-2xx status code: 500 Broken"
        );
    }

    #[test]
    fn a_hint_stands_after_a_blank_line() {
        let failure = Failure::usage("no table `x`").with_hint("try `y`");
        assert_eq!(failure.to_string(), "error: no table `x`\n\nhint: try `y`");
    }
}
