//! The plan of the synthetic lake: which clients walk which path, with what money.
//!
//! In: nothing. Out: [`PLAN`], a table of client groups. Every published figure of the
//! original system is a sum over this table (the tests below add them up), so the lake is
//! calibrated by construction: names, times, ids and prices around it may vary with the
//! seed, the figures cannot.

/// What a touch is staged as; rule set `v10` gives it the platform of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// No source is known.
    Unknown,
    /// A web request with a Google Analytics code.
    PaidSearch,
    /// Matched to a Facebook lead: it has a campaign.
    Facebook,
    /// A web request with a Facebook code, matched to nothing.
    PaidSocial,
    /// A visit to an offline event.
    Event,
    /// Matched to a Google click: it has a campaign.
    Google,
    /// Tagged as e-mail.
    Email,
    /// Tagged as a messenger campaign.
    PromoMessenger,
    /// A web form without tracking codes.
    Form,
}

impl Platform {
    /// Every platform, in the order of the published table.
    pub const ALL: [Self; 9] = [
        Self::Unknown,
        Self::PaidSearch,
        Self::Facebook,
        Self::PaidSocial,
        Self::Event,
        Self::Google,
        Self::Email,
        Self::PromoMessenger,
        Self::Form,
    ];
}

/// A stretch of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many touches without a contract.
    Touches {
        /// Where they come from.
        platform: Platform,
        /// How many.
        count: u32,
    },
    /// One touch that is a contract.
    Contract {
        /// Where the contract's own event comes from.
        platform: Platform,
        /// Days from the client's first touch to the contract event.
        event_day: i32,
        /// Days from the client's first touch to the contract's date.
        date_day: i32,
        /// Hryvnias of this contract over all clients of the group.
        revenue: i64,
    },
}

/// Clients that walk the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// How many clients.
    pub clients: u32,
    /// Their touches, oldest first.
    pub path: &'static [Step],
}

/// `count` touches without a contract.
const fn t(count: u32, platform: Platform) -> Step {
    Step::Touches { platform, count }
}

/// A contract dated on the day of its event.
const fn k(platform: Platform, day: i32, revenue: i64) -> Step {
    Step::Contract {
        platform,
        event_day: day,
        date_day: day,
        revenue,
    }
}

/// A contract whose document bears an earlier date than its event.
const fn predated(platform: Platform, event_day: i32, date_day: i32, revenue: i64) -> Step {
    Step::Contract {
        platform,
        event_day,
        date_day,
        revenue,
    }
}

const fn group(clients: u32, path: &'static [Step]) -> Group {
    Group { clients, path }
}

use Platform::{
    Email as M, Event as E, Facebook as F, Form as O, Google as G, PaidSearch as S,
    PaidSocial as P, PromoMessenger as T, Unknown as U,
};

/// The clients of scale 1, those with contracts first.
///
/// Read `group(4, &[t(5, U), t(1, G), k(U, 8, 90_000)])` as: four clients with five
/// unknown touches, one Google touch, then on day 8 an unknown touch that is a contract;
/// the four contracts together are worth 90,000 hryvnias. A contract goes to the last
/// touch from `F` or `G` (they alone have campaigns), else to the path's first touch.
#[rustfmt::skip]
pub const PLAN: &[Group] = &[
    // Google is the last paid touch: 24 contracts, 1,104,260.
    group(4, &[t(5, U), t(1, G), t(2, U), k(G, 8, 231_000), t(1, U), k(G, 14, 229_740)]),
    group(4, &[t(1, G), t(4, U), k(G, 6, 232_000)]),
    group(5, &[t(6, U), t(1, G), t(2, U), k(U, 11, 187_500)]),
    group(2, &[t(3, U), t(2, G), k(S, 5, 62_000), t(1, U), k(S, 8, 60_520)]),
    group(3, &[t(5, U), t(1, G), t(1, U), k(S, 10, 101_500)]),
    // Facebook is the last paid touch: 3 contracts, 112,878.
    group(2, &[t(4, U), t(3, F), t(2, U), k(S, 12, 73_000)]),
    group(1, &[t(2, F), t(7, U), k(U, 15, 39_878)]),
    // First touch event: 2 contracts, 59,260.
    group(2, &[t(3, E), t(5, U), k(E, 5, 59_260)]),
    // First touch paid_search: 82 contracts, 3,620,000.
    group(5, &[k(S, 0, 210_000)]),
    group(1, &[predated(S, 0, -1, 42_000)]),
    group(6, &[t(1, S), t(2, U), k(S, 3, 264_000)]),
    group(16, &[t(1, S), k(S, 0, 672_000), k(S, 1, 688_000)]),
    group(12, &[t(1, S), t(3, U), k(S, 3, 540_000), t(1, U), k(S, 6, 552_000)]),
    group(6, &[t(1, S), t(3, U), k(U, 5, 294_000)]),
    group(4, &[t(2, S), k(S, 1, 168_000), t(2, U), k(U, 3, 190_000)]),
    // First touch unknown: 313 contracts, 20,245,829. Contract events on an event, ...
    group(1, &[t(4, U), t(2, E), k(E, 9, 22_490)]),
    // ... on unknown, ...
    group(5, &[k(U, 0, 340_000)]),
    group(14, &[t(2, U), k(U, 1, 980_000)]),
    group(30, &[t(6, U), k(U, 7, 2_190_000)]),
    group(30, &[t(6, U), t(2, P), k(U, 11, 2_280_000)]),
    group(22, &[t(8, U), k(U, 14, 1_694_000)]),
    group(12, &[t(4, U), t(2, S), t(2, U), k(U, 13, 900_000)]),
    group(6, &[t(11, U), k(U, 21, 480_000)]),
    group(16, &[t(4, U), k(U, 6, 1_184_000), t(2, U), k(U, 12, 1_200_000)]),
    group(8, &[t(6, U), predated(U, 13, 11, 600_000), predated(U, 13, 11, 608_000), t(2, U)]),
    group(4, &[t(8, U), k(U, 10, 300_000), t(3, U), k(U, 25, 312_000), t(1, U)]),
    // ... on paid_search (three clients meet Google only after their contracts), ...
    group(12, &[t(6, U), t(1, S), k(S, 8, 600_000)]),
    group(9, &[t(7, U), k(S, 11, 459_000)]),
    group(15, &[t(4, U), k(S, 7, 750_000), t(1, U), k(S, 10, 765_000)]),
    group(3, &[t(4, U), k(S, 7, 150_000), t(1, U), k(S, 10, 156_000), t(1, G)]),
    group(12, &[t(6, U), t(2, S), k(S, 12, 600_000), k(S, 12, 612_000)]),
    group(9, &[t(5, U), k(S, 9, 450_000), k(S, 9, 450_000), t(1, U), k(S, 14, 468_000)]),
    group(3, &[t(9, U), k(S, 16, 153_000), k(S, 16, 150_000), k(S, 18, 156_000), t(11, U)]),
    // ... and on both.
    group(10, &[t(5, U), k(U, 8, 744_904), t(1, U), k(S, 13, 491_435)]),
    // No contract: paid_search, alone, first and later; thirty clients meet Facebook too.
    group(14, &[t(1, S)]),
    group(20, &[t(1, S), t(2, U)]),
    group(13, &[t(2, S), t(3, U)]),
    group(50, &[t(2, U), t(1, S)]),
    group(30, &[t(2, U), t(1, S), t(1, F)]),
    group(60, &[t(2, U), t(2, S), t(1, U)]),
    group(48, &[t(3, U), t(3, S)]),
    group(23, &[t(2, U), t(5, S)]),
    group(17, &[t(3, U), t(6, S)]),
    // Facebook.
    group(3, &[t(1, F)]),
    group(13, &[t(2, F), t(3, U)]),
    group(20, &[t(2, U), t(1, F)]),
    group(60, &[t(3, U), t(2, F), t(1, U)]),
    group(44, &[t(2, U), t(3, F), t(2, U)]),
    group(15, &[t(2, U), t(5, F), t(1, U)]),
    group(25, &[t(3, U), t(6, F)]),
    // paid_social.
    group(8, &[t(1, P)]),
    group(16, &[t(2, P), t(2, U)]),
    group(50, &[t(2, U), t(2, P), t(1, U)]),
    group(25, &[t(1, U), t(4, P)]),
    group(10, &[t(3, U), t(4, P), t(1, U)]),
    group(9, &[t(2, U), t(5, P)]),
    // Events.
    group(2, &[t(1, E)]),
    group(11, &[t(3, E), t(2, U)]),
    group(20, &[t(2, U), t(3, E)]),
    group(16, &[t(1, U), t(4, E), t(1, U)]),
    group(8, &[t(3, U), t(5, E), t(1, U)]),
    group(8, &[t(1, U), t(6, E)]),
    // Google.
    group(2, &[t(1, G)]),
    group(5, &[t(1, G), t(3, U)]),
    group(8, &[t(3, U), t(1, G)]),
    group(11, &[t(2, U), t(2, G), t(1, U)]),
    group(4, &[t(1, U), t(3, G)]),
    // The three platforms seen once.
    group(1, &[t(3, U), t(1, M), t(1, U)]),
    group(1, &[t(2, U), t(1, T), t(2, U)]),
    group(1, &[t(1, U), t(1, O), t(3, U)]),
    // Nothing but unknown.
    group(1178, &[t(1, U)]),
    group(520, &[t(2, U)]),
    group(500, &[t(3, U)]),
    group(470, &[t(4, U)]),
    group(390, &[t(5, U)]),
    group(260, &[t(6, U)]),
    group(160, &[t(7, U)]),
    group(57, &[t(8, U)]),
    group(65, &[t(9, U)]),
    group(3, &[t(11, U)]),
    group(2, &[t(13, U)]),
];

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// One touch of a group's path: platform, and (date day, revenue) of a contract.
    fn touches(group: &Group) -> Vec<(Platform, Option<(i32, i64)>)> {
        let mut path = Vec::new();
        for step in group.path {
            match *step {
                Step::Touches { platform, count } => {
                    path.extend((0..count).map(|_| (platform, None)));
                }
                Step::Contract {
                    platform,
                    date_day,
                    revenue,
                    ..
                } => {
                    path.push((platform, Some((date_day, revenue))));
                }
            }
        }
        path
    }

    /// events, clients, first touches, contracts, clients converted, revenue
    type Margins = [i64; 6];

    fn margins() -> BTreeMap<Platform, Margins> {
        let mut sums: BTreeMap<Platform, Margins> = BTreeMap::new();
        for group in PLAN {
            let path = touches(group);
            let clients = i64::from(group.clients);
            for (platform, contract) in &path {
                let row = sums.entry(*platform).or_default();
                row[0] += clients;
                if let Some((_, revenue)) = contract {
                    row[3] += clients;
                    row[5] += revenue;
                }
            }
            for platform in path.iter().map(|touch| touch.0).collect::<BTreeSet<_>>() {
                sums.entry(platform).or_default()[1] += clients;
            }
            sums.entry(path[0].0).or_default()[2] += clients;
            let converted = path
                .iter()
                .filter(|touch| touch.1.is_some())
                .map(|touch| touch.0);
            for platform in converted.collect::<BTreeSet<_>>() {
                sums.entry(platform).or_default()[4] += clients;
            }
        }
        sums
    }

    #[test]
    fn the_plan_adds_up_to_the_first_published_table() {
        let published = [
            (U, [14_905, 4_519, 4_406, 201, 173, 14_524_282]),
            (S, [937, 417, 97, 208, 124, 9_843_455]),
            (F, [564, 213, 17, 0, 0, 0]),
            (P, [385, 148, 24, 0, 0, 0]),
            (E, [258, 68, 15, 3, 3, 81_750]),
            (G, [84, 51, 11, 12, 8, 692_740]),
            (M, [1, 1, 0, 0, 0, 0]),
            (T, [1, 1, 0, 0, 0, 0]),
            (O, [1, 1, 0, 0, 0, 0]),
        ];
        assert_eq!(margins(), BTreeMap::from(published));
    }

    #[test]
    fn the_plan_adds_up_to_the_published_totals() {
        let clients: u32 = PLAN.iter().map(|group| group.clients).sum();
        assert_eq!(clients, 4_570);
        let converted = PLAN
            .iter()
            .filter(|group| touches(group).iter().any(|t| t.1.is_some()));
        assert_eq!(converted.map(|group| group.clients).sum::<u32>(), 294);
        assert_eq!(
            PLAN.iter().map(|group| touches(group).len()).max(),
            Some(23)
        );
        let sums = margins();
        assert_eq!(sums.values().map(|row| row[0]).sum::<i64>(), 17_136);
        assert_eq!(sums.values().map(|row| row[3]).sum::<i64>(), 424);
        assert_eq!(sums.values().map(|row| row[5]).sum::<i64>(), 25_142_227);
    }

    #[test]
    fn the_plan_adds_up_to_the_second_published_table() {
        // contracts, revenue, touches, days
        let mut sums: BTreeMap<Platform, [i64; 4]> = BTreeMap::new();
        for group in PLAN {
            let path = touches(group);
            for (last, (_, contract)) in path.iter().enumerate() {
                let Some((day, revenue)) = contract else {
                    continue;
                };
                let clients = i64::from(group.clients);
                let paid = path[..=last]
                    .iter()
                    .rev()
                    .find(|touch| matches!(touch.0, F | G));
                let row = sums.entry(paid.unwrap_or(&path[0]).0).or_default();
                row[0] += clients;
                row[1] += revenue;
                row[2] += clients * i64::try_from(last + 1).unwrap();
                row[3] += clients * i64::from(*day);
            }
        }
        // Published: 20.2 M, 7.6, 10.2 · 3.6 M, 3.9, 2.3 · 1.1 M, 8.6, 9.3 · 112,878, 10.0, 13.0
        // · 59,260, 9.0, 5.0. By hand: 2377/313 = 7.594, 3194/313 = 10.204; 320/82 = 3.902,
        // 187/82 = 2.280; 206/24 = 8.583, 223/24 = 9.292; 30/3, 39/3; 18/2, 10/2.
        let planned = [
            (U, [313, 20_245_829, 2_377, 3_194]),
            (S, [82, 3_620_000, 320, 187]),
            (G, [24, 1_104_260, 206, 223]),
            (F, [3, 112_878, 30, 39]),
            (E, [2, 59_260, 18, 10]),
        ];
        assert_eq!(sums, BTreeMap::from(planned));
    }
}
