//! Reads and checks the text of a rule set.
//!
//! In: TOML, in the language that `data/rules/v10.toml` explains at its top. Out: a
//! [`RuleSet`], or the first thing that is wrong, with its place. What passes here always
//! gives a result: every section ends in a rule that always holds, and no result is null.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::error::{Problem, RuleError};
use super::normal::normalised;
use super::rule::{Condition, Rule, Rules, Test};
use super::{METHOD_FIELDS, PLATFORM_FIELDS, Platform, RuleSet};

const TESTS: [&str; 3] = ["contains", "not", "set"];

pub(super) fn rule_set(text: &str, origin: &str) -> Result<RuleSet, RuleError> {
    let file: Table = text.parse().map_err(|source| RuleError::Syntax {
        origin: origin.to_owned(),
        source,
    })?;
    let at_file = |problem| RuleError::File {
        origin: origin.to_owned(),
        problem,
    };
    known_keys(&file, &["name", "platform", "channel", "method"]).map_err(at_file)?;
    let name = required_text(&file, "name").map_err(at_file)?.to_owned();
    let (channels, otherwise_channel) = channels(&file).map_err(at_file)?;
    let platform_keys = ["rule", "when", "then"];
    let method_keys = ["rule", "when", "then", "confidence"];
    let mut platform = Section {
        origin,
        file: &file,
        name: "platform",
        keys: &platform_keys,
    }
    .rules(PLATFORM_FIELDS, platform_result)?;
    // A field may be the result, and that is the normalised text even if no rule compares it.
    platform.compared = [true; PLATFORM_FIELDS.len()];
    Ok(RuleSet {
        name,
        platform,
        hash: format!("{:x}", Sha256::digest(text.as_bytes())),
        channels,
        otherwise_channel,
        method: Section {
            origin,
            file: &file,
            name: "method",
            keys: &method_keys,
        }
        .rules(METHOD_FIELDS, |table, _| {
            let then = required_text(table, "then")?.to_owned();
            Ok((then, confidence(table)?))
        })?,
    })
}

/// One list of rules in the file.
struct Section<'a> {
    origin: &'a str,
    file: &'a Table,
    name: &'static str,
    keys: &'a [&'static str],
}

impl Section<'_> {
    fn rules<T, const N: usize>(
        &self,
        fields: [&'static str; N],
        result: impl Fn(&Table, &[Vec<Condition>]) -> Result<T, Problem>,
    ) -> Result<Rules<T, N>, RuleError> {
        let at_file = |problem| RuleError::File {
            origin: self.origin.to_owned(),
            problem,
        };
        let list = required(self.file, self.name).map_err(at_file)?;
        let kind = || Problem::Kind {
            key: self.name.to_owned(),
            expected: "a list of rules",
        };
        let list = list.as_array().ok_or_else(|| at_file(kind()))?;
        let mut rules = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let at_rule = |problem| self.at(index, problem);
            let table = value.as_table().ok_or_else(|| at_file(kind()))?;
            known_keys(table, self.keys).map_err(at_rule)?;
            let any = table
                .get("when")
                .map_or(Ok(Vec::new()), |when| conditions(when, &fields));
            let any = any.map_err(at_rule)?;
            match (any.is_empty(), index + 1 == list.len()) {
                (true, false) => return Err(at_rule(Problem::HidesTheRest)),
                (false, true) => return Err(at_rule(Problem::LastHasWhen)),
                _ => {}
            }
            let then = result(table, &any).map_err(at_rule)?;
            let text = required_text(table, "rule").map_err(at_rule)?.to_owned();
            rules.push(Rule { text, any, then });
        }
        let otherwise = rules
            .pop()
            .ok_or_else(|| at_file(Problem::Missing { key: self.name }))?;
        let compared = std::array::from_fn(|field| {
            rules
                .iter()
                .flat_map(|rule| &rule.any)
                .flatten()
                .any(|condition| condition.field == field && !matches!(condition.test, Test::Set))
        });
        Ok(Rules {
            list: rules,
            otherwise,
            compared,
        })
    }

    fn at(&self, index: usize, problem: Problem) -> RuleError {
        RuleError::Rule {
            origin: self.origin.to_owned(),
            section: self.name,
            number: index + 1,
            problem,
        }
    }
}

/// One table, or a list of tables of which one must hold.
fn conditions(when: &Value, fields: &[&'static str]) -> Result<Vec<Vec<Condition>>, Problem> {
    let tables = when
        .as_array()
        .map_or_else(|| std::slice::from_ref(when), Vec::as_slice);
    let kind = || Problem::Kind {
        key: "when".to_owned(),
        expected: "a table of fields and their tests, or a list of such tables, and not empty",
    };
    if tables.is_empty() {
        return Err(kind());
    }
    tables
        .iter()
        .map(|table| {
            let table = table
                .as_table()
                .filter(|table| !table.is_empty())
                .ok_or_else(kind)?;
            known(table.keys(), "field", fields)?;
            let present = fields.iter().enumerate();
            present
                .filter_map(|(field, name)| table.get(*name).map(|value| (field, *name, value)))
                .map(|(field, name, value)| {
                    Ok(Condition {
                        field,
                        test: test(name, value)?,
                    })
                })
                .collect()
        })
        .collect()
}

fn test(field: &str, value: &Value) -> Result<Test, Problem> {
    let kind = || Problem::Kind {
        key: field.to_owned(),
        expected: "a text, a list of texts, or one of { contains = \"…\" }, { not = \"…\" }, \
                   { set = true }",
    };
    match value {
        Value::String(text) => Ok(Test::OneOf(vec![comparable(text)?])),
        Value::Array(texts) if !texts.is_empty() => {
            let texts = texts
                .iter()
                .map(|text| comparable(text.as_str().ok_or_else(kind)?));
            texts.collect::<Result<_, Problem>>().map(Test::OneOf)
        }
        Value::Table(table) if !table.is_empty() => {
            known(table.keys(), "test", &TESTS)?;
            let mut tests = table.iter();
            match (tests.next(), tests.next()) {
                (Some((name, Value::String(text))), None) if name == "contains" => {
                    Ok(Test::Contains(comparable(text)?))
                }
                (Some((name, Value::String(text))), None) if name == "not" => {
                    Ok(Test::Not(comparable(text)?))
                }
                (Some((name, Value::Boolean(true))), None) if name == "set" => Ok(Test::Set),
                _ => Err(kind()),
            }
        }
        _ => Err(kind()),
    }
}

/// A text that a normalised field can equal.
fn comparable(text: &str) -> Result<String, Problem> {
    match normalised(text) {
        Some(normal) if normal == text => Ok(text.to_owned()),
        _ => Err(Problem::NeverMatches {
            text: text.to_owned(),
        }),
    }
}

/// `then = "text"` or `then = { field = "…" }`; the field must be set whenever the rule holds.
fn platform_result(table: &Table, any: &[Vec<Condition>]) -> Result<Platform, Problem> {
    let then = required(table, "then")?;
    if let Some(text) = then.as_str() {
        return comparable(text).map(Platform::Text);
    }
    let kind = || Problem::Kind {
        key: "then".to_owned(),
        expected: "a text or { field = \"…\" }",
    };
    let then = then.as_table().ok_or_else(kind)?;
    known_keys(then, &["field"])?;
    let name = required_text(then, "field")?;
    known([name], "field", &PLATFORM_FIELDS)?;
    let field = PLATFORM_FIELDS
        .iter()
        .position(|known| *known == name)
        .ok_or_else(kind)?;
    let is_set = |all: &Vec<Condition>| all.iter().any(|condition| condition.field == field);
    if any.is_empty() || !any.iter().all(is_set) {
        return Err(Problem::MayBeNull {
            field: PLATFORM_FIELDS[field],
        });
    }
    Ok(Platform::Field(field))
}

fn confidence(table: &Table) -> Result<i32, Problem> {
    let value = required(table, "confidence")?.as_integer();
    let percent = value.and_then(|value| i32::try_from(value).ok());
    percent
        .filter(|percent| (0..=100).contains(percent))
        .ok_or_else(|| Problem::Kind {
            key: "confidence".to_owned(),
            expected: "a whole number from 0 to 100",
        })
}

/// The channel of each platform, and the channel of all others.
fn channels(file: &Table) -> Result<(BTreeMap<String, String>, String), Problem> {
    let kind = |key: &str, expected| Problem::Kind {
        key: key.to_owned(),
        expected,
    };
    let section = required(file, "channel")?;
    let section = section
        .as_table()
        .ok_or_else(|| kind("channel", "a table"))?;
    known_keys(section, &["otherwise", "platforms"])?;
    let otherwise = required_text(section, "otherwise")?.to_owned();
    let lists = required(section, "platforms")?;
    let lists = lists
        .as_table()
        .ok_or_else(|| kind("platforms", "a table of lists"))?;
    let mut channels: BTreeMap<String, String> = BTreeMap::new();
    for (channel, platforms) in lists {
        let expected = || kind(channel, "a list of platforms");
        for platform in platforms.as_array().ok_or_else(expected)? {
            let platform = comparable(platform.as_str().ok_or_else(expected)?)?;
            if let Some(first) = channels.insert(platform.clone(), channel.clone()) {
                return Err(Problem::TwoChannels {
                    platform,
                    first,
                    second: channel.clone(),
                });
            }
        }
    }
    Ok((channels, otherwise))
}

fn required<'a>(table: &'a Table, key: &'static str) -> Result<&'a Value, Problem> {
    table.get(key).ok_or(Problem::Missing { key })
}

fn required_text<'a>(table: &'a Table, key: &'static str) -> Result<&'a str, Problem> {
    let text = required(table, key)?
        .as_str()
        .filter(|text| !text.trim().is_empty());
    text.ok_or_else(|| Problem::Kind {
        key: key.to_owned(),
        expected: "a text, and not blank",
    })
}

fn known_keys(table: &Table, keys: &[&'static str]) -> Result<(), Problem> {
    known(table.keys(), "key", keys)
}

fn known<S: AsRef<str>>(
    names: impl IntoIterator<Item = S>,
    kind: &'static str,
    known: &[&'static str],
) -> Result<(), Problem> {
    let mut names = names.into_iter();
    match names.find(|name| !known.contains(&name.as_ref())) {
        None => Ok(()),
        Some(name) => Err(Problem::Unknown {
            kind,
            name: name.as_ref().to_owned(),
            known: known.to_vec(),
        }),
    }
}
