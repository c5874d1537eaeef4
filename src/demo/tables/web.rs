//! Web requests, which event came of them, and their tracking codes.
//!
//! A request has the code row that explains what its event is staged as, and often rows
//! of other trackers beside it, which the original threw away.

use rand::Rng;

use super::{Rows, days, ints, loaded, longs, rows, small, texts, times};
use crate::demo::catalogue::{CONTRACT_TYPE, FORMS};
use crate::demo::events::{Event, day_of};
use crate::demo::origins::{Utm, lead_id, token};
use crate::demo::plan::Platform;
use crate::demo::{Copy, DemoError};
use crate::schema;

/// Ids of requests that one copy may use.
const REQUEST_IDS: u32 = 4_000;
/// Ids of code rows that one copy may use.
const CODE_IDS: u32 = 10_000;

/// One web request.
struct Request<'a> {
    id: i32,
    /// The event that came of it; one request in eight has none.
    event: Option<&'a Event>,
    at: i64,
    kind: &'static str,
    form: i32,
}

/// One tracking code row.
struct Code {
    request: i32,
    at: i64,
    /// The tracker: 1 Google Analytics, 2 Facebook, 3 UTM tags.
    tracker: i16,
    /// In the form in which Postgres prints `jsonb`: keys by length, then by bytes.
    json: String,
    gclid: Option<String>,
}

pub(super) fn tables(copy: &Copy) -> Result<Vec<Rows>, DemoError> {
    let mut rng = copy.noise(3);
    let requests = requests(copy, &mut rng);
    let codes: Vec<Code> = requests
        .iter()
        .flat_map(|request| codes(request, &mut rng))
        .collect();
    Ok(vec![
        internet_request(&requests)?,
        relation(copy, &requests)?,
        analytics(copy, &codes)?,
    ])
}

fn first_id(first: u32, copy: &Copy, ids: u32) -> i32 {
    i32::try_from(first + copy.number * ids).unwrap_or(i32::MAX)
}

fn requests<'a>(copy: &'a Copy, rng: &mut impl Rng) -> Vec<Request<'a>> {
    let mut requests = Vec::new();
    let mut id = first_id(40_000, copy, REQUEST_IDS);
    for event in copy.events.iter().filter(|event| event.has_request()) {
        let related = [Some(event), None];
        let count = if rng.random_ratio(1, 8) { 2 } else { 1 };
        for event in related.into_iter().take(count) {
            let at = related[0].map_or(0, |event| event.entered) - 60_000_000;
            let form = rng.random_range(1..=i32::try_from(FORMS.len()).unwrap_or(1));
            requests.push(Request {
                id,
                event,
                at,
                kind: request_kind(event, rng),
                form,
            });
            id += 1;
        }
    }
    requests
}

/// Contracts come through steps of the sale, Facebook's leads through its own form.
fn request_kind(event: Option<&Event>, rng: &mut impl Rng) -> &'static str {
    const SALE: [&str; 3] = ["download_invoice", "contract", "fail_reg_contract"];
    const INTEREST: [&str; 6] = [
        "consultation",
        "course",
        "call",
        "study-form",
        "academy-consult",
        "event",
    ];
    let kinds: &[&str] = match event {
        Some(event) if event.kind == CONTRACT_TYPE => &SALE,
        Some(event) if event.platform == Platform::Facebook => &["facebook"],
        _ => &INTEREST,
    };
    kinds
        .get(rng.random_range(0..kinds.len()))
        .copied()
        .unwrap_or("call")
}

/// The request's code rows, each tracker's once at most.
fn codes(request: &Request<'_>, rng: &mut impl Rng) -> Vec<Code> {
    let mut codes = Vec::new();
    let mut add = |tracker: i16, json: String, gclid: Option<String>| {
        codes.push(Code {
            request: request.id,
            at: request.at,
            tracker,
            json,
            gclid,
        });
    };
    let platform = request.event.map(|event| event.platform);
    let origin = request.event.map(|event| &event.origin);
    let social = matches!(platform, Some(Platform::Facebook | Platform::PaidSocial));
    if social {
        add(2, facebook_json(&lead_of(request, rng), rng), None);
    }
    let tagged = matches!(platform, Some(Platform::Email | Platform::PromoMessenger));
    if platform == Some(Platform::Form) {
        return codes;
    }
    if !tagged && (!social || rng.random_ratio(3, 4)) {
        let gclid = origin
            .and_then(|origin| origin.gclid.clone())
            .unwrap_or_default();
        let json = analytics_json(&gclid, request.at, rng);
        let junk = gclid.trim().is_empty() && rng.random_ratio(1, 9);
        let column = if junk { "gsession".to_owned() } else { gclid };
        add(1, json, (!social).then_some(column));
    }
    match origin.map(|origin| origin.utm) {
        Some(Utm {
            source: Some(source),
            medium,
            campaign,
            ..
        }) => {
            let tags = [medium.unwrap_or(""), source, campaign.unwrap_or("")];
            add(3, utm_json("", tags), None);
        }
        _ if rng.random_ratio(2, 5) => add(3, any_utm(rng), None),
        _ => {}
    }
    if !tagged && rng.random_ratio(1, 60) {
        // The loader could not parse this one: JSON inside a JSON string.
        let inner = analytics_json("", request.at, rng).replace('"', "\\\"");
        add(1, format!("\"{inner}\""), None);
    }
    codes
}

/// The lead id of a Facebook code: the matched one, none, or one that no account knows.
fn lead_of(request: &Request<'_>, rng: &mut impl Rng) -> String {
    let event = request.event;
    let known = event.and_then(|event| event.origin.fb_lead_id.clone());
    let social = event.is_some_and(|event| event.platform == Platform::PaidSocial);
    match known {
        Some(lead) => lead,
        None if social && rng.random_ratio(1, 3) => lead_id(rng),
        None => String::new(),
    }
}

fn analytics_json(gclid: &str, at: i64, rng: &mut impl Rng) -> String {
    let seconds = at / 1_000_000;
    let visitor: u32 = rng.random_range(100_000_000..2_000_000_000);
    let order: u32 = rng.random_range(1..9);
    let session = seconds - rng.random_range(30..900);
    format!(
        "{{\"ga\": \"GA1.2.{visitor}.{session}\", \"gclid\": \"{gclid}\", \"gsession\": \
         {{\"{session}\": \"GS2.1.s{session}$o{order}$g1$t{seconds}$j60$l0$h0\"}}}}"
    )
}

fn facebook_json(lead: &str, rng: &mut impl Rng) -> String {
    let click = if rng.random_ratio(1, 2) {
        token(32, rng)
    } else {
        String::new()
    };
    let pixel = token(12, rng);
    format!("{{\"fclid\": \"{click}\", \"event_id\": \"{pixel}\", \"fb_lead_id\": \"{lead}\"}}")
}

fn utm_json(term: &str, [medium, source, campaign]: [&str; 3]) -> String {
    format!(
        "{{\"utm_term\": \"{term}\", \"utm_medium\": \"{medium}\", \"utm_source\": \
         \"{source}\", \"utm_campaign\": \"{campaign}\"}}"
    )
}

/// Tags as they come, with Meta's placements and a campaign that is only a colon.
fn any_utm(rng: &mut impl Rng) -> String {
    const TAGS: [[&str; 3]; 8] = [
        ["cpc", "google", "search_kyiv"],
        ["cpm", "ig", "Осінній набір"],
        ["cpm", "an", "Осінній набір"],
        ["paid", "Facebook_Mobile_Feed", "back_to_school"],
        ["cpm", "Instagram_Stories", ":"],
        ["oldbase", "email", "Знижка -20%"],
        ["partner", "viber", "viber_september"],
        ["organic", "t.me", ""],
    ];
    let tags = TAGS
        .get(rng.random_range(0..TAGS.len()))
        .copied()
        .unwrap_or_default();
    let term = if rng.random_ratio(3, 5) {
        rng.random_range(23_840_000_000_000_000_u64..23_870_000_000_000_000)
            .to_string()
    } else {
        String::new()
    };
    utm_json(&term, tags)
}

fn landing(form: i32) -> &'static str {
    match form % 3 {
        0 => "/",
        1 => "/courses/",
        _ => "/ua/camp-2025/",
    }
}

fn internet_request(requests: &[Request<'_>]) -> Result<Rows, DemoError> {
    let all = || requests.iter();
    let form_name = |form: i32| {
        usize::try_from(form - 1)
            .ok()
            .and_then(|form| FORMS.get(form))
    };
    let columns = vec![
        ints(all().map(|request| Some(request.id))),
        texts(all().map(|request| Some(request.kind))),
        ints(all().map(|request| Some(request.id % 4))),
        texts(all().map(|request| (request.id % 3 == 0).then_some("site"))),
        times(all().map(|request| Some(request.at))),
        days(all().map(|request| (request.id % 11 == 0).then(|| day_of(request.at) + 1))),
        ints(all().map(|request| Some(i32::from(request.id % 29 == 0)))),
        texts(all().map(|request| form_name(request.form))),
        texts(all().map(|request| Some(landing(request.form)))),
        times(all().map(|request| (request.kind == "event").then_some(request.at))),
        ints(all().map(|request| (request.id % 7 > 0).then_some(request.form))),
        loaded(requests.len()),
        days(all().map(|request| Some(day_of(request.at)))),
    ];
    rows(&schema::INTERNET_REQUEST, columns)
}

fn relation(copy: &Copy, requests: &[Request<'_>]) -> Result<Rows, DemoError> {
    let related: Vec<(&Request<'_>, &Event)> = requests
        .iter()
        .filter_map(|request| request.event.map(|event| (request, event)))
        .collect();
    let first = 60_000 + i64::from(copy.number) * i64::from(REQUEST_IDS);
    let columns = vec![
        longs((first..).zip(&related).map(|(id, _)| Some(id))),
        longs(related.iter().map(|(request, _)| Some(request.id.into()))),
        longs(related.iter().map(|(_, event)| Some(event.id))),
        ints(related.iter().map(|(request, _)| Some(request.id % 3))),
        days(related.iter().map(|(request, _)| Some(day_of(request.at)))),
        loaded(related.len()),
    ];
    rows(&schema::INTERNET_REQUEST_RELATION, columns)
}

fn analytics(copy: &Copy, codes: &[Code]) -> Result<Rows, DemoError> {
    let all = || codes.iter();
    let first = first_id(231_000, copy, CODE_IDS);
    let columns = vec![
        ints((first..).zip(codes).map(|(id, _)| Some(id))),
        small(all().map(|code| Some(code.tracker))),
        ints(all().map(|code| Some(code.request))),
        texts(all().map(|code| Some(&code.json))),
        times(all().map(|code| Some(code.at))),
        texts(all().map(|code| code.gclid.as_ref())),
        loaded(codes.len()),
    ];
    rows(&schema::ANALYTICS, columns)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::demo::DemoLake;

    /// As Postgres prints `jsonb`: a space after `:` and `,`, keys by length, then bytes.
    fn normal(value: &Value) -> String {
        match value {
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by_key(|(name, _)| (name.len(), name.as_bytes().to_vec()));
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(name, value)| {
                        format!("{}: {}", Value::from(name.as_str()), normal(value))
                    })
                    .collect();
                format!("{{{}}}", fields.join(", "))
            }
            other => other.to_string(),
        }
    }

    #[test]
    fn codes_are_json_in_the_form_in_which_postgres_prints_it() {
        let copy = DemoLake::try_new(1, 4).unwrap().copy(0);
        let mut rng = copy.noise(3);
        let requests = requests(&copy, &mut rng);
        let (mut objects, mut strings, mut blank_clicks) = (0, 0, 0);
        for code in requests.iter().flat_map(|request| codes(request, &mut rng)) {
            let value: Value = serde_json::from_str(&code.json).unwrap();
            assert_eq!(normal(&value), code.json);
            objects += u32::from(value.is_object());
            strings += u32::from(value.is_string());
            blank_clicks += u32::from(value.get("gclid").is_some_and(|id| id == ""));
        }
        assert!(objects > 3_000 && strings > 10 && blank_clicks > 1_000);
    }

    #[test]
    fn every_matched_click_and_lead_stands_in_a_code_of_its_request() {
        let copy = DemoLake::try_new(1, 4).unwrap().copy(0);
        let mut rng = copy.noise(3);
        for request in requests(&copy, &mut rng) {
            let Some(event) = request.event else { continue };
            let all: String = codes(&request, &mut rng)
                .into_iter()
                .map(|code| code.json)
                .collect();
            let ids = [&event.origin.gclid, &event.origin.fb_lead_id];
            for id in ids.into_iter().flatten() {
                assert!(all.contains(&format!("\"{id}\"")), "{id} in {all}");
            }
        }
    }
}
