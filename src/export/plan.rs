//! What is read of each table: its columns, their types, the order of the rows, the parts.
//!
//! In: a relation and what the user wants of it. Out: one [`TablePlan`], or the first column
//! or type that stands in the way. No row is read here.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use sha2::{Digest, Sha256};

use super::ExportRequest;
use super::choice::Chosen;
use super::contacts::TableContacts;
use super::error::ExportError;
use super::increment::IncrementPlan;
use super::name::{TableName, quote};
use super::order;
use super::pages;
use super::publish;
use super::relation::{CatalogColumn, Lock, Relation, Source};
use super::session::Session;
use super::types::{self, Leaf, PostgresType, Wanted};
use crate::lake::exports::{self, ExportedColumn, IncrementRecord, Pages, PartContent};
use crate::schema::{self, Table};

/// What is wanted of a table; the default is all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these columns, in this order.
    pub columns: Option<Vec<String>>,
    /// Only the rows for which this SQL condition holds.
    pub condition: Option<String>,
}

/// What is copied of one table, and how.
#[derive(Debug, Clone)]
pub(super) struct TablePlan {
    /// The name as messages spell it.
    pub(super) table: String,
    /// Folder below the lake.
    pub(super) folder: String,
    /// SHA-256 of the condition or the query.
    pub(super) selection: Option<String>,
    pub(super) estimated_rows: Option<u64>,
    pub(super) estimated_bytes: Option<u64>,
    pub(super) columns: Vec<PlannedColumn>,
    /// The columns of the primary key.
    pub(super) key: Vec<String>,
    pub(super) ordered_by: Vec<String>,
    pub(super) absent: Vec<String>,
    pub(super) left_out: Vec<String>,
    /// The contact columns among them, and what becomes of each.
    pub(super) contacts: TableContacts,
    /// What is read one by one; `None` is the whole of what cannot be read by pages.
    pub(super) parts: Vec<Option<Pages>>,
    /// What keeps the table as it is while it is read.
    pub(super) lock: Option<Lock>,
    /// The positions of the key's columns, where rows can be put into order as they come.
    pub(super) watched: Option<Vec<usize>>,
    /// The table or query in SQL.
    from: String,
    condition: Option<String>,
    /// The ordering expressions in SQL.
    order: Vec<String>,
    /// Whether SQL that is not ours is run: its names are resolved as the role is used to.
    pub(super) has_own_sql: bool,
    /// What a later increment goes by.
    pub(super) record: Option<IncrementRecord>,
    /// Set when only changed rows are read.
    pub(super) increment: Option<IncrementPlan>,
}

/// One column of a plan.
#[derive(Debug, Clone)]
pub(super) struct PlannedColumn {
    pub(super) name: String,
    /// The type as Postgres spells it.
    pub(super) postgres: String,
    pub(super) kind: PostgresType,
    /// The expression that is selected.
    pub(super) select: String,
}

impl TablePlan {
    /// Chooses columns, types, order and parts.
    pub(super) async fn of(
        session: &Session,
        relation: &Relation,
        wanted: &Selection,
        request: &ExportRequest,
    ) -> Result<Self, ExportError> {
        let table = relation.name.to_string();
        let found = relation.columns(session).await?;
        let contract = contract(&relation.name);
        let names = found.iter().map(|column| column.name.as_str());
        let contacts = request.contacts.of_table(&table, contract, names)?;
        let key = relation.primary_key(session).await?;
        let chosen = Chosen::from_catalog(&table, &found, contract, &contacts)?
            .narrowed(&table, &found, wanted)?;
        let types: Vec<Wanted<'_>> = chosen.columns.iter().map(CatalogColumn::wanted).collect();
        let resolved = types::resolve(session, &table, &types, &request.conversions).await?;
        let columns: Vec<PlannedColumn> = chosen
            .columns
            .into_iter()
            .zip(resolved)
            .map(|(column, resolved)| PlannedColumn {
                name: column.name,
                postgres: column.postgres,
                kind: resolved.kind,
                select: resolved.select,
            })
            .collect();
        contacts_are_text(&table, &contacts, &columns)?;
        let order = order_columns(&key, &found, contract);
        let (from, query) = match &relation.source {
            Source::Relation { .. } => (relation.name.quoted(), None),
            // On lines of its own, because it may end in a comment.
            Source::Query(sql) => (format!("(\n{sql}\n) as query"), Some(sql)),
        };
        let own_sql = query.or(wanted.condition.as_ref());
        Ok(Self {
            folder: relation.name.folder(),
            selection: own_sql.map(|sql| format!("{:x}", Sha256::digest(sql))),
            estimated_rows: relation.estimated_rows,
            estimated_bytes: relation.estimated_bytes,
            watched: watched(&order, &columns),
            order: order
                .iter()
                .map(|column| ordering(column, &columns))
                .collect(),
            ordered_by: order.into_iter().map(|column| column.name).collect(),
            // A view may call functions that leave names to the role's search path.
            has_own_sql: own_sql.is_some() || !relation.is_table(),
            absent: chosen.absent,
            left_out: chosen.left_out,
            parts: pages::parts(session, relation).await?,
            lock: relation.lock(),
            condition: wanted.condition.clone(),
            contacts,
            table,
            columns,
            key,
            from,
            record: None,
            increment: None,
        })
    }

    /// The plan for reading nothing but the key, of these parts, in any order.
    pub(super) fn of_keys(&self, parts: Vec<Option<Pages>>) -> Self {
        let column = |name: &String| self.columns.iter().find(|column| column.name == *name);
        Self {
            columns: self.key.iter().filter_map(column).cloned().collect(),
            parts,
            watched: None,
            order: Vec::new(),
            ordered_by: Vec::new(),
            increment: None,
            ..self.clone()
        }
    }

    /// Where a part lies in the end.
    pub(super) fn part_path(&self, export: &str, number: usize) -> String {
        let folder = exports::part_folder(&self.folder, self.generation(), PartContent::Rows);
        publish::final_path(&folder, export, number)
    }

    /// What must be the same for rows that an earlier attempt has read to stand.
    pub(super) fn increment_identity(&self) -> Option<(IncrementRecord, u32)> {
        let record = self.record.clone().filter(|_| self.increment.is_some())?;
        Some((record, self.generation()))
    }

    /// The generation of the parts that are read.
    pub(super) fn generation(&self) -> u32 {
        let increment = self.increment.as_ref();
        increment.map_or(0, |increment| increment.generation)
    }

    /// The file's schema.
    pub(super) fn arrow(&self) -> SchemaRef {
        let fields = self.columns.iter();
        let fields = fields.map(|column| column.kind.field(&column.name));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The columns as a manifest lists them.
    pub(super) fn exported_columns(&self) -> Vec<ExportedColumn> {
        let columns = self.columns.iter().map(|column| ExportedColumn {
            name: column.name.clone(),
            postgres: column.postgres.clone(),
            arrow: column.kind.arrow().to_string(),
        });
        columns.collect()
    }

    /// Whether keys may stand in manifests and messages: a phone number may be one.
    pub(super) fn may_show_keys(&self) -> bool {
        !self.ordered_by.iter().any(|name| self.contacts.holds(name))
    }

    /// Whether the rows have an order that the server must make or we watch.
    pub(super) fn is_ordered(&self) -> bool {
        !self.order.is_empty()
    }

    /// The statement whose output is decoded.
    ///
    /// COPY, not SELECT: one form for tables and views, and a wire format of plain fields; with
    /// this driver the two are equally fast. It fixes the column order, hence the explicit list.
    pub(super) fn copy(&self, part: Option<&Pages>, sorted: bool) -> Result<String, ExportError> {
        let columns: Vec<&str> = self
            .columns
            .iter()
            .map(|column| column.select.as_str())
            .collect();
        let mut select = format!("select {} from ", columns.join(", "));
        self.push_rows(&mut select, part)?;
        if sorted {
            self.push_order(&mut select);
        }
        Ok(format!("copy ({select}) to stdout (format binary)"))
    }

    /// The statement that tells the key of a part's row, counted from 1 as it was read; none
    /// where the rows have no key, or one that may say something of a person.
    pub(super) fn locate(
        &self,
        part: Option<&Pages>,
        sorted: bool,
        row: u64,
    ) -> Result<Option<String>, ExportError> {
        let is_impersonal = |name: &String| {
            let column = self.columns.iter().find(|column| column.name == *name);
            column.is_some_and(|column| order::is_impersonal(&column.kind.arrow()))
        };
        let shows_keys = self.may_show_keys() && self.ordered_by.iter().all(is_impersonal);
        if self.ordered_by.is_empty() || !shows_keys {
            return Ok(None);
        }
        let shown = self
            .ordered_by
            .iter()
            .map(|name| format!("{}::text", quote(name)));
        let mut select = format!(
            "select array_to_string(array[{}], ', ', 'null') from ",
            shown.collect::<Vec<_>>().join(", ")
        );
        self.push_rows(&mut select, part)?;
        if sorted {
            self.push_order(&mut select);
        }
        Ok(Some(format!(
            "{select} offset {} limit 1",
            row.saturating_sub(1)
        )))
    }

    fn push_order(&self, select: &mut String) {
        if self.is_ordered() {
            select.push_str(" order by ");
            select.push_str(&self.order.join(", "));
        }
    }

    /// The statement that counts a part's rows, and those that were written since `xmin`.
    pub(super) fn count(&self, part: Option<&Pages>, since: u32) -> Result<String, ExportError> {
        let mut select = format!(
            "select count(*), count(*) filter (where age(xmin) <= age('{since}'::xid)) from "
        );
        self.push_rows(&mut select, part)?;
        Ok(select)
    }

    /// The statement that counts a whole table's rows.
    pub(super) fn count_whole(&self) -> Result<String, ExportError> {
        let mut select = "select count(*) from ".to_owned();
        self.push_rows(&mut select, None)?;
        Ok(select)
    }

    /// The statement that selects one figure of the rows for which a condition holds.
    pub(super) fn select(&self, figure: &str, condition: &str) -> Result<String, ExportError> {
        let mut select = format!("select {figure} from ");
        self.push_rows(&mut select, None)?;
        let own = if self.condition.is_some() {
            "and"
        } else {
            "where"
        };
        Ok(format!("{select} {own} {condition}"))
    }

    /// The statement that tells whether a key is null or stands on several rows.
    pub(super) fn has_repeated(&self, key: &[String]) -> Result<String, ExportError> {
        let key: Vec<String> = key.iter().map(|column| quote(column)).collect();
        let is_null: Vec<String> = key
            .iter()
            .map(|column| format!("{column} is null"))
            .collect();
        let mut select = "select exists (select from ".to_owned();
        self.push_rows(&mut select, None)?;
        let group = key.join(", ");
        let is_null = is_null.join(" or ");
        Ok(format!(
            "{select} group by {group} having count(*) > 1 or bool_or({is_null}))"
        ))
    }

    /// Appends the table and the conditions on its rows.
    fn push_rows(&self, select: &mut String, part: Option<&Pages>) -> Result<(), ExportError> {
        match part {
            Some(pages) => {
                select.push_str("only ");
                select.push_str(&TableName::parse(&pages.relation)?.quoted());
            }
            None => select.push_str(&self.from),
        }
        let own = self.condition.as_ref().map(|own| format!("(\n{own}\n)"));
        let changed = self.increment.as_ref();
        let changed = changed.and_then(|increment| increment.condition.clone());
        let conditions: Vec<String> = part
            .and_then(pages::condition)
            .into_iter()
            .chain(own)
            .chain(changed)
            .collect();
        if !conditions.is_empty() {
            select.push_str(" where ");
            select.push_str(&conditions.join(" and "));
        }
        Ok(())
    }
}

/// Whether every column that is to be hashed is text.
fn contacts_are_text(
    table: &str,
    contacts: &TableContacts,
    columns: &[PlannedColumn],
) -> Result<(), ExportError> {
    let other = columns.iter().find(|column| {
        contacts.hashes(&column.name) && column.kind != PostgresType::Leaf(Leaf::Text)
    });
    match other {
        Some(column) => Err(ExportError::ContactType {
            table: table.to_owned(),
            column: column.name.clone(),
            postgres: column.postgres.clone(),
        }),
        None => Ok(()),
    }
}

/// The columns of the primary key, else those of the contract's key, else none.
fn order_columns(
    primary_key: &[String],
    found: &[CatalogColumn],
    contract: Option<&Table>,
) -> Vec<CatalogColumn> {
    let named = |name: &str| found.iter().find(|column| column.name == name).cloned();
    if primary_key.is_empty() {
        let key = contract.map_or(&[][..], |contract| contract.key);
        key.iter().filter_map(|name| named(name)).collect()
    } else {
        primary_key.iter().filter_map(|name| named(name)).collect()
    }
}

/// The positions of the key's columns among those exported; none when one is not exported.
fn watched(order: &[CatalogColumn], columns: &[PlannedColumn]) -> Option<Vec<usize>> {
    let position = |key: &CatalogColumn| {
        columns.iter().position(|column| {
            column.name == key.name && matches!(column.kind, PostgresType::Leaf(_))
        })
    };
    order.iter().map(position).collect()
}

/// What orders by a column as readers of the file compare it: text by its bytes. A
/// database's own collation differs between servers, and an enum's order is not its text's.
fn ordering(key: &CatalogColumn, columns: &[PlannedColumn]) -> String {
    let exported = columns.iter().find(|column| column.name == key.name);
    let is_text = exported.is_some_and(|column| column.kind.arrow() == DataType::Utf8);
    if is_text {
        format!("{}::text collate \"C\"", quote(&key.name))
    } else {
        quote(&key.name)
    }
}

/// The contract's table of this name.
pub(super) fn contract(name: &TableName) -> Option<&'static Table> {
    schema::TABLES
        .iter()
        .find(|table| table.schema == name.schema && table.name == name.table)
}

#[cfg(test)]
mod tests {
    use super::super::contacts::Contacts;
    use super::*;

    fn column(name: &str, type_oid: u32) -> CatalogColumn {
        CatalogColumn {
            name: name.to_owned(),
            type_oid,
            modifier: -1,
            postgres: String::new(),
            dimensions: 0,
        }
    }

    /// A table in which nothing is a contact.
    fn no_contacts() -> TableContacts {
        let columns = std::iter::empty();
        let contacts = Contacts::default();
        contacts.of_table("t", None, columns).unwrap()
    }

    fn plan(condition: Option<&str>) -> TablePlan {
        let columns = ["a\"; drop", "action"].map(|name| PlannedColumn {
            name: name.to_owned(),
            postgres: String::new(),
            kind: PostgresType::Leaf(if name == "action" {
                Leaf::Text
            } else {
                Leaf::BigInt
            }),
            select: quote(name),
        });
        let order = [column("action", 25), column("Day", 1082)];
        TablePlan {
            table: "s.t".to_owned(),
            folder: "s/t".to_owned(),
            selection: None,
            estimated_rows: None,
            estimated_bytes: None,
            watched: watched(&order, &columns),
            order: order
                .iter()
                .map(|column| ordering(column, &columns))
                .collect(),
            ordered_by: Vec::new(),
            key: Vec::new(),
            columns: columns.into(),
            absent: Vec::new(),
            left_out: Vec::new(),
            contacts: no_contacts(),
            parts: vec![None],
            lock: None,
            from: "\"s\".\"t\"".to_owned(),
            condition: condition.map(str::to_owned),
            has_own_sql: false,
            record: None,
            increment: None,
        }
    }

    #[test]
    fn identifiers_are_quoted_and_text_is_ordered_by_bytes() {
        assert_eq!(
            plan(None).copy(None, true).unwrap(),
            "copy (select \"a\"\"; drop\", \"action\" from \"s\".\"t\" \
             order by \"action\"::text collate \"C\", \"Day\") to stdout (format binary)"
        );
        // `Day` is not exported, so rows cannot be put into its order here.
        assert_eq!(plan(None).watched, None);
    }

    #[test]
    fn a_part_is_read_from_its_own_relation_under_the_users_condition() {
        let part = Pages {
            relation: "s.\"t 1\"".to_owned(),
            file_node: 7,
            first: 8,
            end: None,
        };
        assert_eq!(
            plan(Some("x = 1 -- one")).copy(Some(&part), false).unwrap(),
            "copy (select \"a\"\"; drop\", \"action\" from only \"s\".\"t 1\" \
             where ctid >= '(8,0)' and (\nx = 1 -- one\n)) to stdout (format binary)"
        );
        assert_eq!(
            plan(None).count(Some(&part), 731).unwrap(),
            "select count(*), count(*) filter (where age(xmin) <= age('731'::xid)) \
             from only \"s\".\"t 1\" where ctid >= '(8,0)'"
        );
    }
}
