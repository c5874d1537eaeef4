//! The ad accounts: campaigns, ads, leads, clicks, and what they cost.
//!
//! Spend exists since mid-September only, as in the original: earlier credit meets no
//! spend. All copies share the campaigns, so spend grows with the scale instead of the
//! number of campaigns.

use rand::Rng;

use super::{Rows, cents, days, loaded, longs, rows, texts, zoned};
use crate::demo::catalogue as ad;
use crate::demo::clients::DAY;
use crate::demo::events::Event;
use crate::demo::origins::{Ad, token};
use crate::demo::{Copy, DemoError};
use crate::schema;

/// 2025-09-13, 2025-09-10 and 2025-10-18 as days since 1970-01-01.
const FB_FROM: i32 = 20_344;
const GOOGLE_FROM: i32 = 20_341;
const UNTIL: i32 = 20_379;
/// Clicks in the log that no event is known of, per copy.
const OTHER_CLICKS: u32 = 200;
/// Ids of Facebook leads that one copy may use.
const LEAD_IDS: i64 = 2_000;

pub(super) fn tables(copy: &Copy) -> Result<Vec<Rows>, DemoError> {
    let mut tables = vec![fb_leads(copy)?, google_clicks(copy)?];
    if copy.number == 0 {
        tables.extend([
            fb_insights(copy)?,
            google_daily(copy)?,
            fb_campaigns()?,
            fb_adsets()?,
            fb_ads()?,
            google_names()?,
        ]);
    }
    Ok(tables)
}

/// One day of one ad on one action type.
struct Insight {
    day: i32,
    ad: u32,
    action: &'static str,
    impressions: i64,
    clicks: i64,
    cents: i64,
}

/// Spend, impressions and clicks of an ad-day stand on each of its action types.
fn fb_insights(copy: &Copy) -> Result<Rows, DemoError> {
    const ACTIONS: [&str; 8] = [
        "landing_page_view",
        "lead",
        "link_click",
        "page_engagement",
        "post_engagement",
        "post_reaction",
        "video_view",
        "(none)",
    ];
    let mut rng = copy.noise(4);
    let scale = i64::from(copy.scale);
    let mut insights = Vec::new();
    for number in 0..ad::FB_ADS {
        let runs = rng.random_range(5..=33);
        let from = rng.random_range(FB_FROM..=UNTIL - runs);
        for day in from..=from + runs {
            let impressions = rng.random_range(80..2_600);
            let clicks = impressions * rng.random_range(5..40) / 1_000;
            let spent = impressions * rng.random_range(15..45) / 10 + clicks * 10;
            let quiet = rng.random_ratio(1, 12);
            for action in ACTIONS
                .iter()
                .filter(|action| quiet == (**action == "(none)"))
            {
                if quiet || rng.random_ratio(6, 7) {
                    insights.push(Insight {
                        day,
                        ad: number,
                        action,
                        impressions: impressions * scale,
                        clicks: clicks * scale,
                        cents: spent * scale,
                    });
                }
            }
        }
    }
    insights.sort_by_key(|row| (row.day, row.ad, row.action));
    let all = || insights.iter();
    let columns = vec![
        days(all().map(|row| Some(row.day))),
        texts(all().map(|row| Some(ad::fb_campaign_id(ad::fb_campaign_of(row.ad))))),
        texts(all().map(|row| Some(ad::fb_ad_id(row.ad)))),
        longs(all().map(|row| Some(row.impressions))),
        longs(all().map(|row| Some(row.clicks))),
        cents(18, all().map(|row| Some(row.cents))),
        texts(all().map(|row| Some(row.action))),
    ];
    rows(&schema::FB_AD_INSIGHTS, columns)
}

/// One day of one Google campaign: day, campaign, impressions, clicks, cost in micros.
fn google_daily(copy: &Copy) -> Result<Rows, DemoError> {
    let mut rng = copy.noise(5);
    let scale = i64::from(copy.scale);
    let mut spent: Vec<(u32, i32, [i64; 3])> = Vec::new();
    for campaign in (0..)
        .zip(ad::GOOGLE_CAMPAIGNS)
        .map(|(campaign, _)| campaign)
    {
        for day in GOOGLE_FROM..=UNTIL {
            if rng.random_ratio(1, 4) {
                continue;
            }
            let impressions = rng.random_range(60..1_500);
            let clicks = impressions * rng.random_range(20..110) / 1_000;
            // Micros that are no whole kopecks: rounding once differs from rounding daily.
            let micros = clicks * rng.random_range(2_100_003..7_900_011);
            spent.push((
                campaign,
                day,
                [impressions * scale, clicks * scale, micros * scale],
            ));
        }
    }
    let all = || spent.iter();
    let columns = vec![
        days(all().map(|(_, day, _)| Some(*day))),
        longs(all().map(|(campaign, ..)| Some(ad::google_campaign_id(*campaign)))),
        texts(all().map(|(campaign, ..)| Some(ad::google_campaign_name(*campaign)))),
        longs(all().map(|(_, _, [impressions, _, _])| Some(*impressions))),
        longs(all().map(|(_, _, [_, clicks, _])| Some(*clicks))),
        longs(all().map(|(_, _, [_, _, micros])| Some(*micros))),
    ];
    rows(&schema::GOOGLE_ADS_CAMPAIGN_DAILY, columns)
}

fn fb_campaigns() -> Result<Rows, DemoError> {
    let all = || (0..).zip(ad::FB_CAMPAIGNS);
    let columns = vec![
        texts(all().map(|(campaign, _)| Some(ad::fb_campaign_id(campaign)))),
        texts(all().map(|(_, name)| Some(name))),
    ];
    rows(&schema::FB_CAMPAIGNS, columns)
}

fn status(number: u32) -> &'static str {
    if number.is_multiple_of(5) {
        "PAUSED"
    } else {
        "ACTIVE"
    }
}

fn fb_adsets() -> Result<Rows, DemoError> {
    let all = || 0..ad::FB_ADS / 2;
    let columns = vec![
        texts(all().map(|adset| Some(ad::fb_adset_id(adset)))),
        texts(all().map(|adset| Some(ad::fb_campaign_id(adset / 2)))),
        texts(all().map(|adset| Some(ad::fb_adset_name(adset)))),
        texts(all().map(|adset| Some(status(adset)))),
        texts(all().map(|adset| {
            Some(if adset % 7 == 0 {
                "CAMPAIGN_PAUSED"
            } else {
                status(adset)
            })
        })),
    ];
    rows(&schema::FB_ADSETS, columns)
}

fn fb_ads() -> Result<Rows, DemoError> {
    let all = || 0..ad::FB_ADS;
    let created = |number: u32| i64::from(FB_FROM - 3) * DAY + i64::from(number) * 977_000_000;
    let columns = vec![
        texts(all().map(|number| Some(ad::fb_ad_id(number)))),
        texts(all().map(|number| Some(ad::fb_ad_name(number)))),
        texts(all().map(|number| Some(ad::fb_adset_id(number / 2)))),
        texts(all().map(|number| Some(ad::fb_campaign_id(ad::fb_campaign_of(number))))),
        texts(all().map(|number| (number % 9 < 4).then(|| ad::fb_creative_id(number)))),
        texts(all().map(|number| Some(status(number)))),
        texts(all().map(|number| Some(status(number)))),
        zoned(all().map(|number| Some(created(number)))),
        zoned(all().map(|number| (number % 3 > 0).then(|| created(number) + DAY))),
    ];
    rows(&schema::FB_ADS, columns)
}

/// A row for each campaign and each ad group; 0 stands for the level left out.
fn google_names() -> Result<Rows, DemoError> {
    let mut names: Vec<(u32, Option<u32>)> = Vec::new();
    for campaign in (0..)
        .zip(ad::GOOGLE_CAMPAIGNS)
        .map(|(campaign, _)| campaign)
    {
        names.push((campaign, None));
        names.extend((0..3).map(|group| (campaign, Some(campaign * 3 + group))));
    }
    let all = || names.iter();
    let columns = vec![
        longs(all().map(|_| Some(ad::GOOGLE_CUSTOMER))),
        longs(all().map(|(campaign, _)| Some(ad::google_campaign_id(*campaign)))),
        longs(all().map(|(_, group)| Some(group.map_or(0, ad::google_ad_group_id)))),
        longs(all().map(|_| Some(0))),
        texts(all().map(|(campaign, _)| Some(ad::google_campaign_name(*campaign)))),
        texts(all().map(|(_, group)| group.map(ad::google_ad_group_name))),
        texts(all().map(|_| None::<&str>)),
    ];
    rows(&schema::GOOGLE_ADS_NAMES, columns)
}

fn fb_leads(copy: &Copy) -> Result<Rows, DemoError> {
    let leads: Vec<(&Event, &String, u32)> = copy
        .events
        .iter()
        .filter_map(|event| {
            let lead = event.origin.fb_lead_id.as_ref()?;
            match event.origin.matched?.ad {
                Ad::Facebook(number) => Some((event, lead, number)),
                Ad::Google(_) | Ad::Missing(_) => None,
            }
        })
        .collect();
    let all = || leads.iter();
    let first = 1_200 + i64::from(copy.number) * LEAD_IDS;
    // The CRM writes Kyiv time, three hours ahead until the last Sunday of October.
    let asked = |event: &Event| event.entered - 3 * 3_600_000_000 - 300_000_000;
    let columns = vec![
        longs((first..).zip(&leads).map(|(id, _)| Some(id))),
        texts(all().map(|(_, lead, _)| Some(*lead))),
        texts(all().map(|(_, _, number)| Some(ad::fb_form_id(ad::fb_campaign_of(*number))))),
        zoned(all().map(|(event, ..)| Some(asked(event)))),
        texts(all().map(|(event, ..)| Some(if event.id % 3 == 0 { "ig" } else { "fb" }))),
        texts(all().map(|(_, _, number)| Some(ad::fb_form_name(ad::fb_campaign_of(*number))))),
        texts(all().map(|_| Some(ad::FB_PAGE))),
        texts(all().map(|(_, _, number)| Some(ad::fb_campaign_id(ad::fb_campaign_of(*number))))),
        texts(all().map(|(_, _, number)| Some(ad::fb_adset_id(number / 2)))),
        texts(all().map(|(_, _, number)| Some(ad::fb_ad_id(*number)))),
        loaded(leads.len()),
        loaded(leads.len()),
    ];
    rows(&schema::FB_LEADS, columns)
}

/// The clicks behind the Google events, among others that led to nothing.
fn google_clicks(copy: &Copy) -> Result<Rows, DemoError> {
    let mut rng = copy.noise(6);
    let matched = copy.events.iter().filter_map(|event| {
        let gclid = event.origin.gclid.clone()?;
        match event.origin.matched?.ad {
            Ad::Google(group) => Some((gclid, super::super::events::day_of(event.entered), group)),
            Ad::Facebook(_) | Ad::Missing(_) => None,
        }
    });
    let mut clicks: Vec<(String, i32, u32)> = matched.collect();
    for _ in 0..OTHER_CLICKS {
        let day = rng.random_range(GOOGLE_FROM..=UNTIL);
        let group = rng.random_range(0..ad::GOOGLE_AD_GROUPS);
        clicks.push((format!("Cj0KCQjw{}", token(48, &mut rng)), day, group));
    }
    clicks.sort();
    let all = || clicks.iter();
    let columns = vec![
        days(all().map(|(_, day, _)| Some(*day))),
        texts(all().map(|(gclid, ..)| Some(gclid))),
        longs(all().map(|_| Some(ad::GOOGLE_CUSTOMER))),
        longs(
            all().map(|(_, _, group)| Some(ad::google_campaign_id(ad::google_campaign_of(*group)))),
        ),
        longs(all().map(|(_, _, group)| Some(ad::google_ad_group_id(*group)))),
        texts(all().map(|(gclid, day, _)| {
            Some(format!(
                "customers/{}/clickViews/{day}~{gclid}",
                ad::GOOGLE_CUSTOMER
            ))
        })),
    ];
    rows(&schema::GOOGLE_ADS_CLICKS, columns)
}
