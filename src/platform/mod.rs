//! Which platform and channel a touch belongs to, and how sure we are: rules as data.
//!
//! In: the text of a rule file (`data/rules/v10.toml` is built in) and the raw source
//! fields of a touch. Out: its platform, channel, attribution method and confidence.
//!
//! A rule set is checked and compiled once; deciding a touch allocates nothing unless a
//! field has upper-case or non-ASCII letters.

mod error;
mod normal;
mod parse;
mod rule;

use std::{borrow::Cow, collections::BTreeMap, hash};

use rule::Rules;

pub use error::{Problem, RuleError};
pub use normal::{normalised, trimmed};

const PLATFORM_FIELDS: [&str; 4] = [
    "matched_platform",
    "utm_source",
    "utm_medium",
    "source_type",
];
const METHOD_FIELDS: [&str; 6] = [
    "fbclid",
    "gclid",
    "campaign_id",
    "utm_source",
    "utm_campaign",
    "source_type",
];

/// The fields that decide a platform, as they stand in the lake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PlatformInput<'a> {
    /// Platform found by matching the touch with an advertising network.
    pub matched_platform: Option<&'a str>,
    /// `utm_source` of the visit.
    pub utm_source: Option<&'a str>,
    /// `utm_medium` of the visit.
    pub utm_medium: Option<&'a str>,
    /// Source as the CRM's users file it.
    pub source_type: Option<&'a str>,
}

/// The fields that decide method and confidence, as they stand in the lake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct MethodInput<'a> {
    /// Click id of Meta.
    pub fbclid: Option<&'a str>,
    /// Click id of Google.
    pub gclid: Option<&'a str>,
    /// Campaign found by matching the touch with an advertising network.
    pub campaign_id: Option<&'a str>,
    /// `utm_source` of the visit.
    pub utm_source: Option<&'a str>,
    /// `utm_campaign` of the visit.
    pub utm_campaign: Option<&'a str>,
    /// Source as the CRM's users file it.
    pub source_type: Option<&'a str>,
}

impl<'a> PlatformInput<'a> {
    /// In the order of [`PLATFORM_FIELDS`].
    fn fields(&self) -> [Option<&'a str>; 4] {
        let Self {
            matched_platform,
            utm_source,
            utm_medium,
            source_type,
        } = *self;
        [matched_platform, utm_source, utm_medium, source_type]
    }
}

impl<'a> MethodInput<'a> {
    /// In the order of [`METHOD_FIELDS`].
    fn fields(&self) -> [Option<&'a str>; 6] {
        let Self {
            fbclid,
            gclid,
            campaign_id,
            utm_source,
            utm_campaign,
            source_type,
        } = *self;
        [
            fbclid,
            gclid,
            campaign_id,
            utm_source,
            utm_campaign,
            source_type,
        ]
    }
}

/// The platform that a rule gives.
#[derive(Debug)]
enum Platform {
    Text(String),
    /// The normalised text of this field, which is set when the rule holds.
    Field(usize),
}

/// A checked and compiled set of rules. Two sets are equal when their texts are.
#[derive(Debug)]
pub struct RuleSet {
    name: String,
    hash: String,
    platform: Rules<Platform, 4>,
    channels: BTreeMap<String, String>,
    otherwise_channel: String,
    method: Rules<(String, i32), 6>,
}

impl RuleSet {
    /// The built-in rule set of this name; today there is `v10`.
    ///
    /// # Errors
    /// [`RuleError::UnknownSet`] for any other name.
    pub fn builtin(name: &str) -> Result<Self, RuleError> {
        match name {
            "v10" => Self::parse(
                include_str!("../../data/rules/v10.toml"),
                "data/rules/v10.toml",
            ),
            _ => Err(RuleError::UnknownSet {
                name: name.to_owned(),
            }),
        }
    }

    /// Checks and compiles the text of a rule file; `origin` names it in errors.
    ///
    /// # Errors
    /// The first thing that is wrong, with the file, the rule's number and the nearest name.
    pub fn parse(text: &str, origin: &str) -> Result<Self, RuleError> {
        parse::rule_set(text, origin)
    }

    /// The name that the rule file gives itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of the rule file's text, in lower-case hexadecimal digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The platform of a touch; never blank, in lower case, trimmed.
    ///
    /// ```
    /// use touchpath::platform::{PlatformInput, RuleSet};
    ///
    /// let rules = RuleSet::builtin("v10")?;
    /// let input = PlatformInput { utm_source: Some(" TG "), ..Default::default() };
    /// assert_eq!(rules.platform(&input), "telegram");
    /// assert_eq!(rules.channel("telegram"), "messaging");
    /// # Ok::<(), touchpath::platform::RuleError>(())
    /// ```
    pub fn platform<'a>(&'a self, input: &PlatformInput<'a>) -> Cow<'a, str> {
        let PlatformInput {
            matched_platform,
            utm_source,
            utm_medium,
            source_type,
        } = *input;
        let fields = [matched_platform, utm_source, utm_medium, source_type];
        let (rule, mut fields) = self.platform.first_hit(fields);
        match &rule.then {
            Platform::Text(text) => Cow::Borrowed(text),
            Platform::Field(field) => fields
                .get_mut(*field)
                .and_then(Option::take)
                .unwrap_or_default(),
        }
    }

    /// The sentence of the rule that gives a touch its platform, as the rule file has it.
    pub fn platform_rule(&self, input: &PlatformInput<'_>) -> &str {
        &self.platform.first_hit(input.fields()).0.text
    }

    /// The channel that a platform belongs to; platforms that no channel names share one.
    pub fn channel(&self, platform: &str) -> &str {
        let channel = normalised(platform).and_then(|platform| self.channels.get(&*platform));
        channel.unwrap_or(&self.otherwise_channel)
    }

    /// How a touch was attributed, and the confidence in percent.
    pub fn method(&self, input: &MethodInput<'_>) -> (&str, i32) {
        let (method, confidence) = &self.method.first_hit(input.fields()).0.then;
        (method, *confidence)
    }

    /// The sentence of the rule that gives a touch its method, as the rule file has it.
    pub fn method_rule(&self, input: &MethodInput<'_>) -> &str {
        &self.method.first_hit(input.fields()).0.text
    }
}

impl PartialEq for RuleSet {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Eq for RuleSet {}

impl hash::Hash for RuleSet {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

#[cfg(test)]
mod tests;
