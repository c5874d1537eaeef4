//! The contract documents of one copy, with the surplus that real ones have.
//!
//! In: the copy's events. Out: documents in the order of their ids: one that counts for
//! every documented contract, and around it losers, free ones, lost ones.

use rand::Rng;

use super::catalogue::CONTRACT_TYPE;
use super::events::{Event, Record};

/// Ids of documents that one copy may use.
const DOCUMENT_IDS: i64 = 2_000;
/// One documented contract in so many has a second document.
const ONE_IN: u32 = 25;

/// One contract document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Document {
    /// `contract_id`.
    pub id: i64,
    /// The event it belongs to.
    pub id_source: Option<i64>,
    /// Its date, in days since 1970-01-01.
    pub date: Option<i32>,
    /// Its amount in kopecks.
    pub cents: Option<i64>,
}

/// The documents of copy `number`, in id order.
pub(super) fn documents(number: u32, events: &[Event], rng: &mut impl Rng) -> Vec<Document> {
    let mut documents = Vec::new();
    for (place, event) in events.iter().enumerate() {
        let id_source = Some(event.id);
        match event.contract {
            Some((contract, record)) if record != Record::Staged => {
                let date = (record == Record::Dated).then_some(contract.date);
                let winner = Document {
                    id: 0,
                    id_source,
                    date,
                    cents: Some(contract.cents),
                };
                if rng.random_ratio(1, ONE_IN) {
                    documents.extend(with_loser(winner, rng));
                } else {
                    documents.push(winner);
                }
            }
            // Contracts without an amount: nothing, a free document or an empty one.
            None if event.kind == CONTRACT_TYPE => {
                let cents = [None, Some(0)][rng.random_range(0..2)];
                if rng.random_ratio(2, 3) {
                    documents.push(Document {
                        id: 0,
                        id_source,
                        date: event.day(),
                        cents,
                    });
                }
            }
            _ => {}
        }
        if place % 1_500 == 700 {
            // The event was deleted; events of every copy have higher ids than this.
            let lost = if rng.random_ratio(1, 2) {
                None
            } else {
                Some(event.id % 900_000)
            };
            let cents = Some(rng.random_range(150..700) * 10_000);
            documents.push(Document {
                id: 0,
                id_source: lost,
                date: event.day(),
                cents,
            });
        }
    }
    let mut id = 30_000 + i64::from(number) * DOCUMENT_IDS;
    for document in &mut documents {
        id += rng.random_range(1..=2);
        document.id = id;
    }
    documents
}

/// The document that counts and one that is passed over, in the order of their ids.
fn with_loser(winner: Document, rng: &mut impl Rng) -> [Document; 2] {
    let cents = winner.cents.map(|cents| cents / 2 + 12_345);
    let loser = Document { cents, ..winner };
    match (winner.date, rng.random_range(0..4)) {
        // Same date or none: the higher id counts.
        (None, _) | (Some(_), 0) => [loser, winner],
        // An earlier date loses in spite of its higher id, no date too.
        (Some(date), 1) => [
            winner,
            Document {
                date: Some(date - 9),
                ..loser
            },
        ],
        (Some(_), 2) => [
            winner,
            Document {
                date: None,
                ..loser
            },
        ],
        // A free document does not compete, however late.
        (Some(date), _) => [
            winner,
            Document {
                date: Some(date + 30),
                cents: Some(0),
                ..loser
            },
        ],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::demo::events::events;

    #[test]
    fn the_document_that_counts_bears_the_contract_of_the_plan() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let events = events(0, &mut rng);
        let mut best: BTreeMap<i64, Document> = BTreeMap::new();
        let (mut passed_over, mut free, mut lost) = (0, 0, 0);
        let known: BTreeMap<i64, &Event> = events.iter().map(|event| (event.id, event)).collect();
        for document in documents(0, &events, &mut rng) {
            let Some(event) = document.id_source.filter(|id| known.contains_key(id)) else {
                lost += 1;
                continue;
            };
            if document.cents.unwrap_or(0) <= 0 {
                free += 1;
                continue;
            }
            // Latest date, null last, then highest id; `None < Some` orders nulls last here.
            let rank = |document: &Document| (document.date, document.id);
            match best.get(&event) {
                Some(other) => {
                    passed_over += 1;
                    if rank(&document) > rank(other) {
                        best.insert(event, document);
                    }
                }
                None => {
                    best.insert(event, document);
                }
            }
        }
        for event in &events {
            let documented = event
                .contract
                .filter(|(_, record)| *record != Record::Staged);
            let found = best.get(&event.id);
            assert_eq!(
                found.and_then(|document| document.cents),
                documented.map(|c| c.0.cents)
            );
            let date = found.map(|document| document.date.or_else(|| event.day()));
            if event.at.is_some() {
                assert_eq!(date, documented.map(|c| Some(c.0.date)));
            }
        }
        assert!(
            passed_over > 3 && free > 10 && lost > 5,
            "{passed_over} {free} {lost}"
        );
    }
}
