//! Tables of random types with random values, edges among them, as SQL.

use std::fmt::Write;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One table: the statements that make it, and its columns.
pub(super) struct Table {
    pub(super) name: String,
    pub(super) sql: String,
    pub(super) columns: Vec<(String, Kind)>,
}

pub(super) fn random_table(seed: u64) -> Table {
    const SPELLINGS: &[&str] = &["", " x", "\"", ".y", "Їжак", "%", "-", "A", "$", "'"];
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let name = format!("p.t{seed}");
    let mut sql = String::new();
    let columns: Vec<(String, Kind)> = (0..rng.random_range(1..=6))
        .map(|index| {
            let spelling = SPELLINGS[rng.random_range(0..SPELLINGS.len())];
            let kind = kind(&mut rng, &format!("k{seed}_{index}"), 2, &mut sql);
            (format!("c{index}{spelling}"), kind)
        })
        .collect();
    let spelled: Vec<String> = columns
        .iter()
        .map(|(name, kind)| format!("{} {}", identifier(name), kind.postgres))
        .collect();
    writeln!(
        sql,
        "create table {name} (id integer primary key, {});",
        spelled.join(", ")
    )
    .unwrap();
    for row in 0..rng.random_range(0..25) {
        let values: Vec<String> = columns
            .iter()
            .map(|(_, kind)| value(&mut rng, kind))
            .collect();
        writeln!(
            sql,
            "insert into {name} values ({row}, {});",
            values.join(", ")
        )
        .unwrap();
    }
    Table { name, sql, columns }
}

pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A type, and how a random value of it is spelled.
#[derive(Clone)]
pub(super) struct Kind {
    postgres: String,
    value: Value,
}

#[derive(Clone)]
enum Value {
    /// One of `LEAVES`.
    Leaf(usize),
    /// Labels of an enum.
    Enum(Vec<String>),
    Array(Box<Kind>, usize),
    Composite(Vec<Kind>),
    /// A range over a leaf that is ordered.
    Range(usize),
    Multirange(String, usize),
}

type Spell = fn(&mut ChaCha8Rng) -> String;

/// Types without parts, with a spelling of a random value.
const LEAVES: &[(&str, Spell)] = &[
    ("integer", |rng| {
        integer(rng, i32::MIN.into(), i32::MAX.into())
    }),
    ("bigint", |rng| integer(rng, i64::MIN, i64::MAX)),
    ("numeric(12,2)", |rng| decimal(rng, 12, 2)),
    ("date", |rng| {
        format!("date '2000-01-01' + ({})", pick_day(rng, 2_145_031_948))
    }),
    ("timestamp", |rng| {
        let day = pick_day(rng, 106_741_033);
        format!("(date '2000-01-01' + ({day})) + {}", time(rng))
    }),
    ("timestamptz", |rng| {
        let day = pick_day(rng, 106_741_033);
        format!(
            "((date '2000-01-01' + ({day})) + {}) at time zone 'UTC'",
            time(rng)
        )
    }),
    ("smallint", |rng| {
        integer(rng, i16::MIN.into(), i16::MAX.into())
    }),
    ("real", |rng| {
        quoted(&f32::from_bits(rng.random()).to_string())
    }),
    ("double precision", |rng| {
        quoted(&f64::from_bits(rng.random()).to_string())
    }),
    ("boolean", |rng| rng.random::<bool>().to_string()),
    ("numeric(38,38)", |rng| decimal(rng, 38, 38)),
    ("numeric(38,7)", |rng| decimal(rng, 38, 7)),
    ("numeric(5,-3)", |rng| decimal(rng, 8, 0)),
    ("numeric(3,6)", |rng| {
        format!("{}e-6", rng.random_range(-999..1000))
    }),
    ("text", |rng| quoted(&text(rng))),
    ("varchar(20)", |rng| {
        quoted(&text(rng).chars().take(20).collect::<String>())
    }),
    ("char(12)", |rng| {
        quoted(&text(rng).chars().take(12).collect::<String>())
    }),
    ("name", |rng| {
        quoted(&text(rng).chars().take(15).collect::<String>())
    }),
    ("bytea", |rng| {
        let length = rng.random_range(0..40);
        let mut bytes = String::new();
        for _ in 0..length {
            write!(bytes, "{:02x}", rng.random::<u8>()).unwrap();
        }
        format!("'\\x{bytes}'")
    }),
    ("time", time),
    ("uuid", |rng| format!("'{:032x}'", rng.random::<u128>())),
    ("json", |rng| quoted(&json(rng, 3))),
    ("jsonb", |rng| quoted(&json(rng, 3))),
    ("oid", |rng| rng.random::<u32>().to_string()),
    ("xid8", |rng| quoted(&rng.random::<u64>().to_string())),
    // From here on those without a form of their own.
    ("interval", |rng| {
        format!(
            "make_interval(months => {}, days => {}, secs => {})",
            integer(rng, -100_000, 100_000),
            integer(rng, -100_000, 100_000),
            rng.random_range(-1e9..1e9)
        )
    }),
    ("timetz", |rng| {
        format!(
            "({}::text || '+{:02}')::timetz",
            time(rng),
            rng.random_range(0..15)
        )
    }),
    ("inet", |rng| {
        let [a, b, c, d] = rng.random::<[u8; 4]>();
        format!("'{a}.{b}.{c}.{d}/{}'", [32, 24, 0][rng.random_range(0..3)])
    }),
    ("macaddr", |rng| {
        format!("'{:012x}'", rng.random::<u64>() >> 16)
    }),
    ("varbit", |rng| {
        let length = rng.random_range(0..20);
        let bits: String = (0..length)
            .map(|_| if rng.random() { '1' } else { '0' })
            .collect();
        format!("b'{bits}'")
    }),
    ("pg_lsn", |rng| {
        format!("'{:X}/{:X}'", rng.random::<u32>(), rng.random::<u32>())
    }),
    ("point", |rng| {
        format!(
            "point({}, {})",
            rng.random::<f64>(),
            rng.random_range(-9..9)
        )
    }),
    ("tsvector", |rng| {
        format!("to_tsvector('simple', {})", quoted(&text(rng)))
    }),
];
/// Leaves that built-in ranges stand on: range, multirange, leaf.
const RANGES: &[(&str, &str, usize)] = &[
    ("int4range", "int4multirange", 0),
    ("int8range", "int8multirange", 1),
    ("numrange", "nummultirange", 2),
    ("daterange", "datemultirange", 3),
    ("tsrange", "tsmultirange", 4),
    ("tstzrange", "tstzmultirange", 5),
];

/// An edge one time in three.
fn integer(rng: &mut ChaCha8Rng, least: i64, most: i64) -> String {
    let number = match rng.random_range(0..6) {
        0 => least,
        1 => most,
        2 => rng.random_range(-9..10),
        _ => rng.random_range(least..=most),
    };
    // Without quotes the least one is no literal of its type.
    format!("'{number}'")
}

/// A number of at most so many digits, often as many.
fn decimal(rng: &mut ChaCha8Rng, precision: u32, scale: u32) -> String {
    let digits = [precision, rng.random_range(1..=precision)][rng.random_range(0..2)];
    let unscaled: String = (0..digits)
        .map(|_| char::from(b"0123456789900"[rng.random_range(0..13)]))
        .collect();
    let sign = if rng.random() { "-" } else { "" };
    format!("{sign}{unscaled}e-{scale}")
}

/// Days after 2000 in a date's range, near the present half of the time.
fn pick_day(rng: &mut ChaCha8Rng, last: i64) -> i64 {
    match rng.random_range(0..8) {
        0 => -2_451_507,
        1 => last,
        2..=4 => rng.random_range(-20_000..20_000),
        _ => rng.random_range(-2_451_507..=last),
    }
}

fn time(rng: &mut ChaCha8Rng) -> String {
    let microseconds: u64 = match rng.random_range(0..4) {
        0 => 0,
        1 => 86_399_999_999,
        2 => rng.random_range(0..86_400) * 1_000_000,
        _ => rng.random_range(0..86_400_000_000),
    };
    let seconds = microseconds / 1_000_000;
    format!(
        "time '{:02}:{:02}:{:02}.{:06}'",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        microseconds % 1_000_000
    )
}

/// Text of what Postgres escapes in arrays, composites and ranges, and of what takes more bytes.
fn text(rng: &mut ChaCha8Rng) -> String {
    const LETTERS: &[&str] = &[
        "a", "B", "NULL", "null", " ", "\t", "\n", "\r", "\"", "'", "\\", ",", "{", "}", "(", ")",
        "[", "]", "ї", "é", "😀", "\u{1}", "\u{7f}", "\u{a0}", "0", ";", "%", "$1", "\\N", "\\.",
    ];
    let length = if rng.random_range(0..50) == 0 {
        rng.random_range(1000..5000)
    } else {
        rng.random_range(0..8)
    };
    (0..length)
        .map(|_| LETTERS[rng.random_range(0..LETTERS.len())])
        .collect()
}

fn json(rng: &mut ChaCha8Rng, depth: usize) -> String {
    let kinds = if depth == 0 { 4 } else { 6 };
    match rng.random_range(0..kinds) {
        0 => "null".to_owned(),
        1 => rng.random::<bool>().to_string(),
        2 => rng.random_range(-1000..1000).to_string() + ".50",
        3 => serde_json::Value::from(text(rng).replace('\u{0}', "")).to_string(),
        4 => {
            let length = rng.random_range(0..3);
            let items: Vec<String> = (0..length).map(|_| json(rng, depth - 1)).collect();
            format!("[{}]", items.join(",  "))
        }
        _ => {
            let length = rng.random_range(0..3);
            let items: Vec<String> = (0..length)
                .map(|index| format!("\"k{index}\": {}", json(rng, depth - 1)))
                .collect();
            format!("{{{}}}", items.join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A type of random shape; what it needs is added to `setup`.
#[expect(clippy::too_many_lines, reason = "a list of the kinds")]
fn kind(rng: &mut ChaCha8Rng, name: &str, depth: usize, setup: &mut String) -> Kind {
    let shapes = if depth == 0 { 10 } else { 16 };
    let leaf = rng.random_range(0..LEAVES.len());
    match rng.random_range(0..shapes) {
        0..8 => Kind {
            postgres: LEAVES[leaf].0.to_owned(),
            value: Value::Leaf(leaf),
        },
        8 => {
            let postgres = format!("p.{name}_domain");
            writeln!(setup, "create domain {postgres} as {};", LEAVES[leaf].0).unwrap();
            let value = Value::Leaf(leaf);
            Kind { postgres, value }
        }
        9 => {
            let postgres = format!("p.{name}_enum");
            let labels = vec![
                "a b".to_owned(),
                "Ї".to_owned(),
                "NULL".to_owned(),
                "x,\"".to_owned(),
            ];
            let spelled: Vec<String> = labels.iter().map(|label| quoted(label)).collect();
            writeln!(
                setup,
                "create type {postgres} as enum ({});",
                spelled.join(", ")
            )
            .unwrap();
            let value = Value::Enum(labels);
            Kind { postgres, value }
        }
        10 | 11 => {
            // An array of arrays is spelled as one of more dimensions.
            let mut element = kind(rng, &format!("{name}_e"), depth - 1, setup);
            while matches!(element.value, Value::Array(..)) {
                element = kind(rng, &format!("{name}_e{}", setup.len()), depth - 1, setup);
            }
            let dimensions = rng.random_range(1..=2);
            Kind {
                postgres: element.postgres.clone() + &"[]".repeat(dimensions),
                value: Value::Array(Box::new(element), dimensions),
            }
        }
        12 | 13 => {
            let postgres = format!("p.{name}_row");
            let count = rng.random_range(1..=4);
            let parts: Vec<Kind> = (0..count)
                .map(|part| kind(rng, &format!("{name}_{part}"), depth - 1, setup))
                .collect();
            let spelled: Vec<String> = parts
                .iter()
                .enumerate()
                .map(|(index, part)| format!("\"Part {index}\" {}", part.postgres))
                .collect();
            writeln!(setup, "create type {postgres} as ({});", spelled.join(", ")).unwrap();
            let value = Value::Composite(parts);
            Kind { postgres, value }
        }
        _ => {
            let (range, multirange, leaf) = RANGES[rng.random_range(0..RANGES.len())];
            // Multiranges look like arrays of ranges, so only the outermost type may be one.
            if name.matches('_').count() == 1 && rng.random_range(0..3) == 0 {
                return Kind {
                    postgres: multirange.to_owned(),
                    value: Value::Multirange(range.to_owned(), leaf),
                };
            }
            Kind {
                postgres: range.to_owned(),
                value: Value::Range(leaf),
            }
        }
    }
}

/// A value as an SQL expression of the type.
fn value(rng: &mut ChaCha8Rng, kind: &Kind) -> String {
    let postgres = &kind.postgres;
    if rng.random_range(0..7) == 0 {
        return format!("null::{postgres}");
    }
    match &kind.value {
        Value::Leaf(leaf) => format!("({})::{postgres}", LEAVES[*leaf].1(rng)),
        Value::Enum(labels) => {
            format!(
                "{}::{postgres}",
                quoted(&labels[rng.random_range(0..labels.len())])
            )
        }
        Value::Array(element, dimensions) => {
            if rng.random_range(0..6) == 0 {
                return format!("'{{}}'::{postgres}");
            }
            let width = rng.random_range(1..4);
            let mut list = |_| {
                let items: Vec<String> = (0..width).map(|_| value(rng, element)).collect();
                format!("[{}]", items.join(", "))
            };
            if *dimensions == 1 {
                format!("array{}::{postgres}", list(0))
            } else {
                let lists: Vec<String> = (0..2).map(list).collect();
                format!("array[{}]::{postgres}", lists.join(", "))
            }
        }
        Value::Composite(parts) => {
            let parts: Vec<String> = parts.iter().map(|part| value(rng, part)).collect();
            format!("row({})::{postgres}", parts.join(", "))
        }
        Value::Range(leaf) => range(rng, postgres, *leaf),
        Value::Multirange(single, leaf) => {
            let ranges: Vec<String> = (0..rng.random_range(0..4))
                .map(|_| range(rng, single, *leaf))
                .collect();
            format!("{postgres}({})", ranges.join(", "))
        }
    }
}

/// A range between two random bounds, in whichever order is right; some without one or both.
fn range(rng: &mut ChaCha8Rng, postgres: &str, leaf: usize) -> String {
    let (name, spell) = LEAVES[leaf];
    if rng.random_range(0..8) == 0 {
        return format!("'empty'::{postgres}");
    }
    // The last value of a discrete type has no next one, which its closed ranges would need.
    let bounds: Vec<String> = (0..2)
        .map(|_| {
            if leaf < 2 || leaf == 3 {
                let near = rng.random_range(-1_000_000..1_000_000);
                return if leaf == 3 {
                    format!("date '2000-01-01' + ({near})")
                } else {
                    format!("({near})::{name}")
                };
            }
            format!("({})::{name}", spell(rng))
        })
        .collect();
    let (first, second) = (&bounds[0], &bounds[1]);
    let lower = ["null".to_owned(), format!("least({first}, {second})")]
        [usize::from(rng.random_range(0..5) > 0)]
    .clone();
    let upper = ["null".to_owned(), format!("greatest({first}, {second})")]
        [usize::from(rng.random_range(0..5) > 0)]
    .clone();
    let ends = ["[]", "[)", "(]", "()"][rng.random_range(0..4)];
    format!("{postgres}({lower}, {upper}, '{ends}')")
}

impl Kind {
    pub(super) fn is_multirange(&self) -> bool {
        matches!(self.value, Value::Multirange(..))
    }
}
