//! The contract: every logical table we read, its columns, types, nullability and key.
//!
//! One definition serves the demo lake, the Postgres tables it is loaded into, the checks
//! before a run and the allow-list of the export. Column meanings are in
//! `docs/datasets.md`; the types are those of the warehouse.

mod ads;
mod contacts;
mod crm;
mod inputs;
mod relations;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

pub use ads::{
    FB_AD_INSIGHTS, FB_ADS, FB_ADSETS, FB_CAMPAIGNS, FB_LEADS, GOOGLE_ADS_CAMPAIGN_DAILY,
    GOOGLE_ADS_CLICKS, GOOGLE_ADS_NAMES,
};
pub use contacts::{Contact, ContactKind};
pub use crm::{
    ANALYTICS, EVENTS, EVENTS_RELATIONS, INTERNET_REQUEST, INTERNET_REQUEST_RELATION, NEW_FORM,
    NEW_FORM_NAME, NEW_SOURCE, NEW_TYPES,
};
pub use inputs::{CRM_EVENTS, DOCS_CLIENTS, MARKETING_MATCH, SOURCE_ATTRIBUTION};
pub use relations::{RELATIONS, RESULT_TIES, Relation, Tie};

/// The type of a column, as the warehouse has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// `smallint`.
    SmallInt,
    /// `integer`.
    Integer,
    /// `bigint`.
    BigInt,
    /// `boolean`.
    Boolean,
    /// `text`.
    Text,
    /// `varchar(n)`.
    Varchar(u32),
    /// `numeric(precision, scale)`.
    Numeric(u8, i8),
    /// `date`.
    Date,
    /// `timestamp without time zone`, the CRM's local time.
    Timestamp,
    /// `timestamp with time zone`.
    TimestampTz,
    /// `jsonb`, as text in the lake.
    Jsonb,
}

impl ColumnType {
    /// The column's type in the lake.
    pub fn arrow(self) -> DataType {
        match self {
            Self::SmallInt => DataType::Int16,
            Self::Integer => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::Boolean => DataType::Boolean,
            Self::Text | Self::Varchar(_) | Self::Jsonb => DataType::Utf8,
            Self::Numeric(precision, scale) => DataType::Decimal128(precision, scale),
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    /// A column of the type in the lake. Any may be null; that a text is JSON is marked as
    /// Arrow marks it, and becomes Parquet's logical type.
    pub fn field(self, name: &str) -> Field {
        let field = Field::new(name, self.arrow(), true);
        match self {
            Self::Jsonb => field.with_metadata(
                [("ARROW:extension:name".to_owned(), "arrow.json".to_owned())].into(),
            ),
            _ => field,
        }
    }

    /// The column's type in Postgres DDL.
    pub fn postgres(self) -> String {
        match self {
            Self::SmallInt => "smallint".to_owned(),
            Self::Integer => "integer".to_owned(),
            Self::BigInt => "bigint".to_owned(),
            Self::Boolean => "boolean".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Varchar(width) => format!("varchar({width})"),
            Self::Numeric(precision, scale) => format!("numeric({precision},{scale})"),
            Self::Date => "date".to_owned(),
            Self::Timestamp => "timestamp".to_owned(),
            Self::TimestampTz => "timestamptz".to_owned(),
            Self::Jsonb => "jsonb".to_owned(),
        }
    }
}

/// One column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type in the warehouse.
    pub kind: ColumnType,
    /// A run stops without it.
    pub required: bool,
}

const fn required(name: &'static str, kind: ColumnType) -> Column {
    Column {
        name,
        kind,
        required: true,
    }
}

const fn optional(name: &'static str, kind: ColumnType) -> Column {
    Column {
        name,
        kind,
        required: false,
    }
}

/// One table of the warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// `raw` or `stg`.
    pub schema: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The columns that name a row.
    pub key: &'static [&'static str],
    /// A duplicate key stops a run.
    pub unique: bool,
    /// A run stops without the table.
    pub required: bool,
    /// Its columns, in the warehouse's order.
    pub columns: &'static [Column],
    /// Its contact columns, which no query reads: an export takes them after the others if
    /// its policy lets them out of the database.
    pub contacts: &'static [Contact],
}

impl Table {
    /// `schema.name`.
    pub fn qualified(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// The table's record batches in the lake. Every column may be null, the key's too:
    /// whether a key is whole is for the checks before a run to find out.
    pub fn arrow(&self) -> SchemaRef {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|column| column.kind.field(column.name))
            .collect();
        Arc::new(Schema::new(fields))
    }
}

/// The tables the main job reads, in the order in which it checks them.
pub const RUN_INPUTS: &[Table] = &[
    CRM_EVENTS,
    SOURCE_ATTRIBUTION,
    MARKETING_MATCH,
    DOCS_CLIENTS,
];

/// Every table we know, those of the main job first. Columns that name or describe a
/// person are in none of them, so they can be neither exported nor made up; contacts are told
/// apart from the columns, so that only a policy lets them out.
pub const TABLES: &[Table] = &[
    CRM_EVENTS,
    SOURCE_ATTRIBUTION,
    MARKETING_MATCH,
    DOCS_CLIENTS,
    FB_AD_INSIGHTS,
    GOOGLE_ADS_CAMPAIGN_DAILY,
    FB_CAMPAIGNS,
    FB_ADSETS,
    FB_ADS,
    FB_LEADS,
    GOOGLE_ADS_CLICKS,
    GOOGLE_ADS_NAMES,
    NEW_SOURCE,
    NEW_TYPES,
    INTERNET_REQUEST,
    INTERNET_REQUEST_RELATION,
    ANALYTICS,
    EVENTS,
    EVENTS_RELATIONS,
    NEW_FORM,
    NEW_FORM_NAME,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_table_has_a_personal_column() {
        const PERSONAL: [&str; 8] = [
            "phone", "email", "fio", "name", "passport", "address", "birth", "comment",
        ];
        for table in TABLES {
            for column in table.columns {
                let whole = PERSONAL.contains(&column.name)
                    && table.name != "fb_campaigns"
                    && table.name != "fb_adsets";
                let part = ["phone", "email", "fio", "passport", "address", "birth"]
                    .iter()
                    .any(|word| column.name.contains(word));
                assert!(!whole && !part, "{}.{}", table.qualified(), column.name);
            }
        }
    }

    #[test]
    fn keys_name_columns_and_no_table_stands_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for table in TABLES {
            assert!(seen.insert(table.qualified()), "{}", table.qualified());
            for key in table.key {
                assert!(
                    table.columns.iter().any(|column| column.name == *key),
                    "{key}"
                );
            }
        }
    }
}
