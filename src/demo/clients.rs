//! Turns the plan into the touches of one copy of the lake.
//!
//! In: [`PLAN`] and a random generator. Out: every client's touches in path order, with
//! days, times and prices drawn so that no sum of the plan changes.

use rand::Rng;
use rand::seq::SliceRandom;

use super::plan::{Group, PLAN, Platform, Step};

/// Microseconds of a second.
pub(super) const SECOND: i64 = 1_000_000;
/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400 * SECOND;
/// 2025-04-24 as days since 1970-01-01: the first day with a touch.
pub(super) const FIRST_DAY: i32 = 20_202;
/// 2025-10-21: the last day with a touch.
pub(super) const LAST_DAY: i32 = 20_382;

/// A contract: money and date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Contract {
    /// Its amount in kopecks.
    pub cents: i64,
    /// Its date, in days since 1970-01-01.
    pub date: i32,
}

/// One touch of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Touch {
    /// The client's number within the copy, from 0.
    pub client: u32,
    /// When, in microseconds since 1970-01-01.
    pub at: i64,
    /// Where it comes from.
    pub platform: Platform,
    /// The contract it is, if any.
    pub contract: Option<Contract>,
}

/// How many clients the plan has.
pub(super) fn planned_clients() -> u32 {
    PLAN.iter().map(|group| group.clients).sum()
}

/// The touches of one copy, client by client, each client's in path order.
pub(super) fn touches(rng: &mut impl Rng) -> Vec<Touch> {
    let total = planned_clients();
    let mut ranks: Vec<u32> = (0..total).collect();
    ranks.shuffle(rng);
    let mut copy = Vec::new();
    let mut client = 0;
    for group in PLAN {
        let prices = group_prices(group, rng);
        for (member, shift) in day_shifts(group, rng).into_iter().enumerate() {
            let mut path = lay_out(group, shift, rng);
            let rank = ranks.get(client as usize).copied().unwrap_or(0);
            let start = start_day(&path, (rank, total), rng);
            let mut own_prices = prices.iter().filter_map(|price| price.get(member).copied());
            for touch in &mut path {
                touch.client = client;
                touch.at += i64::from(start) * DAY;
                if let Some(contract) = &mut touch.contract {
                    contract.date += start;
                    contract.cents = own_prices.next().unwrap_or(0);
                }
            }
            set_times(&mut path, rng);
            copy.extend(path);
            client += 1;
        }
    }
    copy
}

/// What each contract of the group costs each client; the sums are the plan's.
fn group_prices(group: &Group, rng: &mut impl Rng) -> Vec<Vec<i64>> {
    let contracts = group.path.iter().filter_map(|step| match step {
        Step::Contract { revenue, .. } => Some(*revenue),
        Step::Touches { .. } => None,
    });
    contracts
        .map(|revenue| split(revenue * 100, group.clients, rng))
        .collect()
}

/// Splits `cents` into uneven, plausible prices that sum to it: most are multiples of 50
/// hryvnias, some have kopecks.
fn split(cents: i64, parts: u32, rng: &mut impl Rng) -> Vec<i64> {
    const STEP: i64 = 5_000;
    let weights: Vec<i64> = (0..parts).map(|_| rng.random_range(750..=1_250)).collect();
    let sum: i64 = weights.iter().sum();
    let mut prices: Vec<i64> = weights
        .iter()
        .map(|weight| cents * weight / sum / STEP * STEP)
        .collect();
    let mut left = cents - prices.iter().sum::<i64>();
    for price in &mut prices {
        let more = left.min(STEP);
        *price += more;
        left -= more;
    }
    for pair in prices.chunks_exact_mut(2) {
        if rng.random_ratio(1, 4) {
            let kopecks = rng.random_range(1..STEP);
            pair[0] += kopecks;
            pair[1] -= kopecks;
        }
    }
    prices
}

/// By how many days each client's contracts come later than planned: pairs of clients
/// take the same number up and down, so that the group's sum of days stands.
fn day_shifts(group: &Group, rng: &mut impl Rng) -> Vec<i32> {
    let first_contract = group.path.iter().find_map(|step| match step {
        Step::Contract {
            event_day,
            date_day,
            ..
        } => Some((*event_day).min(*date_day)),
        Step::Touches { .. } => None,
    });
    let most = first_contract.unwrap_or(0).clamp(0, 5);
    let mut shifts = vec![0; group.clients as usize];
    for pair in shifts.chunks_exact_mut(2) {
        let shift = rng.random_range(0..=most);
        pair.copy_from_slice(&[shift, -shift]);
    }
    shifts
}

/// The path with days counted from its first touch; times and prices are still missing.
fn lay_out(group: &Group, shift: i32, rng: &mut impl Rng) -> Vec<Touch> {
    let mut path: Vec<Touch> = Vec::new();
    let mut waiting: Vec<Platform> = Vec::new();
    let mut today = 0;
    for step in group.path {
        match *step {
            Step::Touches { platform, count } => waiting.extend((0..count).map(|_| platform)),
            Step::Contract {
                platform,
                event_day,
                date_day,
                ..
            } => {
                place(&mut path, &mut waiting, (today, event_day + shift), rng);
                today = event_day + shift;
                let contract = Contract {
                    cents: 0,
                    date: date_day + shift,
                };
                let at = i64::from(today) * DAY;
                path.push(Touch {
                    client: 0,
                    at,
                    platform,
                    contract: Some(contract),
                });
            }
        }
    }
    let left = i32::try_from(waiting.len()).unwrap_or(i32::MAX);
    let until = today + rng.random_range(0..=left.saturating_mul(6).min(75));
    place(&mut path, &mut waiting, (today, until), rng);
    path
}

/// Spreads the waiting touches over the days from one to the other, both included.
fn place(
    path: &mut Vec<Touch>,
    waiting: &mut Vec<Platform>,
    (from, until): (i32, i32),
    rng: &mut impl Rng,
) {
    let mut days: Vec<i32> = waiting
        .iter()
        .map(|_| rng.random_range(from..=until))
        .collect();
    days.sort_unstable();
    for index in 1..days.len() {
        // A second touch on the day of the one before: calls come in bursts.
        if rng.random_ratio(1, 8) {
            days[index] = days[index - 1];
        }
    }
    if let (true, Some(first)) = (path.is_empty(), days.first_mut()) {
        *first = 0;
    }
    path.extend(waiting.drain(..).zip(days).map(|(platform, day)| Touch {
        client: 0,
        at: i64::from(day) * DAY,
        platform,
        contract: None,
    }));
}

/// The day of the client's first touch: any that lets the path end in time, late days more
/// often. Each client has its own slice of the distribution, so every copy reaches from the
/// first day to the last.
fn start_day(path: &[Touch], (rank, total): (u32, u32), rng: &mut impl Rng) -> i32 {
    let span = path.last().map_or(0, |touch| touch.at / DAY);
    let room = i64::from(LAST_DAY - FIRST_DAY) - span;
    let place = i64::from(rank) * 1_000 + rng.random_range(0..1_000);
    let places = i64::from(total) * 1_000;
    let back = (room + 1) * place * place / (places * places);
    FIRST_DAY + i32::try_from(room - back).unwrap_or(0)
}

/// Gives every touch a time of its day, in path order; some share theirs with the touch
/// before.
fn set_times(path: &mut [Touch], rng: &mut impl Rng) {
    for same_day in path.chunk_by_mut(|left, right| left.at == right.at) {
        let mut times: Vec<i64> = same_day
            .iter()
            .map(|_| rng.random_range(8 * 3_600 + 1_800..20 * 3_600))
            .collect();
        times.sort_unstable();
        for index in 1..times.len() {
            if rng.random_ratio(1, 3) {
                times[index] = times[index - 1];
            }
        }
        for (touch, seconds) in same_day.iter_mut().zip(times) {
            touch.at += seconds * SECOND;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn copy(seed: u64) -> Vec<Touch> {
        touches(&mut ChaCha8Rng::seed_from_u64(seed))
    }

    #[test]
    fn prices_sum_to_the_plan_and_are_never_negative() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for parts in [1, 2, 5, 30] {
            let prices = split(4_987_800, parts, &mut rng);
            assert_eq!(prices.iter().sum::<i64>(), 4_987_800);
            assert!(prices.iter().all(|price| *price > 0), "{prices:?}");
        }
    }

    #[test]
    fn touches_of_a_client_never_go_back_in_time() {
        for pair in copy(3).windows(2) {
            assert!(
                pair[0].client != pair[1].client || pair[0].at <= pair[1].at,
                "{pair:?}"
            );
        }
    }

    #[test]
    fn every_seed_reaches_from_the_first_day_to_the_last_and_no_further() {
        for seed in 0..5 {
            let days: Vec<i64> = copy(seed).iter().map(|touch| touch.at / DAY).collect();
            assert_eq!(days.iter().min(), Some(&i64::from(FIRST_DAY)));
            assert_eq!(days.iter().max(), Some(&i64::from(LAST_DAY)));
        }
    }

    #[test]
    fn days_to_contract_sum_to_the_plan_whatever_the_seed() {
        for seed in 0..5 {
            let mut first = (u32::MAX, 0);
            let mut days = 0;
            for touch in copy(seed) {
                if touch.client != first.0 {
                    first = (touch.client, touch.at / DAY);
                }
                days += touch
                    .contract
                    .map_or(0, |contract| i64::from(contract.date) - first.1);
            }
            // 3194 + 187 + 223 + 39 + 10
            assert_eq!(days, 3_653);
        }
    }
}
