//! The CRM's tables behind the staged ones: events, web requests, codes, forms.

use super::ColumnType::{
    BigInt, Date, Integer, Jsonb, Numeric, SmallInt, Text, Timestamp, TimestampTz,
};
use super::contacts::PHONE_AND_EMAIL;
use super::{Table, optional};

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
    contacts: &[],
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
    contacts: &[],
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
    contacts: PHONE_AND_EMAIL,
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
    contacts: &[],
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
    contacts: PHONE_AND_EMAIL,
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
    contacts: &[],
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
    contacts: &[],
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
    contacts: &[],
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
    contacts: &[],
};
