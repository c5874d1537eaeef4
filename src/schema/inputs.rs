//! The tables the main job cannot do without.

use super::ColumnType::{BigInt, Boolean, Date, Integer, Numeric, Text, Timestamp, Varchar};
use super::contacts::PHONE_AND_EMAIL;
use super::{Table, optional, required};

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
    contacts: &[],
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
    contacts: PHONE_AND_EMAIL,
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
    contacts: &[],
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
    contacts: &[],
};
