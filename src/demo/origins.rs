//! What one event is staged with: its source type, tags, click ids and matched ad.
//!
//! In: the platform the plan asks for and a random generator. Out: an [`Origin`] from which
//! rule set `v10` derives that platform, in the spellings, blanks and gaps of real data.

use rand::Rng;

use super::catalogue;
use super::plan::Platform;

/// The staged source of one event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// Whether `stg.source_attribution` has a row at all.
    pub attributed: bool,
    /// As staged from the codes.
    pub source_type: Option<&'static str>,
    /// UTM tags.
    pub utm: Utm,
    /// Facebook's click id.
    pub fbclid: Option<String>,
    /// Google's click id; blank more often than not.
    pub gclid: Option<String>,
    /// The lead in Facebook's form.
    pub fb_lead_id: Option<String>,
    /// The row of `stg.marketing_match`.
    pub matched: Option<Matched>,
}

/// UTM tags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Utm {
    /// `utm_source`.
    pub source: Option<&'static str>,
    /// `utm_medium`.
    pub medium: Option<&'static str>,
    /// `utm_campaign`.
    pub campaign: Option<&'static str>,
    /// `utm_content`.
    pub content: Option<&'static str>,
    /// `utm_term`.
    pub term: Option<&'static str>,
}

/// What the ad accounts know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Matched {
    /// `matched_platform`, as spelled.
    pub platform: Option<&'static str>,
    /// The ad behind it.
    pub ad: Ad,
}

/// An ad of one of the two accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ad {
    /// The number of a Facebook ad.
    Facebook(u32),
    /// The number of a Google ad group.
    Google(u32),
    /// None; the id columns hold this instead.
    Missing(Option<&'static str>),
}

const BLANKS: [Option<&str>; 4] = [None, None, Some(""), Some("  ")];

impl Origin {
    /// An origin that rule set `v10` takes for `platform`.
    pub(super) fn of(platform: Platform, rng: &mut impl Rng) -> Self {
        let mut origin = Self {
            attributed: true,
            ..Self::default()
        };
        match platform {
            Platform::Unknown => {
                origin.source_type = Some(spelling(["unknown", "unknown", "Unknown"], rng));
                if rng.random_ratio(1, 12) {
                    origin.utm = blank_utm(rng);
                }
            }
            Platform::Event => origin.source_type = Some("organic_event"),
            Platform::Form => origin.source_type = Some("web_form"),
            Platform::PaidSearch => origin.search(rng),
            Platform::PaidSocial => origin.social(rng),
            Platform::Facebook => origin.facebook(rng),
            Platform::Google => origin.google(rng),
            Platform::Email => {
                origin.source_type = Some("promo_email");
                origin.utm = tags("Email", "oldbase", "Знижка -20% до 1 вересня");
            }
            Platform::PromoMessenger => {
                origin.source_type = Some("promo_messenger");
                origin.utm = tags("tgchanel", "partner", "Канал: розклад подій");
            }
        }
        origin
    }

    fn search(&mut self, rng: &mut impl Rng) {
        self.source_type = Some(spelling(["paid_search", "paid_search", "PAID_SEARCH"], rng));
        // The code row has the key `gclid`, and in six of seven cases nothing in it.
        self.gclid = Some(if rng.random_ratio(1, 7) {
            gclid(rng)
        } else {
            blank(rng).to_owned()
        });
        self.matched = Some(nothing_matched(rng));
    }

    fn social(&mut self, rng: &mut impl Rng) {
        self.source_type = Some(spelling(
            ["paid_social", "paid_social", " Paid_Social "],
            rng,
        ));
        self.fbclid = rng.random_ratio(1, 5).then(|| blank(rng).to_owned());
        self.matched = Some(nothing_matched(rng));
        if rng.random_ratio(1, 6) {
            self.utm = tags("Instagram", "cpm", ":");
        }
    }

    fn facebook(&mut self, rng: &mut impl Rng) {
        self.attributed = !rng.random_ratio(1, 30);
        self.source_type = Some(spelling(["paid_social", "paid_social", "unknown"], rng));
        let ad = rng.random_range(0..catalogue::FB_ADS);
        let platform = Some(spelling(["facebook", "Facebook", " FACEBOOK "], rng));
        self.matched = Some(Matched {
            platform,
            ad: Ad::Facebook(ad),
        });
        self.fb_lead_id = rng.random_ratio(3, 4).then(|| lead_id(rng));
        if self.attributed && rng.random_ratio(1, 20) {
            self.fbclid = Some(format!("IwAR{}", token(40, rng)));
        }
        if rng.random_ratio(1, 4) {
            self.utm = tags("fb", "cpc", catalogue::fb_campaign_name(ad / 4));
        }
    }

    fn google(&mut self, rng: &mut impl Rng) {
        self.source_type = Some("paid_search");
        self.gclid = Some(gclid(rng));
        let platform = Some(spelling(["google", "google", "Google"], rng));
        let ad = Ad::Google(rng.random_range(0..catalogue::GOOGLE_AD_GROUPS));
        self.matched = Some(Matched { platform, ad });
    }
}

/// The first spelling four times of six, each other once.
fn spelling(of: [&'static str; 3], rng: &mut impl Rng) -> &'static str {
    let [usual, second, third] = of;
    match rng.random_range(0..6) {
        0 => second,
        1 => third,
        _ => usual,
    }
}

fn blank(rng: &mut impl Rng) -> &'static str {
    if rng.random_ratio(1, 8) { "  " } else { "" }
}

fn any_blank(rng: &mut impl Rng) -> Option<&'static str> {
    BLANKS
        .get(rng.random_range(0..BLANKS.len()))
        .copied()
        .flatten()
}

fn nothing_matched(rng: &mut impl Rng) -> Matched {
    let platform = rng.random_ratio(1, 10).then(|| blank(rng));
    Matched {
        platform,
        ad: Ad::Missing(any_blank(rng)),
    }
}

fn blank_utm(rng: &mut impl Rng) -> Utm {
    let mut next = || any_blank(rng);
    Utm {
        source: next(),
        medium: next(),
        campaign: next(),
        content: next(),
        term: next(),
    }
}

const fn tags(source: &'static str, medium: &'static str, campaign: &'static str) -> Utm {
    Utm {
        source: Some(source),
        medium: Some(medium),
        campaign: Some(campaign),
        content: None,
        term: None,
    }
}

fn gclid(rng: &mut impl Rng) -> String {
    format!("Cj0KCQjw{}", token(48, rng))
}

/// The id of a lead in Facebook's form.
pub(super) fn lead_id(rng: &mut impl Rng) -> String {
    rng.random_range(1_100_000_000_000_000_u64..1_999_999_999_999_999)
        .to_string()
}

/// Random letters and digits.
pub(super) fn token(length: usize, rng: &mut impl Rng) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..length)
        .map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]))
        .collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// `semantics.md` 4.1 for the values that we stage, first hit wins.
    fn platform(origin: &Origin) -> String {
        let normal = |text: Option<&str>| {
            let text = text.unwrap_or("").trim().to_lowercase();
            (!text.is_empty()).then_some(text)
        };
        let matched = normal(origin.matched.and_then(|matched| matched.platform));
        let tags = Some(origin.utm)
            .filter(|_| origin.attributed)
            .unwrap_or_default();
        let (source, medium) = (normal(tags.source), normal(tags.medium));
        let kind = normal(origin.source_type.filter(|_| origin.attributed));
        let has = |word: &str| kind.as_ref().is_some_and(|kind| kind.contains(word));
        match matched.as_deref() {
            Some("facebook" | "google") => return matched.unwrap_or_default(),
            Some(other) => return other.to_owned(),
            None => {}
        }
        for (tag, word) in [("email", "@"), ("viber", "viber"), ("telegram", "telegram")] {
            if source.as_deref() == Some(tag) || medium.as_deref() == Some(tag) || has(word) {
                return tag.to_owned();
            }
        }
        for word in ["event", "form", "organic", "referral"] {
            if has(word) {
                return word.to_owned();
            }
        }
        kind.unwrap_or_else(|| "direct".to_owned())
    }

    #[test]
    fn rule_set_v10_takes_every_origin_for_the_planned_platform() {
        let names = [
            "unknown",
            "paid_search",
            "facebook",
            "paid_social",
            "event",
            "google",
            "email",
            "promo_messenger",
            "form",
        ];
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        for (planned, name) in Platform::ALL.into_iter().zip(names) {
            for _ in 0..500 {
                let origin = Origin::of(planned, &mut rng);
                assert_eq!(platform(&origin), name, "{origin:?}");
            }
        }
    }

    #[test]
    fn campaigns_are_known_of_matched_touches_alone() {
        let mut rng = ChaCha8Rng::seed_from_u64(12);
        for planned in Platform::ALL {
            let paid = matches!(planned, Platform::Facebook | Platform::Google);
            for _ in 0..500 {
                let ad = Origin::of(planned, &mut rng)
                    .matched
                    .map(|matched| matched.ad);
                match ad {
                    Some(Ad::Facebook(_) | Ad::Google(_)) => assert!(paid, "{planned:?}"),
                    Some(Ad::Missing(blank)) => {
                        assert!(
                            !paid && blank.unwrap_or("").trim().is_empty(),
                            "{planned:?}"
                        );
                    }
                    None => assert!(!paid, "{planned:?}"),
                }
            }
        }
    }
}
