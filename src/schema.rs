//! The contract: every logical table we read, its columns, types, nullability and key.
//!
//! One definition serves the demo lake, the Postgres tables it is loaded into, the checks
//! before a run and the allow-list of the export. Column meanings are in
//! `docs/datasets.md`; the types are those of the warehouse.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

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
    Column { name, kind, required: true }
}

const fn optional(name: &'static str, kind: ColumnType) -> Column {
    Column { name, kind, required: false }
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
}

impl Table {
    /// `schema.name`.
    pub fn qualified(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// The table's record batches in the lake; every column may be null but the key's.
    pub fn arrow(&self) -> SchemaRef {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|column| {
                Field::new(column.name, column.kind.arrow(), !self.key.contains(&column.name))
            })
            .collect();
        Arc::new(Schema::new(fields))
    }
}

use ColumnType::{BigInt, Boolean, Date, Integer, Numeric, Text, Timestamp, Varchar};

/// Every touch of a client, as the CRM recorded it.
pub const CRM_EVENTS: Table = Table {
    schema: "stg",
    name: "crm_events",
    key: &["id_source"],
    unique: true,
    required: true,
    columns: &[
        required("id_source", BigInt),
        required("client_id", BigInt),
        required("event_date", Timestamp),
        optional("event_type_id", Integer),
        optional("event_type_name", Varchar(200)),
        optional("is_contract", Boolean),
        optional("is_rejection", Boolean),
        optional("is_no_answer", Boolean),
        optional("contract_amount", Numeric(12, 2)),
        optional("contract_date", Date),
        optional("id_user", BigInt),
    ],
};

/// Where a touch says it came from: UTM tags and click ids.
pub const SOURCE_ATTRIBUTION: Table = Table {
    schema: "stg",
    name: "source_attribution",
    key: &["id_source"],
    unique: true,
    required: true,
    columns: &[
        required("id_source", BigInt),
        optional("source_type", Varchar(50)),
        optional("utm_source", Varchar(200)),
        optional("utm_medium", Varchar(200)),
        optional("utm_campaign", Varchar(500)),
        optional("utm_content", Varchar(500)),
        optional("utm_term", Varchar(500)),
        optional("fbclid", Varchar(500)),
        optional("gclid", Varchar(500)),
    ],
};

/// What the ad accounts know about a touch.
pub const MARKETING_MATCH: Table = Table {
    schema: "stg",
    name: "marketing_match",
    key: &["id_source"],
    unique: true,
    required: true,
    columns: &[
        required("id_source", BigInt),
        optional("matched_platform", Varchar(50)),
        optional("campaign_id", Varchar(100)),
        optional("campaign_name", Varchar(500)),
        optional("ad_id", Varchar(100)),
        optional("ad_name", Varchar(500)),
        optional("adset_id", Varchar(100)),
        optional("adset_name", Varchar(500)),
        optional("creative_id", Varchar(100)),
        optional("fb_lead_id", Varchar(100)),
        optional("fb_page_id", Varchar(100)),
        optional("fb_form_id", Varchar(100)),
        optional("fb_form_name", Varchar(500)),
        optional("google_keyword", Text),
        optional("google_ad_group_id", Varchar(100)),
        optional("google_ad_group_name", Varchar(500)),
    ],
};

/// Contract documents; several may point at one event.
pub const DOCS_CLIENTS: Table = Table {
    schema: "raw",
    name: "itcrm_docs_clients",
    key: &["contract_id"],
    unique: false,
    required: true,
    columns: &[
        required("contract_id", BigInt),
        required("id_source", BigInt),
        required("currentdate", Date),
        required("total_cost_of_the_contract", Numeric(18, 2)),
    ],
};

/// The tables the main job reads, in the order in which it checks them.
pub const RUN_INPUTS: &[Table] = &[CRM_EVENTS, SOURCE_ATTRIBUTION, MARKETING_MATCH, DOCS_CLIENTS];
