//! Whether a table still has the form in which the lake holds it.
//!
//! In: the columns of the lake's newest export and those of now, and what became and becomes of
//! contacts. Out: which columns have come
//! since, or the first change under which rows of before and of now cannot be one table.
//!
//! An added column is null in the rows before, a widened type holds all that the narrower one
//! held; both are read as one table with what comes now.

use arrow::datatypes::DataType;

use super::increment::IncrementError;
use crate::lake::exports::{ExportedColumn, ExportedContact, ExportedTable};

/// Compares the columns of the lake's table with those that would be read now; returns the
/// names of the added ones.
pub(super) fn check(
    before: &ExportedTable,
    now: &[ExportedColumn],
    contacts: &[ExportedContact],
) -> Result<Vec<String>, IncrementError> {
    // Hashes of two keys, or a hash and what it is of, would be two people.
    for contact in &before.contacts {
        if !contacts.contains(contact) {
            return Err(IncrementError::ContactsChanged {
                table: before.table.clone(),
                column: contact.column.clone(),
            });
        }
    }
    for column in &before.columns {
        match now.iter().find(|found| found.name == column.name) {
            Some(found) if holds_all_of(found, column) => {}
            Some(found) => {
                return Err(IncrementError::TypeChanged {
                    table: before.table.clone(),
                    column: column.name.clone(),
                    before: column.postgres.clone(),
                    now: found.postgres.clone(),
                });
            }
            None => {
                return Err(IncrementError::ColumnGone {
                    table: before.table.clone(),
                    column: column.name.clone(),
                    before: column.postgres.clone(),
                });
            }
        }
    }
    let is_new =
        |column: &&ExportedColumn| !before.columns.iter().any(|found| found.name == column.name);
    let added: Vec<&ExportedColumn> = now.iter().filter(is_new).collect();
    if let Some(column) = added
        .iter()
        .find(|column| before.left_out.contains(&column.name))
    {
        return Err(IncrementError::LeftOutBefore {
            table: before.table.clone(),
            column: column.name.clone(),
        });
    }
    Ok(added.iter().map(|column| column.name.clone()).collect())
}

/// Whether every value of the column as it was is one of the column as it is, in the same form.
fn holds_all_of(now: &ExportedColumn, before: &ExportedColumn) -> bool {
    if now.arrow != before.arrow {
        let types = (before.arrow.parse(), now.arrow.parse());
        return matches!(types, (Ok(before), Ok(now)) if is_widened(&before, &now));
    }
    now.postgres == before.postgres || is_longer(&before.postgres, &now.postgres)
}

/// Whether a type of the lake takes in another one.
fn is_widened(before: &DataType, now: &DataType) -> bool {
    use DataType::{Float32, Float64, Int16, Int32, Int64};
    match (before, now) {
        (Int16, Int32 | Int64) | (Int32, Int64) | (Float32, Float64) => true,
        (before, now) => match (decimal(before), decimal(now)) {
            (Some((precision, scale)), Some((wider, finer))) => {
                finer >= scale && wider - finer >= precision - scale
            }
            _ => false,
        },
    }
}

/// Digits and decimal places.
fn decimal(kind: &DataType) -> Option<(i16, i16)> {
    match kind {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            Some((i16::from(*precision), i16::from(*scale)))
        }
        _ => None,
    }
}

/// Whether a type that the lake holds in the same form allows for more: a longer text, a finer
/// time. The text of a `char(n)` loses its padding when it becomes another type, so that is no
/// such case.
fn is_longer(before: &str, now: &str) -> bool {
    let (before, now) = (Limited::parse(before), Limited::parse(now));
    let is_text = |name: &str| matches!(name, "text" | "character varying");
    let has_same_name = before.name == now.name || (is_text(&before.name) && is_text(&now.name));
    let can_grow = is_text(&before.name) || before.name.starts_with("time");
    let is_wider = match (before.limit, now.limit) {
        (_, None) => true,
        (Some(before), Some(now)) => now >= before,
        (None, Some(_)) => false,
    };
    has_same_name && can_grow && is_wider
}

/// A type as Postgres spells it: `timestamp(3) with time zone`.
struct Limited {
    /// Without the limit.
    name: String,
    limit: Option<u32>,
}

impl Limited {
    fn parse(text: &str) -> Self {
        let whole = || Self {
            name: text.to_owned(),
            limit: None,
        };
        let Some((name, rest)) = text.split_once('(') else {
            return whole();
        };
        let Some((limit, rest)) = rest.split_once(')') else {
            return whole();
        };
        match limit.parse() {
            Ok(limit) => Self {
                name: format!("{name}{rest}"),
                limit: Some(limit),
            },
            Err(_) => whole(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, postgres: &str, arrow: &str) -> ExportedColumn {
        ExportedColumn {
            name: name.to_owned(),
            postgres: postgres.to_owned(),
            arrow: arrow.to_owned(),
        }
    }

    fn table(columns: Vec<ExportedColumn>, left_out: &[&str]) -> ExportedTable {
        ExportedTable {
            table: "raw.t".to_owned(),
            folder: "raw/t".to_owned(),
            selection: None,
            rows: 0,
            bytes: 0,
            key: Vec::new(),
            ordered_by: Vec::new(),
            columns,
            absent: Vec::new(),
            left_out: left_out.iter().map(|name| (*name).to_owned()).collect(),
            contacts: Vec::new(),
            parts: Vec::new(),
            removed: Vec::new(),
            stood: 0,
            increment: None,
        }
    }

    fn types(before: (&str, &str), now: (&str, &str)) -> bool {
        let before = table(vec![column("x", before.0, before.1)], &[]);
        check(&before, &[column("x", now.0, now.1)], &[]).is_ok()
    }

    #[test]
    fn widened_types_pass() {
        let zoned = "Timestamp(µs, \"UTC\")";
        for (before, now) in [
            (("smallint", "Int16"), ("integer", "Int32")),
            (("smallint", "Int16"), ("bigint", "Int64")),
            (("integer", "Int32"), ("bigint", "Int64")),
            (("real", "Float32"), ("double precision", "Float64")),
            (
                ("numeric(5,2)", "Decimal128(5, 2)"),
                ("numeric(6,3)", "Decimal128(6, 3)"),
            ),
            (
                ("numeric(38,2)", "Decimal128(38, 2)"),
                ("numeric(40,2)", "Decimal256(40, 2)"),
            ),
            (("character varying(10)", "Utf8"), ("text", "Utf8")),
            (
                ("character varying(10)", "Utf8"),
                ("character varying(20)", "Utf8"),
            ),
            (
                ("character varying(10)", "Utf8"),
                ("character varying", "Utf8"),
            ),
            (("text", "Utf8"), ("character varying", "Utf8")),
            (
                ("timestamp(3) with time zone", zoned),
                ("timestamp with time zone", zoned),
            ),
        ] {
            assert!(types(before, now), "{before:?} to {now:?}");
            assert!(types(now, now), "{now:?}");
        }
    }

    #[test]
    fn narrowed_and_other_types_stop() {
        for (before, now) in [
            (("integer", "Int32"), ("smallint", "Int16")),
            (("double precision", "Float64"), ("real", "Float32")),
            // Three digits before the point became two, though there are more in all.
            (
                ("numeric(5,2)", "Decimal128(5, 2)"),
                ("numeric(6,4)", "Decimal128(6, 4)"),
            ),
            (
                ("numeric(5,2)", "Decimal128(5, 2)"),
                ("numeric(5,1)", "Decimal128(5, 1)"),
            ),
            (("text", "Utf8"), ("character varying(20)", "Utf8")),
            (
                ("character varying(20)", "Utf8"),
                ("character varying(10)", "Utf8"),
            ),
            (("character(4)", "Utf8"), ("text", "Utf8")),
            (("inet", "Utf8"), ("text", "Utf8")),
            (("integer", "Int32"), ("text", "Utf8")),
            (
                ("date", "Date32"),
                ("timestamp without time zone", "Timestamp(µs)"),
            ),
            (("integer", "Int32"), ("numeric(20,0)", "Decimal128(20, 0)")),
            (
                ("timestamp without time zone", "Timestamp(µs)"),
                ("timestamp with time zone", "Timestamp(µs, \"UTC\")"),
            ),
        ] {
            assert!(!types(before, now), "{before:?} to {now:?}");
        }
    }

    #[test]
    fn an_added_column_is_named_and_a_gone_one_stops() {
        let before = table(vec![column("id", "bigint", "Int64")], &["secret"]);
        let id = || column("id", "bigint", "Int64");
        let name = || column("name", "text", "Utf8");
        assert_eq!(check(&before, &[name(), id()], &[]).unwrap(), ["name"]);
        assert!(matches!(
            check(&before, &[name()], &[]),
            Err(IncrementError::ColumnGone { column, .. }) if column == "id"
        ));
        // Rows before have values of a column that was only left out.
        assert!(matches!(
            check(&before, &[id(), column("secret", "text", "Utf8")], &[]),
            Err(IncrementError::LeftOutBefore { column, .. }) if column == "secret"
        ));
    }

    #[test]
    fn contacts_under_another_policy_or_key_stop() {
        let contact = |policy: &str, key: Option<&str>| ExportedContact {
            kind: "phone".to_owned(),
            column: "phone".to_owned(),
            policy: policy.to_owned(),
            key: key.map(str::to_owned),
        };
        let columns = [column("phone", "text", "Utf8")];
        let mut before = table(columns.to_vec(), &[]);
        before.contacts = vec![contact("hmac", Some("1a2b"))];
        let same = [contact("hmac", Some("1a2b"))];
        assert!(check(&before, &columns, &same).unwrap().is_empty());
        for now in [contact("hmac", Some("3c4d")), contact("keep", None)] {
            assert!(matches!(
                check(&before, &columns, &[now]),
                Err(IncrementError::ContactsChanged { column, .. }) if column == "phone"
            ));
        }
    }
}
