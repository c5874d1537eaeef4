//! Settings that queries read as `$name`.
//!
//! In: a parsed query and values. Out: the query with each `$name` replaced by its value
//! as a literal of the right type. It is done on the parsed query, not on its text, so no
//! value can change what the query means; and before planning, because table functions
//! must know their arguments then.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chrono::NaiveDate;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, Statement, Value, VisitMut, VisitorMut,
};

/// A setting's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// A day, or null.
    Day(Option<NaiveDate>),
    /// A count, or null.
    Count(Option<u32>),
    /// A text.
    Text(String),
}

impl Parameter {
    fn literal(&self) -> Expr {
        let text = |text: String| Expr::value(Value::SingleQuotedString(text));
        let null = || Expr::value(Value::Null);
        match self {
            Self::Day(day) => cast(
                day.map_or_else(null, |day| text(day.to_string())),
                DataType::Date,
            ),
            Self::Count(Some(count)) => Expr::value(Value::Number(count.to_string(), false)),
            Self::Count(None) => null(),
            Self::Text(value) => text(value.clone()),
        }
    }
}

fn cast(value: Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(value),
        data_type,
        array: false,
        format: None,
    }
}

/// The statement with every `$name` replaced.
///
/// # Errors
/// The name of a parameter that there is not.
pub fn bind(
    statement: &Statement,
    parameters: &BTreeMap<String, Parameter>,
) -> Result<Statement, String> {
    let mut bound = statement.clone();
    match bound.visit(&mut Binder { parameters }) {
        ControlFlow::Break(unknown) => Err(unknown),
        ControlFlow::Continue(()) => Ok(bound),
    }
}

struct Binder<'a> {
    parameters: &'a BTreeMap<String, Parameter>,
}

impl VisitorMut for Binder<'_> {
    type Break = String;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<String> {
        let Expr::Value(value) = expr else {
            return ControlFlow::Continue(());
        };
        let Value::Placeholder(name) = &value.value else {
            return ControlFlow::Continue(());
        };
        match self.parameters.get(name.trim_start_matches('$')) {
            Some(parameter) => {
                *expr = parameter.literal();
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(name.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn bound(sql: &str, name: &str, value: Parameter) -> Result<String, String> {
        let parsed = Parser::parse_sql(&GenericDialect {}, sql)
            .unwrap()
            .remove(0);
        let parameters = BTreeMap::from([(name.to_owned(), value)]);
        bind(&parsed, &parameters).map(|statement| statement.to_string())
    }

    #[test]
    fn a_value_becomes_a_literal_of_its_type() {
        let day = NaiveDate::from_ymd_opt(2025, 1, 2);
        let sql = "SELECT $since";
        let with_day = bound(sql, "since", Parameter::Day(day));
        assert_eq!(with_day.unwrap(), "SELECT CAST('2025-01-02' AS DATE)");
        let without = bound(sql, "since", Parameter::Day(None)).unwrap();
        assert_eq!(without, "SELECT CAST(NULL AS DATE)");
        let arguments = "SELECT * FROM pass('touches', $days)";
        let count = bound(arguments, "days", Parameter::Count(Some(90)));
        assert_eq!(count.unwrap(), "SELECT * FROM pass('touches', 90)");
    }

    #[test]
    fn a_text_cannot_become_sql() {
        let text = Parameter::Text("x'; drop table t; --".to_owned());
        assert_eq!(
            bound("SELECT $a", "a", text).unwrap(),
            "SELECT 'x''; drop table t; --'"
        );
    }

    #[test]
    fn an_unknown_parameter_is_named() {
        assert_eq!(
            bound("SELECT $b", "a", Parameter::Count(None)),
            Err("$b".to_owned())
        );
    }
}
