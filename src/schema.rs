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
            .map(|column| Field::new(column.name, column.kind.arrow(), true))
            .collect();
        Arc::new(Schema::new(fields))
    }
}

use ColumnType::{
    BigInt, Boolean, Date, Integer, Jsonb, Numeric, SmallInt, Text, Timestamp, TimestampTz, Varchar,
};

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

/// Facebook's spend per day and ad, repeated on each action type of the day.
pub const FB_AD_INSIGHTS: Table = Table {
    schema: "raw",
    name: "fb_ad_insights",
    key: &["date_start", "ad_id", "action_type"],
    unique: false,
    required: false,
    columns: &[
        required("date_start", Date),
        required("campaign_id", Text),
        required("ad_id", Text),
        optional("impressions", BigInt),
        optional("clicks", BigInt),
        required("spend", Numeric(18, 2)),
        optional("action_type", Text),
    ],
};

/// Google's cost per day and campaign.
pub const GOOGLE_ADS_CAMPAIGN_DAILY: Table = Table {
    schema: "raw",
    name: "google_ads_campaign_daily",
    key: &["campaign_id", "date"],
    unique: false,
    required: false,
    columns: &[
        required("date", Date),
        required("campaign_id", BigInt),
        optional("campaign_name", Text),
        optional("impressions", BigInt),
        optional("clicks", BigInt),
        required("cost_micros", BigInt),
    ],
};

/// Facebook's campaigns.
pub const FB_CAMPAIGNS: Table = Table {
    schema: "raw",
    name: "fb_campaigns",
    key: &["campaign_id"],
    unique: true,
    required: false,
    columns: &[required("campaign_id", Text), optional("name", Text)],
};

/// Facebook's ad sets.
pub const FB_ADSETS: Table = Table {
    schema: "raw",
    name: "fb_adsets",
    key: &["adset_id"],
    unique: true,
    required: false,
    columns: &[
        optional("adset_id", Text),
        optional("campaign_id", Text),
        optional("name", Text),
        optional("status", Text),
        optional("effective_status", Text),
    ],
};

/// Facebook's ads.
pub const FB_ADS: Table = Table {
    schema: "raw",
    name: "fb_ads",
    key: &["ad_id"],
    unique: true,
    required: false,
    columns: &[
        optional("ad_id", Text),
        optional("ad_name", Text),
        optional("adset_id", Text),
        optional("campaign_id", Text),
        optional("ad_creative_id", Text),
        optional("status", Text),
        optional("effective_status", Text),
        optional("created_time", TimestampTz),
        optional("updated_time", TimestampTz),
    ],
};

/// Leads left in Facebook's own forms; contact data and the raw answers stay behind.
pub const FB_LEADS: Table = Table {
    schema: "raw",
    name: "fb_leads",
    key: &["id"],
    unique: true,
    required: false,
    columns: &[
        optional("id", BigInt),
        optional("fb_lead_id", Text),
        optional("form_id", Text),
        optional("request_created_at", TimestampTz),
        optional("platform", Text),
        optional("form_name", Text),
        optional("page_id", Text),
        optional("campaign_id", Text),
        optional("adset_id", Text),
        optional("ad_id", Text),
        optional("inserted_at", TimestampTz),
        optional("updated_at", TimestampTz),
    ],
};

/// Google's click log.
pub const GOOGLE_ADS_CLICKS: Table = Table {
    schema: "raw",
    name: "google_ads_clicks",
    key: &["gclid", "date"],
    unique: true,
    required: false,
    columns: &[
        optional("date", Date),
        optional("gclid", Text),
        optional("customer_id", BigInt),
        optional("campaign_id", BigInt),
        optional("ad_group_id", BigInt),
        optional("resource_name", Text),
    ],
};

/// Names in the Google account; 0 is a level that a row does not name.
pub const GOOGLE_ADS_NAMES: Table = Table {
    schema: "raw",
    name: "google_ads_names",
    key: &["customer_id", "campaign_id", "ad_group_id", "ad_id"],
    unique: true,
    required: false,
    columns: &[
        optional("customer_id", BigInt),
        optional("campaign_id", BigInt),
        optional("ad_group_id", BigInt),
        optional("ad_id", BigInt),
        optional("campaign_name", Text),
        optional("ad_group_name", Text),
        optional("ad_name", Text),
    ],
};

/// The CRM's central table: one row per event of a client.
pub const NEW_SOURCE: Table = Table {
    schema: "raw",
    name: "itcrm_new_source",
    key: &["id_source"],
    unique: true,
    required: false,
    columns: &[
        optional("id_source", BigInt),
        optional("id_user", BigInt),
        optional("id_uniq", BigInt),
        optional("type", Integer),
        optional("days", Date),
        optional("date_time", Timestamp),
        optional("wait_call", Timestamp),
        optional("vizit_time", Timestamp),
        optional("meet_time", Timestamp),
        optional("date2", Date),
        optional("date_no_active", Date),
        optional("no_answer", Integer),
        optional("rejection", Integer),
        optional("at_event", Integer),
        optional("no_active", Integer),
        optional("hidden", Integer),
        optional("dogovor", Integer),
        optional("updated_at", Timestamp),
        optional("load_timestamp", TimestampTz),
        optional("date_key", Date),
    ],
};

/// Names of the CRM's event types; 6 is the contract.
pub const NEW_TYPES: Table = Table {
    schema: "raw",
    name: "itcrm_new_types",
    key: &["id_type"],
    unique: true,
    required: false,
    columns: &[
        optional("id_type", Integer),
        optional("types_descr", Text),
        optional("load_timestamp", TimestampTz),
    ],
};

/// Requests from the web site; who asked stays behind.
pub const INTERNET_REQUEST: Table = Table {
    schema: "raw",
    name: "itcrm_internet_request",
    key: &["request_id"],
    unique: true,
    required: false,
    columns: &[
        optional("request_id", Integer),
        optional("request_type", Text),
        optional("form_request", Integer),
        optional("analytic_info", Text),
        optional("created_date", Timestamp),
        optional("date_no_answer", Date),
        optional("no_active", Integer),
        optional("form_name", Text),
        optional("landing_path", Text),
        optional("event_date", Timestamp),
        optional("id_form", Integer),
        optional("load_timestamp", TimestampTz),
        optional("date_key", Date),
    ],
};

/// Which event came of which web request.
pub const INTERNET_REQUEST_RELATION: Table = Table {
    schema: "raw",
    name: "itcrm_internet_request_relation",
    key: &["id"],
    unique: true,
    required: false,
    columns: &[
        optional("id", BigInt),
        optional("id_request", BigInt),
        optional("id_source", BigInt),
        optional("request", Integer),
        optional("relation_date", Date),
        optional("load_timestamp", TimestampTz),
    ],
};

/// Tracking codes of a web request; several rows per request.
pub const ANALYTICS: Table = Table {
    schema: "raw",
    name: "itcrm_analytics",
    key: &["id"],
    unique: true,
    required: false,
    columns: &[
        optional("id", Integer),
        optional("analytic_id", SmallInt),
        optional("internet_request_id", Integer),
        optional("code", Jsonb),
        optional("request_created_at", Timestamp),
        optional("gclid", Text),
        optional("load_timestamp", TimestampTz),
    ],
};

/// The calendar of offline events.
pub const EVENTS: Table = Table {
    schema: "raw",
    name: "itcrm_events",
    key: &["id_event"],
    unique: true,
    required: false,
    columns: &[
        optional("id_event", BigInt),
        optional("name_event", Text),
        optional("full_name_event", Text),
        optional("date_event", Timestamp),
        optional("parent_id", BigInt),
        optional("status_event", SmallInt),
        optional("type_event", SmallInt),
        optional("format_event", SmallInt),
        optional("advertising_costs", Numeric(18, 2)),
        optional("load_timestamp", TimestampTz),
        optional("date_key", Date),
    ],
};

/// Which CRM event belongs to which offline event.
pub const EVENTS_RELATIONS: Table = Table {
    schema: "raw",
    name: "itcrm_events_relations",
    key: &["id"],
    unique: true,
    required: false,
    columns: &[
        optional("id", BigInt),
        optional("id_source", BigInt),
        optional("id_event", BigInt),
        optional("date_key", Date),
    ],
};

/// Which CRM event came through which form.
pub const NEW_FORM: Table = Table {
    schema: "raw",
    name: "itcrm_new_form",
    key: &["form_relation_id"],
    unique: true,
    required: false,
    columns: &[
        optional("form_relation_id", BigInt),
        optional("id_source", BigInt),
        optional("id_form", Integer),
    ],
};

/// Names of the forms.
pub const NEW_FORM_NAME: Table = Table {
    schema: "raw",
    name: "itcrm_new_form_name",
    key: &["id_form"],
    unique: true,
    required: false,
    columns: &[
        optional("id_form", Integer),
        optional("name_form", Text),
        optional("short_form", Integer),
        optional("sort_form", Integer),
    ],
};

/// The tables the main job reads, in the order in which it checks them.
pub const RUN_INPUTS: &[Table] = &[
    CRM_EVENTS,
    SOURCE_ATTRIBUTION,
    MARKETING_MATCH,
    DOCS_CLIENTS,
];

/// Every table we know, those of the main job first. Columns that name or describe a
/// person are in none of them, so they can be neither exported nor made up.
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
