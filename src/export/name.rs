//! A table's name: two parts of any spelling.
//!
//! In: `schema.table` as a user writes it, parts in double quotes where they are not plain.
//! Out: the parts, the folder in the lake, and the name as SQL and messages spell it.

use std::fmt;

use datafusion::common::TableReference;

use super::error::ExportError;
use crate::lake::names;

/// A schema and a table in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TableName {
    pub(super) schema: String,
    pub(super) table: String,
}

impl TableName {
    /// Reads `schema.table`; letters keep their case with and without quotes.
    pub(super) fn parse(text: &str) -> Result<Self, ExportError> {
        let refuse = |reason| ExportError::TableName {
            table: text.to_owned(),
            reason,
        };
        let TableReference::Partial { schema, table } =
            TableReference::parse_str_normalized(text, true)
        else {
            return Err(refuse(
                "write it as `schema.table`, a part with other signs in double quotes",
            ));
        };
        if schema.is_empty() || table.is_empty() {
            return Err(refuse("a part of it is empty"));
        }
        Ok(Self {
            schema: schema.to_string(),
            table: table.to_string(),
        })
    }

    /// The table's folder below the lake.
    pub(super) fn folder(&self) -> String {
        names::folder(&self.schema, &self.table)
    }

    /// The name in SQL.
    pub(super) fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.table))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |name: &str| {
            let is_plain = name
                .chars()
                .all(|letter| letter.is_alphanumeric() || "_$".contains(letter));
            if is_plain {
                name.to_owned()
            } else {
                quote(name)
            }
        };
        write!(f, "{}.{}", part(&self.schema), part(&self.table))
    }
}

/// A name as an SQL identifier.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_two_parts_of_any_spelling() {
        for (text, schema, table, shown) in [
            ("stg.crm_events", "stg", "crm_events", "stg.crm_events"),
            ("Stg.CRM", "Stg", "CRM", "Stg.CRM"),
            ("\"my raw\".\"a.b\"", "my raw", "a.b", "\"my raw\".\"a.b\""),
            ("raw.\"q\"\"t\"", "raw", "q\"t", "raw.\"q\"\"t\""),
            ("raw.Угоди", "raw", "Угоди", "raw.Угоди"),
        ] {
            let name = TableName::parse(text).unwrap();
            assert_eq!((name.schema.as_str(), name.table.as_str()), (schema, table));
            assert_eq!(name.to_string(), shown);
            assert_eq!(TableName::parse(&name.to_string()).unwrap(), name);
        }
    }

    #[test]
    fn other_numbers_of_parts_are_refused() {
        for text in ["crm_events", "a.b.c", "stg.", ".x", "", "\"\".x"] {
            assert!(TableName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_name_leaves_the_lake() {
        let name = TableName::parse("\"..\".\"../x\"").unwrap();
        assert_eq!(name.folder(), "!2E!2E/!2E!2E!2Fx");
        assert_eq!(name.quoted(), "\"..\".\"../x\"");
    }
}
