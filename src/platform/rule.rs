//! A compiled list of rules and the search for the first that holds.
//!
//! In: the fields of one touch. Out: the rule that decides, and the fields as they were
//! compared.

use std::borrow::Cow;

use super::normal::{normalised, trimmed};

/// Rules over `N` fields, tried in order, and the one that holds when none does.
#[derive(Debug)]
pub(super) struct Rules<T, const N: usize> {
    pub(super) list: Vec<Rule<T>>,
    pub(super) otherwise: Rule<T>,
    /// Fields compared with a text; the others need no lower case, only to be set or not.
    pub(super) compared: [bool; N],
}

/// One rule with the sentence it implements.
#[derive(Debug)]
pub(super) struct Rule<T> {
    pub(super) text: String,
    /// Holds when all tests of one of these hold.
    pub(super) any: Vec<Vec<Condition>>,
    pub(super) then: T,
}

#[derive(Debug)]
pub(super) struct Condition {
    pub(super) field: usize,
    pub(super) test: Test,
}

/// What a field must be. No test holds for a null field.
#[derive(Debug)]
pub(super) enum Test {
    OneOf(Vec<String>),
    Contains(String),
    Not(String),
    Set,
}

/// The fields of a touch, normalised where a rule compares them.
pub(super) type Fields<'a, const N: usize> = [Option<Cow<'a, str>>; N];

impl<T, const N: usize> Rules<T, N> {
    pub(super) fn first_hit<'a>(&self, fields: [Option<&'a str>; N]) -> (&Rule<T>, Fields<'a, N>) {
        let mut compared = self.compared.iter();
        let fields = fields.map(|field| match (field, compared.next()) {
            (None, _) => None,
            (Some(text), Some(true)) => normalised(text),
            (Some(text), _) => trimmed(text).map(Cow::Borrowed),
        });
        let hit = self.list.iter().find(|rule| rule.holds(&fields));
        (hit.unwrap_or(&self.otherwise), fields)
    }
}

impl<T> Rule<T> {
    fn holds(&self, fields: &[Option<Cow<'_, str>>]) -> bool {
        self.any
            .iter()
            .any(|all| all.iter().all(|condition| condition.holds(fields)))
    }
}

impl Condition {
    fn holds(&self, fields: &[Option<Cow<'_, str>>]) -> bool {
        let Some(Some(field)) = fields.get(self.field) else {
            return false;
        };
        match &self.test {
            Test::OneOf(texts) => texts.iter().any(|text| text == field),
            Test::Contains(text) => field.contains(text.as_str()),
            Test::Not(text) => text != field,
            Test::Set => true,
        }
    }
}
