//! The CRM's own tables: events, their types, documents, forms, the calendar of events.

use super::{Rows, absent, cents, days, ints, loaded, longs, rows, small, texts, times};
use crate::demo::catalogue::{CONTRACT_TYPE, EVENT_TYPES, FORMS, OFFLINE_EVENTS};
use crate::demo::clients::{DAY, FIRST_DAY};
use crate::demo::events::Event;
use crate::demo::plan::Platform;
use crate::demo::{Copy, DemoError};
use crate::schema;

/// Offline events in the calendar, one a week from two weeks before the first touch.
const CALENDAR: i32 = 28;
/// Ids of form and event relations that one copy may use.
const RELATION_IDS: i64 = 20_000;

pub(super) fn tables(copy: &Copy) -> Result<Vec<Rows>, DemoError> {
    let mut tables = vec![
        new_source(copy)?,
        docs_clients(copy)?,
        events_relations(copy)?,
        new_form(copy)?,
    ];
    if copy.number == 0 {
        tables.extend([new_types()?, calendar()?, form_names()?]);
    }
    Ok(tables)
}

/// The operator who entered the event; one in 23 has none.
pub(super) fn operator(event: &Event) -> Option<i64> {
    (event.id % 23 > 0).then_some(100 + event.id % 37)
}

fn new_source(copy: &Copy) -> Result<Rows, DemoError> {
    let events = || copy.events.iter();
    let count = copy.events.len();
    let set = |one_in: i64| events().map(move |event| Some(i32::from(event.id % one_in == 3)));
    let plan = |kind: i32, hours: i64| {
        events().map(move |event| {
            event
                .at
                .filter(|_| event.kind == kind)
                .map(|at| at + hours * 3_600_000_000)
        })
    };
    let columns = vec![
        longs(events().map(|event| Some(event.id))),
        longs(events().map(operator)),
        longs(events().map(|event| event.client)),
        ints(events().map(|event| Some(event.kind))),
        days(events().map(|event| event.day().filter(|_| event.id % 3 == 0))),
        times(events().map(|event| event.at)),
        times(plan(2, 24)),
        times(plan(8, 48)),
        times(plan(9, 26)),
        days(absent(count)),
        days(absent(count)),
        ints(set(9)),
        ints(set(31)),
        ints(events().map(|event| Some(i32::from(event.platform == Platform::Event)))),
        ints(set(101)),
        ints(events().map(|_| Some(0))),
        // The contract flag is not maintained.
        ints(events().map(|_| Some(0))),
        times(events().map(|event| Some(event.entered))),
        loaded(count),
        days(events().map(Event::day)),
    ];
    rows(&schema::NEW_SOURCE, columns)
}

fn docs_clients(copy: &Copy) -> Result<Rows, DemoError> {
    let documents = || copy.documents.iter();
    let columns = vec![
        longs(documents().map(|document| Some(document.id))),
        longs(documents().map(|document| document.id_source)),
        days(documents().map(|document| document.date)),
        cents(18, documents().map(|document| document.cents)),
    ];
    rows(&schema::DOCS_CLIENTS, columns)
}

fn events_relations(copy: &Copy) -> Result<Rows, DemoError> {
    let visits = || {
        copy.events
            .iter()
            .filter(|event| event.platform == Platform::Event)
    };
    let first = 7_000 + i64::from(copy.number) * RELATION_IDS;
    let week = |event: &Event| {
        let weeks = event
            .day()
            .map_or(0, |day| (day - FIRST_DAY).div_euclid(7) + 2);
        i64::from(weeks.clamp(0, CALENDAR - 1))
    };
    let columns = vec![
        longs((first..).zip(visits()).map(|(id, _)| Some(id))),
        longs(visits().map(|event| Some(event.id))),
        longs(visits().map(|event| Some(event_id(week(event))))),
        days(visits().map(Event::day)),
    ];
    rows(&schema::EVENTS_RELATIONS, columns)
}

/// Every second event of unknown source came through a form that nobody looks at, some
/// through two.
fn new_form(copy: &Copy) -> Result<Rows, DemoError> {
    let forms: Vec<&Event> = copy
        .events
        .iter()
        .filter(|event| event.platform == Platform::Unknown && event.kind != CONTRACT_TYPE)
        .flat_map(|event| {
            let times = match event.id % 20 {
                0..=9 => 1,
                10 => 2,
                _ => 0,
            };
            std::iter::repeat_n(event, times)
        })
        .collect();
    let first = 90_000 + i64::from(copy.number) * RELATION_IDS;
    let count = i32::try_from(FORMS.len()).unwrap_or(i32::MAX);
    let form = |(place, event): (i64, &&Event)| {
        i32::try_from((event.id / 20 + place) % i64::from(count))
            .ok()
            .map(|form| form + 1)
    };
    let columns = vec![
        longs((first..).zip(&forms).map(|(id, _)| Some(id))),
        longs(forms.iter().map(|event| Some(event.id))),
        ints((0..).zip(&forms).map(form)),
    ];
    rows(&schema::NEW_FORM, columns)
}

fn new_types() -> Result<Rows, DemoError> {
    let columns = vec![
        ints(EVENT_TYPES.iter().map(|(id, _)| Some(*id))),
        texts(EVENT_TYPES.iter().map(|(_, name)| Some(*name))),
        loaded(EVENT_TYPES.len()),
    ];
    rows(&schema::NEW_TYPES, columns)
}

fn form_names() -> Result<Rows, DemoError> {
    let columns = vec![
        ints((1..).zip(FORMS).map(|(id, _)| Some(id))),
        texts(FORMS.iter().map(Some)),
        ints((1..).zip(FORMS).map(|(id, _)| Some(i32::from(id % 4 == 0)))),
        ints(
            (1..)
                .zip(FORMS)
                .map(|(id, _)| (id % 5 > 0).then_some(id * 10)),
        ),
    ];
    rows(&schema::NEW_FORM_NAME, columns)
}

fn event_id(week: i64) -> i64 {
    310 + week * 3
}

fn calendar() -> Result<Rows, DemoError> {
    let weeks = || 0..CALENDAR;
    let day = |week: i32| FIRST_DAY + (week - 2) * 7 + 2;
    let name = |week: i32| OFFLINE_EVENTS.get(week.unsigned_abs() as usize % OFFLINE_EVENTS.len());
    let count = weeks().len();
    let columns = vec![
        longs(weeks().map(|week| Some(event_id(week.into())))),
        texts(weeks().map(name)),
        texts(weeks().map(|week| name(week).map(|name| format!("{name}, №{}", week + 1)))),
        times(weeks().map(|week| Some(i64::from(day(week)) * DAY + 11 * 3_600_000_000))),
        longs(weeks().map(|week| (week % 8 > 3).then(|| event_id(i64::from(week) - 4)))),
        small(weeks().map(|_| Some(1))),
        small(weeks().map(|week| i16::try_from(week % 3).ok())),
        small(weeks().map(|week| i16::try_from(week % 2).ok())),
        cents(
            18,
            weeks().map(|week| (week % 4 > 0).then(|| i64::from(week) * 25_000)),
        ),
        loaded(count),
        days(weeks().map(|week| Some(day(week)))),
    ];
    rows(&schema::EVENTS, columns)
}
