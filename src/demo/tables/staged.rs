//! The staged tables: events, their source, their match in the ad accounts.

use super::{Rows, cents, days, flags, ints, longs, rows, texts, times};
use crate::demo::catalogue;
use crate::demo::clients::Contract;
use crate::demo::events::{Event, Record};
use crate::demo::origins::{Ad, Matched};
use crate::demo::{Copy, DemoError};
use crate::schema;

pub(super) fn tables(copy: &Copy) -> Result<Vec<Rows>, DemoError> {
    Ok(vec![
        crm_events(copy)?,
        source_attribution(copy)?,
        marketing_match(copy)?,
    ])
}

/// What staging left in the contract columns. Of ten contracts six were repaired from their
/// document: one of them before its price rose, one before its document lost its date.
fn staged_contract(event: &Event) -> Option<(Contract, Option<i32>)> {
    let (mut contract, record) = event.contract?;
    if record != Record::Staged && event.id % 10 == 5 {
        contract.cents -= 100_000;
    }
    let date = match record {
        Record::Dated => Some(contract.date),
        Record::Undated => (event.id % 10 == 0).then_some(contract.date - 3),
        Record::Staged => (event.id % 2 == 0).then_some(contract.date),
    };
    (record == Record::Staged || event.id % 10 < 6).then_some((contract, date))
}

/// A flag of the CRM: one event in `one_in` has it, one in 40 does not say.
fn flag(event: &Event, one_in: i64) -> Option<bool> {
    (event.id % 40 != 7).then_some(event.id % one_in == 3)
}

fn crm_events(copy: &Copy) -> Result<Rows, DemoError> {
    let events = || copy.events.iter();
    let staged: Vec<_> = events().map(staged_contract).collect();
    let columns = vec![
        longs(events().map(|event| Some(event.id))),
        longs(events().map(|event| event.client)),
        times(events().map(|event| event.at)),
        ints(events().map(|event| Some(event.kind))),
        texts(events().map(|event| catalogue::event_type_name(event.kind))),
        flags(
            events()
                .zip(&staged)
                .map(|(event, contract)| match contract {
                    Some(_) => Some(true),
                    None => (event.id % 3 > 0).then_some(false),
                }),
        ),
        flags(events().map(|event| flag(event, 31))),
        flags(events().map(|event| flag(event, 9))),
        cents(
            12,
            staged
                .iter()
                .map(|contract| contract.map(|(contract, _)| contract.cents)),
        ),
        days(
            staged
                .iter()
                .map(|contract| contract.and_then(|(_, date)| date)),
        ),
        longs(events().map(super::crm::operator)),
    ];
    rows(&schema::CRM_EVENTS, columns)
}

fn source_attribution(copy: &Copy) -> Result<Rows, DemoError> {
    let staged: Vec<&Event> = copy
        .events
        .iter()
        .filter(|event| event.origin.attributed)
        .collect();
    let origins = || staged.iter().map(|event| &event.origin);
    let columns = vec![
        longs(staged.iter().map(|event| Some(event.id))),
        texts(origins().map(|origin| origin.source_type)),
        texts(origins().map(|origin| origin.utm.source)),
        texts(origins().map(|origin| origin.utm.medium)),
        texts(origins().map(|origin| origin.utm.campaign)),
        texts(origins().map(|origin| origin.utm.content)),
        texts(origins().map(|origin| origin.utm.term)),
        texts(origins().map(|origin| origin.fbclid.as_ref())),
        texts(origins().map(|origin| origin.gclid.as_ref())),
    ];
    rows(&schema::SOURCE_ATTRIBUTION, columns)
}

fn marketing_match(copy: &Copy) -> Result<Rows, DemoError> {
    let staged: Vec<(&Event, Matched)> = copy
        .events
        .iter()
        .filter_map(|event| event.origin.matched.map(|matched| (event, matched)))
        .collect();
    let ads = || staged.iter().map(|(_, matched)| matched.ad);
    let lead = |value: &str, ad: Ad| matches!(ad, Ad::Facebook(_)).then(|| value.to_owned());
    let columns = vec![
        longs(staged.iter().map(|(event, _)| Some(event.id))),
        texts(staged.iter().map(|(_, matched)| matched.platform)),
        texts(ads().map(campaign_id)),
        texts(ads().map(campaign_name)),
        texts(ads().map(ad_id)),
        texts(ads().map(ad_name)),
        texts(ads().map(|ad| facebook(ad, |ad| catalogue::fb_adset_id(ad / 2)))),
        texts(ads().map(|ad| facebook(ad, |ad| catalogue::fb_adset_name(ad / 2).to_owned()))),
        texts(
            staged
                .iter()
                .map(|(event, matched)| creative_id(event, matched.ad)),
        ),
        texts(
            staged
                .iter()
                .map(|(event, _)| event.origin.fb_lead_id.as_ref()),
        ),
        texts(ads().map(|ad| lead(catalogue::FB_PAGE, ad))),
        texts(ads().map(|ad| facebook(ad, |ad| catalogue::fb_form_id(ad / 4)))),
        texts(ads().map(|ad| facebook(ad, |ad| catalogue::fb_form_name(ad / 4)))),
        texts(ads().map(|ad| google(ad, |group| catalogue::google_keyword(group).to_owned()))),
        texts(ads().map(|ad| google(ad, |group| catalogue::google_ad_group_id(group).to_string()))),
        texts(ads().map(|ad| google(ad, catalogue::google_ad_group_name))),
    ];
    rows(&schema::MARKETING_MATCH, columns)
}

fn facebook(ad: Ad, value: impl Fn(u32) -> String) -> Option<String> {
    match ad {
        Ad::Facebook(ad) => Some(value(ad)),
        Ad::Google(_) | Ad::Missing(_) => None,
    }
}

fn google(ad: Ad, value: impl Fn(u32) -> String) -> Option<String> {
    match ad {
        Ad::Google(ad_group) => Some(value(ad_group)),
        Ad::Facebook(_) | Ad::Missing(_) => None,
    }
}

fn campaign_id(ad: Ad) -> Option<String> {
    match ad {
        Ad::Facebook(ad) => Some(catalogue::fb_campaign_id(catalogue::fb_campaign_of(ad))),
        Ad::Google(ad_group) => {
            let campaign = catalogue::google_campaign_of(ad_group);
            Some(catalogue::google_campaign_id(campaign).to_string())
        }
        Ad::Missing(blank) => blank.map(str::to_owned),
    }
}

fn campaign_name(ad: Ad) -> Option<&'static str> {
    match ad {
        Ad::Facebook(ad) => Some(catalogue::fb_campaign_name(catalogue::fb_campaign_of(ad))),
        Ad::Google(ad_group) => Some(catalogue::google_campaign_name(
            catalogue::google_campaign_of(ad_group),
        )),
        Ad::Missing(_) => None,
    }
}

/// The ad; for Google the original takes the ad group.
fn ad_id(ad: Ad) -> Option<String> {
    match ad {
        Ad::Facebook(ad) => Some(catalogue::fb_ad_id(ad)),
        Ad::Google(ad_group) => Some(catalogue::google_ad_group_id(ad_group).to_string()),
        Ad::Missing(blank) => blank.map(str::to_owned),
    }
}

fn ad_name(ad: Ad) -> Option<String> {
    match ad {
        Ad::Facebook(ad) => Some(catalogue::fb_ad_name(ad)),
        Ad::Google(ad_group) => Some(catalogue::google_ad_group_name(ad_group)),
        Ad::Missing(_) => None,
    }
}

/// Not half of the ads have a known creative; some rows say so with a blank.
fn creative_id(event: &Event, ad: Ad) -> Option<String> {
    match ad {
        Ad::Facebook(ad) if ad % 9 < 4 => Some(catalogue::fb_creative_id(ad)),
        Ad::Facebook(_) if event.id % 5 == 0 => Some(String::new()),
        Ad::Facebook(_) | Ad::Google(_) | Ad::Missing(_) => None,
    }
}
