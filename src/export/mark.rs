//! How far an increment has come: the highest value of its change column, and from where the
//! next one reads.
//!
//! In: a column's type, values, an overlap as a user writes it. Out: conditions in SQL and the
//! text that a manifest keeps. Only integers, dates and timestamps: they order as they count,
//! and say nothing of a person.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use tokio_postgres::types::Type;

/// What is read again when nothing is said: transactions seldom stay open for an hour.
const USUAL_OVERLAP: Overlap = Overlap::Seconds(3600);

const SECONDS_OF_DAY: i64 = 86_400;
const MICROSECONDS: i64 = 1_000_000;

/// The zone that is furthest ahead: a local time beyond it lies in the future everywhere.
const FURTHEST_ZONE: TimeDelta = TimeDelta::hours(14);

/// How far before the highest change value an increment begins to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// A time, for columns that hold one.
    Seconds(i64),
    /// A distance, for columns of numbers.
    Units(i64),
}

impl Overlap {
    /// Reads `90s`, `30min`, `1h`, `2d`, or a bare number for columns of numbers; `None` when the
    /// text is none of these.
    ///
    /// ```
    /// use touchpath::export::Overlap;
    /// assert_eq!(Overlap::parse("2h"), Some(Overlap::Seconds(7200)));
    /// assert_eq!(Overlap::parse("500"), Some(Overlap::Units(500)));
    /// assert_eq!(Overlap::parse("-1h"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
        let number: u32 = digits.parse().ok().filter(|_| !digits.starts_with('+'))?;
        let number = i64::from(number);
        Some(match &text[digits.len()..] {
            "" => Self::Units(number),
            "s" => Self::Seconds(number),
            "m" | "min" => Self::Seconds(number * 60),
            "h" => Self::Seconds(number * 3600),
            "d" => Self::Seconds(number * SECONDS_OF_DAY),
            _ => return None,
        })
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(f, "{seconds}s"),
            Self::Units(units) => write!(f, "{units}"),
        }
    }
}

/// What a change column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MarkKind {
    Integer,
    /// Days.
    Date,
    /// Microseconds of a local time.
    Local,
    /// Microseconds in UTC.
    Zoned,
}

impl MarkKind {
    /// The kind of a column of this type in the database.
    pub(super) fn of(type_oid: u32) -> Option<Self> {
        Some(match Type::from_oid(type_oid)? {
            Type::INT2 | Type::INT4 | Type::INT8 => Self::Integer,
            Type::DATE => Self::Date,
            Type::TIMESTAMP => Self::Local,
            Type::TIMESTAMPTZ => Self::Zoned,
            _ => return None,
        })
    }

    /// The overlap that counts: the one asked for, if it is of this kind, else the usual one.
    ///
    /// Numbers have no usual one: how many of them are drawn while a transaction is open, only
    /// the user knows.
    pub(super) fn overlap(self, asked: Option<Overlap>) -> Option<Overlap> {
        match (self, asked) {
            (Self::Integer, Some(Overlap::Units(_))) => asked,
            (Self::Integer, _) | (_, Some(Overlap::Units(_))) => None,
            (_, asked) => Some(asked.unwrap_or(USUAL_OVERLAP)),
        }
    }

    /// What an overlap must be for columns of the kind.
    pub(super) fn overlap_of_its_kind(self) -> &'static str {
        match self {
            Self::Integer => "a number, such as `--overlap 1000`",
            _ => "a time, such as `--overlap 1h`",
        }
    }

    /// The highest value in SQL, as the text that [`Self::value`] reads.
    pub(super) fn highest(self, quoted_column: &str) -> String {
        match self {
            Self::Integer => format!("max({quoted_column})::text"),
            Self::Date => format!("to_char(max({quoted_column}), 'YYYY-MM-DD')"),
            Self::Local => format!("to_char(max({quoted_column}), '{SQL_MOMENT}')"),
            Self::Zoned => {
                format!("to_char(max({quoted_column}) at time zone 'UTC', '{SQL_MOMENT}\"Z\"')")
            }
        }
    }

    /// The condition in SQL that holds for values of the past whose years have four digits.
    pub(super) fn is_usable(self, quoted_column: &str) -> String {
        let kind = self.sql();
        let ahead = FURTHEST_ZONE.num_hours();
        let latest = match self {
            Self::Integer => return "true".to_owned(),
            Self::Zoned => "now()".to_owned(),
            Self::Date | Self::Local => {
                format!("((now() at time zone 'UTC') + interval '{ahead} hours')::{kind}")
            }
        };
        format!("({quoted_column} >= '0001-01-01'::{kind} and {quoted_column} <= {latest})")
    }

    fn sql(self) -> &'static str {
        match self {
            Self::Integer => "bigint",
            Self::Date => "date",
            Self::Local => "timestamp",
            Self::Zoned => "timestamptz",
        }
    }

    /// The latest value that lies in the past of an export that began at this moment.
    ///
    /// A value beyond it, a slip of somebody's clock, must not become the mark: every change
    /// until then would be passed over.
    pub(super) fn latest(self, started_at: DateTime<Utc>) -> Option<i64> {
        match self {
            Self::Integer => None,
            Self::Date => {
                let day = (started_at + FURTHEST_ZONE).timestamp();
                Some(day.div_euclid(SECONDS_OF_DAY))
            }
            Self::Local => Some((started_at + FURTHEST_ZONE).timestamp_micros()),
            Self::Zoned => Some(started_at.timestamp_micros()),
        }
    }

    /// The value from which an increment reads; the lowest there is when the overlap reaches
    /// beyond it.
    pub(super) fn since(self, mark: i64, overlap: Overlap) -> i64 {
        let distance = match (self, overlap) {
            (_, Overlap::Units(units)) => units,
            // Of a day that the overlap begins in, all is read.
            (Self::Date, Overlap::Seconds(seconds)) => {
                seconds.saturating_add(SECONDS_OF_DAY - 1) / SECONDS_OF_DAY
            }
            (_, Overlap::Seconds(seconds)) => seconds.saturating_mul(MICROSECONDS),
        };
        mark.saturating_sub(distance)
    }

    /// The value as a manifest keeps it and as SQL understands it; `None` before the year 1 and
    /// after 9999, which no clock shows.
    pub(super) fn text(self, value: i64) -> Option<String> {
        let is_of_four_digits = |year: i32| (1..=9999).contains(&year);
        match self {
            Self::Integer => Some(value.to_string()),
            Self::Date => {
                let day = NaiveDate::from_epoch_days(i32::try_from(value).ok()?)?;
                is_of_four_digits(day.year()).then(|| day.to_string())
            }
            Self::Local | Self::Zoned => {
                let moment = DateTime::from_timestamp_micros(value)?.naive_utc();
                let zone = if self == Self::Zoned { "Z" } else { "" };
                is_of_four_digits(moment.year()).then(|| format!("{}{zone}", moment.format(MOMENT)))
            }
        }
    }

    /// The value that a manifest keeps as this text.
    pub(super) fn value(self, text: &str) -> Option<i64> {
        match self {
            Self::Integer => text.parse().ok(),
            Self::Date => {
                let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
                Some(i64::from(day.to_epoch_days()))
            }
            Self::Local | Self::Zoned => {
                let moment = match self {
                    Self::Zoned => text.strip_suffix('Z')?,
                    _ => text,
                };
                let moment = NaiveDateTime::parse_from_str(moment, MOMENT).ok()?;
                Some(moment.and_utc().timestamp_micros())
            }
        }
    }

    /// The condition that holds for rows to be read: those from the value on, and those that
    /// have none.
    pub(super) fn condition(self, quoted_column: &str, since: &str) -> String {
        let kind = self.sql();
        format!("({quoted_column} >= '{since}'::{kind} or {quoted_column} is null)")
    }
}

/// [`MOMENT`] in the words of Postgres.
const SQL_MOMENT: &str = "YYYY-MM-DD\"T\"HH24:MI:SS.US";

const MOMENT: &str = "%Y-%m-%dT%H:%M:%S%.6f";

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    const KINDS: [MarkKind; 4] = [
        MarkKind::Integer,
        MarkKind::Date,
        MarkKind::Local,
        MarkKind::Zoned,
    ];

    #[test]
    fn overlaps_are_whole_numbers_with_a_unit_of_time_or_without() {
        for (text, expected) in [
            ("0", Some(Overlap::Units(0))),
            ("90s", Some(Overlap::Seconds(90))),
            ("30min", Some(Overlap::Seconds(1800))),
            ("30m", Some(Overlap::Seconds(1800))),
            ("2d", Some(Overlap::Seconds(172_800))),
            ("", None),
            ("h", None),
            ("1.5h", None),
            ("-1h", None),
            ("+1h", None),
            ("1 h", None),
            ("1h30m", None),
            ("99999999999h", None),
        ] {
            assert_eq!(Overlap::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn an_overlap_fits_its_column() {
        let hour = Overlap::Seconds(3600);
        assert_eq!(MarkKind::Zoned.overlap(None), Some(hour));
        assert_eq!(MarkKind::Integer.overlap(None), None);
        assert_eq!(MarkKind::Integer.overlap(Some(hour)), None);
        assert_eq!(MarkKind::Local.overlap(Some(Overlap::Units(5))), None);
        let five = Some(Overlap::Units(5));
        assert_eq!(MarkKind::Integer.overlap(five), five);
    }

    #[test]
    fn reading_begins_before_the_mark_by_the_overlap() {
        assert_eq!(MarkKind::Integer.since(100, Overlap::Units(7)), 93);
        assert_eq!(
            MarkKind::Zoned.since(5_000_000, Overlap::Seconds(2)),
            3_000_000
        );
        // An hour before a day begins lies in the day before; 25 hours before, two days.
        assert_eq!(MarkKind::Date.since(10, Overlap::Seconds(3600)), 9);
        assert_eq!(MarkKind::Date.since(10, Overlap::Seconds(90_000)), 8);
        assert_eq!(MarkKind::Date.since(10, Overlap::Seconds(0)), 10);
        assert_eq!(
            MarkKind::Integer.since(i64::MIN, Overlap::Units(1)),
            i64::MIN
        );
    }

    #[test]
    fn a_mark_comes_back_from_its_text() {
        for (kind, value, text) in [
            (MarkKind::Integer, -7, "-7"),
            // 20000 days after 1970-01-01, by date(1) -d @1728000000.
            (MarkKind::Date, 20_000, "2024-10-04"),
            (
                MarkKind::Local,
                1_728_000_000_000_001,
                "2024-10-04T00:00:00.000001",
            ),
            (
                MarkKind::Zoned,
                1_728_000_000_000_000,
                "2024-10-04T00:00:00.000000Z",
            ),
        ] {
            assert_eq!(kind.text(value).as_deref(), Some(text));
            assert_eq!(kind.value(text), Some(value));
        }
        // Nothing but a mark becomes SQL.
        for kind in KINDS {
            assert_eq!(kind.value("0' or true --"), None);
        }
        assert_eq!(MarkKind::Zoned.text(i64::MAX), None);
        assert_eq!(MarkKind::Local.text(-62_200_000_000_000_000), None);
    }

    #[test]
    fn the_future_is_beyond_the_zone_that_is_furthest_ahead() {
        let noon = Utc.with_ymd_and_hms(2025, 3, 4, 12, 0, 0).unwrap();
        assert_eq!(MarkKind::Integer.latest(noon), None);
        let text = |kind: MarkKind| kind.text(kind.latest(noon).unwrap()).unwrap();
        assert_eq!(text(MarkKind::Zoned), "2025-03-04T12:00:00.000000Z");
        assert_eq!(text(MarkKind::Local), "2025-03-05T02:00:00.000000");
        assert_eq!(text(MarkKind::Date), "2025-03-05");
    }
}
