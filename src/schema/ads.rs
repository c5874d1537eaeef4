//! The tables of the ad accounts.

use super::ColumnType::{BigInt, Date, Numeric, Text, TimestampTz};
use super::contacts::PHONE_AND_EMAIL;
use super::{Table, optional, required};

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
    contacts: &[],
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
    contacts: &[],
};

/// Facebook's campaigns.
pub const FB_CAMPAIGNS: Table = Table {
    schema: "raw",
    name: "fb_campaigns",
    key: &["campaign_id"],
    unique: true,
    required: false,
    columns: &[required("campaign_id", Text), optional("name", Text)],
    contacts: &[],
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
    contacts: &[],
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
    contacts: &[],
};

/// Leads left in Facebook's own forms; names and the raw answers stay behind.
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
    contacts: PHONE_AND_EMAIL,
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
    contacts: &[],
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
    contacts: &[],
};
