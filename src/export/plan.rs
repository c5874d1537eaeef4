//! What is read of each table: its columns, their types, the order of the rows.
//!
//! In: tables' names and the database's catalog. Out: one [`TablePlan`] per table, or the
//! first table, column or type that stands in the way. No row is read here.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use tokio_postgres::types::Type;
use tokio_postgres::{Error, Row};

use super::contacts::{Contacts, TableContacts};
use super::error::ExportError;
use super::session::Session;
use super::types::{self, PostgresType};
use crate::error::nearest;
use crate::schema::{self, Table};

/// Tables, partitioned tables, views, materialised views, foreign tables.
const RELATIONS: &str = "\
    select n.nspname || '.' || c.relname \
    from pg_class c join pg_namespace n on n.oid = c.relnamespace \
    where c.relkind in ('r', 'p', 'v', 'm', 'f') \
      and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'";

const RELATION: &str = "\
    select c.oid, c.reltuples::bigint, c.relkind in ('r', 'p') \
    from pg_class c join pg_namespace n on n.oid = c.relnamespace \
    where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')";

const COLUMNS: &str = "\
    select a.attname, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod) \
    from pg_attribute a \
    where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped \
    order by a.attnum";

const PRIMARY_KEY: &str = "\
    select a.attname \
    from pg_index i \
    cross join lateral unnest(i.indkey) with ordinality as k (attnum, position) \
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum \
    where i.indrelid = $1 and i.indisprimary and k.position <= i.indnkeyatts \
    order by k.position";

/// A table as the catalog has it.
pub(super) struct Relation {
    schema: String,
    name: String,
    oid: u32,
    /// The server's estimate of the rows, when it has one.
    pub(super) estimated_rows: Option<u64>,
    /// Views and foreign tables cannot be locked, or lock what is not ours to lock.
    is_lockable: bool,
}

/// What is copied of one table, and how.
pub(super) struct TablePlan {
    /// `schema.name`.
    pub(super) table: String,
    /// Folder below the lake.
    pub(super) folder: String,
    pub(super) estimated_rows: Option<u64>,
    pub(super) columns: Vec<PlannedColumn>,
    pub(super) ordered_by: Vec<String>,
    pub(super) absent: Vec<String>,
    pub(super) left_out: Vec<String>,
    /// What becomes of phone numbers and addresses.
    pub(super) contacts: TableContacts,
    /// The statement whose output is decoded.
    pub(super) copy: String,
}

/// One column of a plan.
pub(super) struct PlannedColumn {
    pub(super) name: String,
    /// The type as Postgres spells it.
    pub(super) postgres: String,
    pub(super) kind: PostgresType,
}

/// One column of the catalog.
#[derive(Clone)]
struct CatalogColumn {
    name: String,
    type_oid: u32,
    modifier: i32,
    postgres: String,
}

impl Relation {
    /// Finds a table by `schema.name`.
    pub(super) async fn find(session: &Session, table: &str) -> Result<Self, ExportError> {
        let (schema, name) = split_name(table)?;
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
            [(&schema, Type::NAME), (&name, Type::NAME)];
        let rows = session.query(RELATION, &parameters).await?;
        let Some(row) = rows.first() else {
            let tables = read_all(session, &session.query(RELATIONS, &[]).await?)?;
            return Err(ExportError::TableMissing {
                database: session.database().to_string(),
                table: table.to_owned(),
                nearest: nearest(table, tables.iter().map(String::as_str)).map(str::to_owned),
            });
        };
        let (oid, estimate, is_lockable) =
            read_relation(row).map_err(|source| session.failure(source))?;
        Ok(Self {
            schema: schema.to_owned(),
            name: name.to_owned(),
            oid,
            // Before a first analyze it is -1, before Postgres 14 it is 0.
            estimated_rows: u64::try_from(estimate).ok().filter(|rows| *rows > 0),
            is_lockable,
        })
    }

    /// The statement that keeps the table as it is until the transaction ends.
    pub(super) fn lock(&self) -> Option<String> {
        self.is_lockable
            .then(|| format!("lock table {} in access share mode", self.quoted()))
    }

    fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }

    fn qualified(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Chooses columns, types and order.
    pub(super) async fn plan(
        &self,
        session: &Session,
        contacts: &Contacts,
    ) -> Result<TablePlan, ExportError> {
        let found = self.columns(session).await?;
        let contract = contract(&self.schema, &self.name);
        let names = found.iter().map(|column| column.name.as_str());
        let contacts = contacts.of_table(&self.qualified(), contract, names)?;
        let primary_key = read_all(
            session,
            &session
                .query(PRIMARY_KEY, &[(&self.oid, Type::OID)])
                .await?,
        )?;
        let chosen = Chosen::from_catalog(&self.qualified(), &found, contract, &contacts)?;
        let order = order_columns(&primary_key, &found, contract);
        let mut columns = Vec::with_capacity(chosen.columns.len());
        for column in chosen.columns {
            let kind =
                PostgresType::from_catalog(column.type_oid, column.modifier).map_err(|remedy| {
                    ExportError::TypeRefused {
                        table: self.qualified(),
                        column: column.name.clone(),
                        postgres: column.postgres.clone(),
                        remedy,
                    }
                })?;
            if contacts.hashes(&column.name) && kind != PostgresType::Text {
                return Err(ExportError::ContactType {
                    table: self.qualified(),
                    column: column.name,
                    postgres: column.postgres,
                });
            }
            columns.push(PlannedColumn {
                name: column.name,
                postgres: column.postgres,
                kind,
            });
        }
        let copy = copy_statement(&self.quoted(), &columns, &order);
        Ok(TablePlan {
            table: self.qualified(),
            folder: format!("{}/{}", self.schema, self.name),
            estimated_rows: self.estimated_rows,
            columns,
            ordered_by: order.into_iter().map(|column| column.name).collect(),
            absent: chosen.absent,
            left_out: chosen.left_out,
            contacts,
            copy,
        })
    }

    async fn columns(&self, session: &Session) -> Result<Vec<CatalogColumn>, ExportError> {
        let rows = session.query(COLUMNS, &[(&self.oid, Type::OID)]).await?;
        let read = |row: &Row| {
            Ok(CatalogColumn {
                name: row.try_get(0)?,
                type_oid: row.try_get(1)?,
                modifier: row.try_get(2)?,
                postgres: row.try_get(3)?,
            })
        };
        rows.iter()
            .map(read)
            .collect::<Result<_, Error>>()
            .map_err(|source| session.failure(source))
    }
}

impl TablePlan {
    /// The file's schema; like a database's result, it promises no column to be without null.
    pub(super) fn arrow(&self) -> SchemaRef {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|column| Field::new(&column.name, column.kind.arrow(), true))
            .collect();
        Arc::new(Schema::new(fields))
    }
}

/// Which columns are taken and which are not.
struct Chosen {
    columns: Vec<CatalogColumn>,
    absent: Vec<String>,
    left_out: Vec<String>,
}

impl Chosen {
    /// A table of the contract gives the contract's columns in the contract's order and no
    /// other; any other table gives all of its columns. Contacts follow where their policy
    /// lets them.
    fn from_catalog(
        table: &str,
        found: &[CatalogColumn],
        contract: Option<&Table>,
        contacts: &TableContacts,
    ) -> Result<Self, ExportError> {
        let mut columns = Vec::new();
        let mut absent = Vec::new();
        if let Some(contract) = contract {
            for column in contract.columns {
                match found.iter().find(|candidate| candidate.name == column.name) {
                    Some(candidate) => columns.push(candidate.clone()),
                    None if column.required => {
                        return Err(column_missing(table, column.name, found));
                    }
                    None => absent.push(column.name.to_owned()),
                }
            }
            let is_contact = |name: &str| contract.contacts.iter().any(|it| it.column == name);
            columns.extend(
                found
                    .iter()
                    .filter(|column| is_contact(&column.name))
                    .cloned(),
            );
        } else {
            columns.extend_from_slice(found);
        }
        columns.retain(|column| contacts.takes(&column.name));
        if columns.is_empty() {
            return Err(ExportError::NoColumns {
                table: table.to_owned(),
            });
        }
        let is_left_out = |name: &str| {
            !columns
                .iter()
                .any(|column: &CatalogColumn| column.name == name)
        };
        let left_out = found.iter().filter(|column| is_left_out(&column.name));
        Ok(Self {
            left_out: left_out.map(|column| column.name.clone()).collect(),
            columns,
            absent,
        })
    }
}

fn column_missing(table: &str, column: &str, found: &[CatalogColumn]) -> ExportError {
    let names: Vec<&str> = found.iter().map(|column| column.name.as_str()).collect();
    ExportError::ColumnMissing {
        table: table.to_owned(),
        column: column.to_owned(),
        present: names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", "),
        nearest: nearest(column, names).map(str::to_owned),
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

/// COPY, not SELECT: one form for tables and views, and a wire format of plain fields; with
/// this driver the two are equally fast. It fixes the column order, hence the explicit list.
/// Text is ordered by its bytes, as readers of Parquet compare it; a database's own
/// collation differs between servers.
fn copy_statement(table: &str, columns: &[PlannedColumn], order: &[CatalogColumn]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| quote(&column.name)).collect();
    let mut select = format!("select {} from {table}", columns.join(", "));
    if !order.is_empty() {
        let order: Vec<String> = order
            .iter()
            .map(|column| {
                let collation = if types::is_collated(column.type_oid) {
                    " collate \"C\""
                } else {
                    ""
                };
                format!("{}{collation}", quote(&column.name))
            })
            .collect();
        select.push_str(" order by ");
        select.push_str(&order.join(", "));
    }
    format!("copy ({select}) to stdout (format binary)")
}

/// The contract's table of this name.
fn contract(schema: &str, name: &str) -> Option<&'static Table> {
    schema::TABLES
        .iter()
        .find(|table| table.schema == schema && table.name == name)
}

/// A name as an SQL identifier.
fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The two parts of `schema.name`, which also name the folders in the lake.
fn split_name(table: &str) -> Result<(&str, &str), ExportError> {
    let refuse = |reason| ExportError::TableName {
        table: table.to_owned(),
        reason,
    };
    let (schema, name) = table
        .split_once('.')
        .ok_or_else(|| refuse("write it as `schema.table`"))?;
    let is_plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|letter| letter.is_alphanumeric() || "_-$".contains(letter))
    };
    if !is_plain(schema) || !is_plain(name) {
        return Err(refuse(
            "only letters, digits, `_`, `-` and `$` can name a folder of the lake",
        ));
    }
    if schema.starts_with('_') {
        return Err(refuse(
            "folders of the lake that begin with `_` are not tables",
        ));
    }
    Ok((schema, name))
}

fn read_relation(row: &Row) -> Result<(u32, i64, bool), Error> {
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}

fn read_all(session: &Session, rows: &[Row]) -> Result<Vec<String>, ExportError> {
    rows.iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, Error>>()
        .map_err(|source| session.failure(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, type_oid: u32) -> CatalogColumn {
        CatalogColumn {
            name: name.to_owned(),
            type_oid,
            modifier: -1,
            postgres: String::new(),
        }
    }

    #[test]
    fn identifiers_are_quoted_and_text_is_ordered_by_bytes() {
        let columns = [PlannedColumn {
            name: "a\"; drop".to_owned(),
            postgres: "bigint".to_owned(),
            kind: PostgresType::BigInt,
        }];
        let order = [column("action", 25), column("Day", 1082)];
        assert_eq!(
            copy_statement("\"s\".\"t\"", &columns, &order),
            "copy (select \"a\"\"; drop\" from \"s\".\"t\" \
             order by \"action\" collate \"C\", \"Day\") to stdout (format binary)"
        );
    }

    #[test]
    fn names_that_would_leave_the_lake_are_refused() {
        for table in [
            "crm_events",
            "stg.",
            ".x",
            "stg/../x.y",
            "stg.a/b",
            "stg...",
            "_exports.x",
        ] {
            assert!(split_name(table).is_err(), "{table}");
        }
        assert_eq!(split_name("stg.crm_events").unwrap(), ("stg", "crm_events"));
    }

    #[test]
    fn a_table_of_the_contract_gives_the_contracts_columns_and_no_other() {
        let found = [
            "passport",
            "currentdate",
            "contract_id",
            "id_source",
            "total_cost_of_the_contract",
        ]
        .map(|name| column(name, 20));
        let contract = contract("raw", "itcrm_docs_clients");
        let names = found.iter().map(|column| column.name.as_str());
        let contacts = Contacts::default().of_table("t", contract, names).unwrap();
        let chosen = Chosen::from_catalog("t", &found, contract, &contacts).unwrap();
        let names: Vec<&str> = chosen
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "contract_id",
                "id_source",
                "currentdate",
                "total_cost_of_the_contract"
            ]
        );
        assert_eq!(chosen.left_out, ["passport"]);
        let error = Chosen::from_catalog("t", &found[..3], contract, &contacts)
            .err()
            .unwrap();
        assert!(
            matches!(error, ExportError::ColumnMissing { ref column, .. } if column == "id_source")
        );
    }
}
