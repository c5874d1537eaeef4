//! One copy of the lake as CRM events with ids, in id order, and their documents.
//!
//! In: the copy's touches. Out: an [`Event`] for each, among events that a run since 2025
//! leaves out: without client, without date, or before 2025.

use rand::Rng;
use rand::seq::{SliceRandom, index};

use super::catalogue::{CONTRACT_TYPE, VISIT_TYPE, WEB_TYPE};
use super::clients::{self, Contract, DAY, FIRST_DAY, LAST_DAY, SECOND};
use super::origins::Origin;
use super::plan::Platform;

/// Ids of events that one copy may use.
const EVENT_IDS: i64 = 60_000;
/// Ids of clients that one copy may use.
const CLIENT_IDS: i64 = 20_000;
/// Events per copy that belong to nobody.
const WITHOUT_CLIENT: u32 = 60;
/// Events per copy without a date.
const WITHOUT_DATE: u32 = 25;
/// Events per copy before 2025.
const BEFORE_2025: u32 = 150;
/// Clients per copy who were last seen before 2025.
const FORMER_CLIENTS: u32 = 40;
/// Events per copy of type contract without an amount, as the original counted them.
const WITHOUT_AMOUNT: usize = 49;
/// 2024-09-01 and 2024-12-31 as days since 1970-01-01.
const YEAR_BEFORE: std::ops::RangeInclusive<i32> = 19_967..=20_088;

/// How a contract is put on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    /// By a document that bears the contract's date.
    Dated,
    /// By a document without a date: the event's date counts.
    Undated,
    /// By the staged columns alone.
    Staged,
}

/// One CRM event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// `id_source`.
    pub id: i64,
    /// The client's id.
    pub client: Option<i64>,
    /// When it happened, in microseconds since 1970-01-01, the CRM's local time.
    pub at: Option<i64>,
    /// When it was entered: ids follow this.
    pub entered: i64,
    /// Where it comes from.
    pub platform: Platform,
    /// What it is staged with.
    pub origin: Origin,
    /// The contract it is, and how we know.
    pub contract: Option<(Contract, Record)>,
    /// Its type.
    pub kind: i32,
}

impl Event {
    /// Whether it came through a web request.
    pub(super) fn has_request(&self) -> bool {
        !matches!(self.platform, Platform::Unknown | Platform::Event)
    }

    /// The day it happened, in days since 1970-01-01.
    pub(super) fn day(&self) -> Option<i32> {
        self.at.map(day_of)
    }
}

/// The day of a time, both since 1970-01-01.
pub(super) fn day_of(micros: i64) -> i32 {
    i32::try_from(micros.div_euclid(DAY)).unwrap_or(i32::MAX)
}

/// The events of copy `number`, in id order.
pub(super) fn events(number: u32, rng: &mut impl Rng) -> Vec<Event> {
    let ids = client_ids(number, rng);
    let mut events = planned(&ids, rng);
    left_out(&ids, &mut events, rng);
    // Stable: touches of one client that share their time stay in path order.
    events.sort_by_key(|event| event.entered);
    let mut id = 1_000_000 + i64::from(number) * EVENT_IDS;
    for event in &mut events {
        id += rng.random_range(1..=3);
        event.id = id;
    }
    events
}

/// Client ids in an order that has nothing to do with the plan's or with time.
fn client_ids(number: u32, rng: &mut impl Rng) -> Vec<i64> {
    let first = 500_000 + i64::from(number) * CLIENT_IDS;
    let mut places: Vec<u32> = (0..clients::planned_clients() + FORMER_CLIENTS).collect();
    places.shuffle(rng);
    places
        .into_iter()
        .map(|place| first + i64::from(place) * 4 + rng.random_range(0..4))
        .collect()
}

fn planned(ids: &[i64], rng: &mut impl Rng) -> Vec<Event> {
    let touches = clients::touches(rng);
    let mut events: Vec<Event> = Vec::with_capacity(touches.len() + 300);
    let mut contracts = 0;
    for touch in touches {
        let client = ids.get(touch.client as usize).copied();
        let entered = match events.last() {
            Some(last) if last.client == client && last.at == Some(touch.at) => last.entered,
            _ => touch.at + entry_delay(rng),
        };
        let contract = touch.contract.map(|contract| {
            contracts += 1;
            (contract, record(contract, (contracts, touch.at), rng))
        });
        let kind = if contract.is_some() {
            CONTRACT_TYPE
        } else {
            kind_of(touch.platform, rng)
        };
        let origin = Origin::of(touch.platform, rng);
        let (at, platform) = (Some(touch.at), touch.platform);
        events.push(Event {
            id: 0,
            client,
            at,
            entered,
            platform,
            origin,
            contract,
            kind,
        });
    }
    let plain: Vec<usize> = (0..events.len())
        .filter(|place| events[*place].contract.is_none() && events[*place].kind != VISIT_TYPE)
        .collect();
    for place in index::sample(rng, plain.len(), WITHOUT_AMOUNT) {
        events[plain[place]].kind = CONTRACT_TYPE;
    }
    events
}

/// Most events are entered as they happen, some hours later: then ids and dates disagree.
fn entry_delay(rng: &mut impl Rng) -> i64 {
    if rng.random_ratio(1, 10) {
        rng.random_range(60..6 * 3_600) * SECOND
    } else {
        0
    }
}

/// Every 47th contract is staged only, half of the others have an undated document; one
/// dated on another day than its event needs the date.
fn record(contract: Contract, (count, at): (u32, i64), rng: &mut impl Rng) -> Record {
    if contract.date != day_of(at) {
        Record::Dated
    } else if count % 47 == 20 {
        Record::Staged
    } else if rng.random_ratio(1, 2) {
        Record::Undated
    } else {
        Record::Dated
    }
}

fn kind_of(platform: Platform, rng: &mut impl Rng) -> i32 {
    const CALLS: [i32; 8] = [1, 1, 1, 2, 2, 3, 8, 9];
    match platform {
        Platform::Event => VISIT_TYPE,
        Platform::Unknown => CALLS
            .get(rng.random_range(0..CALLS.len()))
            .copied()
            .unwrap_or(1),
        _ => WEB_TYPE,
    }
}

/// Adds what a run since 2025 leaves out.
fn left_out(ids: &[i64], events: &mut Vec<Event>, rng: &mut impl Rng) {
    for number in 0..WITHOUT_CLIENT + WITHOUT_DATE + BEFORE_2025 {
        let early = number >= WITHOUT_CLIENT + WITHOUT_DATE;
        let days = if early {
            YEAR_BEFORE
        } else {
            FIRST_DAY..=LAST_DAY
        };
        let last_second = early && number % 50 == 0;
        let day = if last_second {
            *days.end()
        } else {
            rng.random_range(days)
        };
        let seconds = if last_second {
            86_399
        } else {
            rng.random_range(8 * 3_600..20 * 3_600)
        };
        let at = i64::from(day) * DAY + seconds * SECOND;
        let platform = Platform::ALL[rng.random_range(0..Platform::ALL.len())];
        let client = match number {
            // The last ones of the list have no touch in the plan.
            _ if early && number % 2 == 0 => ids.len() - 1 - (number % FORMER_CLIENTS) as usize,
            _ => rng.random_range(0..ids.len() - FORMER_CLIENTS as usize),
        };
        let client = ids
            .get(client)
            .copied()
            .filter(|_| number >= WITHOUT_CLIENT);
        let dated = early || number < WITHOUT_CLIENT;
        let contract = (number % 12 == 0).then(|| {
            let cents = rng.random_range(200..900) * 10_000;
            (Contract { cents, date: day }, Record::Dated)
        });
        events.push(Event {
            id: 0,
            client,
            at: dated.then_some(at),
            entered: at,
            platform,
            origin: Origin::of(platform, rng),
            contract,
            kind: if contract.is_some() {
                CONTRACT_TYPE
            } else {
                kind_of(platform, rng)
            },
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// 2025-01-01.
    const SINCE: i64 = 20_089 * DAY;

    fn copy(number: u32) -> Vec<Event> {
        events(number, &mut ChaCha8Rng::seed_from_u64(5))
    }

    #[test]
    fn the_cut_leaves_the_published_number_of_events_and_clients() {
        let kept: Vec<Event> = copy(0)
            .into_iter()
            .filter(|event| event.client.is_some() && event.at.is_some_and(|at| at >= SINCE))
            .collect();
        assert_eq!(kept.len(), 17_136);
        assert_eq!(
            kept.iter()
                .map(|event| event.client)
                .collect::<BTreeSet<_>>()
                .len(),
            4_570
        );
    }

    #[test]
    fn the_cut_has_events_to_leave_out_for_every_reason() {
        let events = copy(0);
        let dates = || events.iter().filter_map(|event| event.at);
        assert_eq!(
            events.iter().filter(|event| event.client.is_none()).count(),
            60
        );
        assert_eq!(events.iter().filter(|event| event.at.is_none()).count(), 25);
        assert_eq!(dates().filter(|at| *at < SINCE).count(), 150);
        assert_eq!(dates().filter(|at| *at == SINCE - SECOND).count(), 3);
    }

    #[test]
    fn ids_rise_within_a_copy_and_from_copy_to_copy() {
        let ids: Vec<i64> = copy(0)
            .into_iter()
            .chain(copy(1))
            .map(|event| event.id)
            .collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn ids_follow_neither_clients_nor_dates_but_ties_stay_in_order() {
        let events = copy(0);
        assert!(!events.is_sorted_by_key(|event| event.client));
        assert!(!events.is_sorted_by_key(|event| event.at));
        let mut ties: BTreeMap<_, u32> = BTreeMap::new();
        for event in events
            .iter()
            .filter(|event| event.client.is_some() && event.at.is_some())
        {
            *ties.entry((event.client, event.at)).or_default() += 1;
        }
        let tied = ties.values().filter(|touches| **touches > 1).count();
        assert!(tied > 200, "{tied} groups of touches share their time");
    }
}
