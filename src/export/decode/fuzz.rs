//! Hostile streams: whatever bytes come, the decoder answers with rows or an error.
//!
//! Valid streams of random types are damaged (bits flipped, cut, spliced, lengths replaced) and
//! decoded. Nothing may panic, and what comes out must not be larger than what went in allows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::{Field, Schema};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::super::types::{Attribute, Leaf, NotFinite, PostgresType};
use super::{Decoder, SIGNATURE};

const LEAVES: [Leaf; 20] = [
    Leaf::SmallInt,
    Leaf::Integer,
    Leaf::BigInt,
    Leaf::Unsigned,
    Leaf::BigUnsigned,
    Leaf::Real,
    Leaf::DoublePrecision,
    Leaf::Boolean,
    Leaf::Text,
    Leaf::Json,
    Leaf::Jsonb,
    Leaf::Uuid,
    Leaf::Bytea,
    Leaf::Numeric {
        precision: 18,
        scale: 4,
    },
    Leaf::Numeric {
        precision: 76,
        scale: 30,
    },
    Leaf::Money { scale: 2 },
    Leaf::Date,
    Leaf::Time,
    Leaf::Timestamp,
    Leaf::TimestampTz,
];
const ELEMENT: u32 = 4711;
/// A value of a byte or two may become a decimal of 32 bytes, or a row of nulls in lists.
const BYTES_PER_BYTE: usize = 40;
/// Buffers are rounded up, and hold a little even when they are empty.
const BYTES_PER_COLUMN: usize = 4096;

fn kind(rng: &mut ChaCha8Rng, depth: usize) -> PostgresType {
    match rng.random_range(0..if depth == 0 { 4 } else { 9 }) {
        0..4 => PostgresType::Leaf(LEAVES[rng.random_range(0..LEAVES.len())]),
        4 | 5 => PostgresType::Array {
            element: Box::new(kind(rng, depth - 1)),
            element_oid: ELEMENT,
            dimensions: rng.random_range(1..=3),
        },
        6 => {
            let count = rng.random_range(1..4);
            let attribute = |index| Attribute {
                name: format!("a{index}"),
                oid: ELEMENT,
                kind: kind(rng, depth - 1),
            };
            PostgresType::Composite((0..count).map(attribute).collect())
        }
        7 => PostgresType::Range(Box::new(kind(rng, 0))),
        _ => PostgresType::Multirange(Box::new(kind(rng, 0))),
    }
}

fn word(bytes: &mut Vec<u8>, word: usize) {
    bytes.extend(u32::try_from(word).unwrap().to_be_bytes());
}

/// A field with its length, null at times.
fn field(rng: &mut ChaCha8Rng, kind: &PostgresType, bytes: &mut Vec<u8>) {
    if rng.random_range(0..6) == 0 {
        bytes.extend((-1_i32).to_be_bytes());
    } else {
        full_field(rng, kind, bytes);
    }
}

fn full_field(rng: &mut ChaCha8Rng, kind: &PostgresType, bytes: &mut Vec<u8>) {
    let mut value = Vec::new();
    write_value(rng, kind, &mut value);
    word(bytes, value.len());
    bytes.extend(value);
}

fn write_value(rng: &mut ChaCha8Rng, kind: &PostgresType, bytes: &mut Vec<u8>) {
    match kind {
        PostgresType::Leaf(leaf) => write_leaf(rng, *leaf, bytes),
        PostgresType::Array {
            element,
            dimensions,
            ..
        } => {
            let is_empty = rng.random_range(0..5) == 0;
            word(bytes, if is_empty { 0 } else { *dimensions });
            word(bytes, 1);
            word(bytes, ELEMENT as usize);
            if is_empty {
                return;
            }
            let mut count = 1;
            for _ in 0..*dimensions {
                let length = rng.random_range(1..4);
                word(bytes, length);
                word(bytes, 1);
                count *= length;
            }
            (0..count).for_each(|_| field(rng, element, bytes));
        }
        PostgresType::Composite(parts) => {
            word(bytes, parts.len());
            for part in parts {
                word(bytes, part.oid as usize);
                field(rng, &part.kind, bytes);
            }
        }
        PostgresType::Range(bound) => write_range(rng, bound, bytes),
        PostgresType::Multirange(bound) => {
            let count = rng.random_range(0..4);
            word(bytes, count);
            for _ in 0..count {
                let mut range = Vec::new();
                write_range(rng, bound, &mut range);
                word(bytes, range.len());
                bytes.extend(range);
            }
        }
    }
}

fn write_range(rng: &mut ChaCha8Rng, bound: &PostgresType, bytes: &mut Vec<u8>) {
    let flags = [0x01, 0x02, 0x06, 0x08, 0x12, 0x18][rng.random_range(0..6)];
    bytes.push(flags);
    for infinite in [0x08, 0x10] {
        if flags & (infinite | 0x01) == 0 {
            full_field(rng, bound, bytes);
        }
    }
}

fn write_leaf(rng: &mut ChaCha8Rng, leaf: Leaf, bytes: &mut Vec<u8>) {
    match leaf {
        Leaf::SmallInt => bytes.extend(rng.random::<[u8; 2]>()),
        Leaf::Integer | Leaf::Unsigned | Leaf::Real | Leaf::Date => {
            bytes.extend(rng.random_range(-800_000_i32..800_000).to_be_bytes());
        }
        Leaf::BigInt | Leaf::BigUnsigned | Leaf::DoublePrecision | Leaf::Money { .. } => {
            bytes.extend(rng.random::<[u8; 8]>());
        }
        Leaf::Boolean => bytes.push(rng.random_range(0..2)),
        Leaf::Text | Leaf::Json | Leaf::Jsonb | Leaf::Bytea => {
            if leaf == Leaf::Jsonb {
                bytes.push(1);
            }
            let length = rng.random_range(0..12);
            bytes.extend("aї😀".bytes().cycle().take(if length > 7 { 7 } else { 0 }));
        }
        Leaf::Uuid => bytes.extend(rng.random::<[u8; 16]>()),
        Leaf::Numeric { .. } => {
            let groups = rng.random_range(0..5_u16);
            bytes.extend(groups.to_be_bytes());
            bytes.extend(rng.random_range(-1_i16..3).to_be_bytes());
            bytes.extend([[0, 0], [0x40, 0], [0xC0, 0]][rng.random_range(0..3)]);
            bytes.extend([0, 4]);
            for _ in 0..groups {
                bytes.extend(rng.random_range(0..10_000_u16).to_be_bytes());
            }
        }
        Leaf::Time | Leaf::Timestamp | Leaf::TimestampTz => {
            bytes.extend(rng.random_range(0..86_400_000_000_i64).to_be_bytes());
        }
    }
}

fn stream(rng: &mut ChaCha8Rng, kinds: &[PostgresType]) -> Vec<u8> {
    let mut bytes = [SIGNATURE.as_slice(), &[0; 8]].concat();
    for _ in 0..rng.random_range(0..6) {
        bytes.extend(i16::try_from(kinds.len()).unwrap().to_be_bytes());
        for kind in kinds {
            field(rng, kind, &mut bytes);
        }
    }
    bytes.extend([0xff, 0xff]);
    bytes
}

/// Damages the bytes; now and then leaves them as they are.
fn damage(rng: &mut ChaCha8Rng, bytes: &mut Vec<u8>) {
    const LENGTHS: [i32; 8] = [-1, -2, 0, 1, 0x7fff_ffff, i32::MIN, 0x0100_0000, 6];
    for _ in 0..rng.random_range(0..4) {
        if bytes.len() < 24 {
            return;
        }
        let place = rng.random_range(19..bytes.len());
        match rng.random_range(0..6) {
            0 => bytes[place] ^= 1 << rng.random_range(0..8),
            1 => bytes[place] = rng.random(),
            2 => bytes.truncate(place),
            3 if place + 4 <= bytes.len() => {
                let length = LENGTHS[rng.random_range(0..LENGTHS.len())];
                bytes[place..place + 4].copy_from_slice(&length.to_be_bytes());
            }
            4 => {
                let from = rng.random_range(0..bytes.len());
                let piece = bytes[from..(from + 16).min(bytes.len())].to_vec();
                bytes.splice(place..place, piece);
            }
            _ => {
                let end = (place + rng.random_range(1..9)).min(bytes.len());
                bytes.drain(place..end);
            }
        }
    }
}

/// Decodes one damaged stream, cut into messages at a random place; says whether it passed.
fn try_one(seed: u64) -> bool {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let kinds: Vec<PostgresType> = (0..rng.random_range(1..5))
        .map(|_| kind(&mut rng, 3))
        .collect();
    let mut bytes = stream(&mut rng, &kinds);
    let is_whole = rng.random_range(0..10) == 0;
    if !is_whole {
        damage(&mut rng, &mut bytes);
    }
    let fields: Vec<Field> = kinds.iter().map(|kind| kind.field("x")).collect();
    let policy = [NotFinite::Null, NotFinite::DuckDb][rng.random_range(0..2)];
    let mut decoder = Decoder::new(Arc::new(Schema::new(fields)), &kinds, policy);
    let outcome = decoder.push(&bytes).and_then(|_| decoder.finish());
    match outcome {
        Ok(Some(batch)) => {
            let most = bytes.len() * BYTES_PER_BYTE + count(&kinds) * BYTES_PER_COLUMN;
            let size = batch.get_array_memory_size();
            assert!(
                size <= most,
                "seed {seed}: {} bytes became {size}",
                bytes.len()
            );
            true
        }
        Ok(None) => true,
        Err(_) => false,
    }
}

/// Columns, those in columns counted.
fn count(kinds: &[PostgresType]) -> usize {
    let one = |kind: &PostgresType| match kind {
        PostgresType::Leaf(_) => 1,
        PostgresType::Array {
            element,
            dimensions,
            ..
        } => dimensions + count(std::slice::from_ref(element)),
        PostgresType::Composite(parts) => {
            let parts = parts
                .iter()
                .map(|part| count(std::slice::from_ref(&part.kind)));
            1 + parts.sum::<usize>()
        }
        PostgresType::Range(_) => 6,
        PostgresType::Multirange(_) => 7,
    };
    kinds.iter().map(one).sum()
}

#[test]
fn damaged_streams_are_rows_or_an_error() {
    let passed = (0..20_000).filter(|seed| try_one(*seed)).count();
    // Many pass, because damage to a value often makes another one; many do not.
    assert!((4000..16_000).contains(&passed), "{passed} of 20000");
}

/// `cargo test --lib fuzz -- --ignored --nocapture` for what a release is given.
#[test]
#[ignore = "ten minutes"]
fn damaged_streams_for_ten_minutes() {
    let start = Instant::now();
    let (mut seed, mut passed) = (1_000_000, 0_u64);
    while start.elapsed() < Duration::from_mins(10) {
        passed += u64::from(try_one(seed));
        seed += 1;
    }
    println!("{} inputs, {passed} of them became rows", seed - 1_000_000);
}
