//! A colour for each platform, the same in every report and every chart.
//!
//! In: a platform's name. Out: a hue and how colourful it is; the style sheet adds the
//! lightness that suits the theme, so that one pair reads well on light and on dark.

/// A hue of the OKLCH colour circle, in degrees, and a chroma.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(super) struct Colour {
    pub(super) hue: u16,
    pub(super) chroma: f64,
}

/// Far enough from grey to be told apart, near enough to it to stay calm.
const CHROMA: f64 = 0.12;
/// What tells nothing about where a client came from is nearly grey.
const GREY: Colour = Colour {
    hue: 250,
    chroma: 0.02,
};

/// The platforms of the built-in rules, their hues spread so that those that often meet
/// (the paid ones, say) lie apart.
const KNOWN: [(&str, u16); 19] = [
    ("facebook", 262),
    ("instagram", 350),
    ("google", 145),
    ("tiktok", 195),
    ("linkedin", 235),
    ("paid_search", 50),
    ("paid_social", 315),
    ("paid_other", 25),
    ("email", 85),
    ("promo_email", 100),
    ("viber", 295),
    ("telegram", 220),
    ("promo_messenger", 205),
    ("event", 10),
    ("form", 165),
    ("organic", 130),
    ("referral", 70),
    ("promo_partner", 60),
    ("request", 180),
];

/// The colour of a platform: from the table, else from its name alone.
pub(super) fn of(platform: &str) -> Colour {
    if matches!(platform, "unknown" | "direct") {
        return GREY;
    }
    let known = KNOWN.iter().find(|(name, _)| *name == platform);
    let hue = known.map_or_else(|| hashed(platform), |(_, hue)| *hue);
    Colour {
        hue,
        chroma: CHROMA,
    }
}

/// Rows that stand for several platforms.
pub(super) fn others() -> Colour {
    GREY
}

/// FNV-1a, then the last mixing of `MurmurHash3`, for names often differ in their last letter only:
/// small, and the same on every machine and in every version.
fn hashed(name: &str) -> u16 {
    let mut hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^= hash >> 16;
    u16::try_from(hash % 360).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_keeps_its_colour_whatever_stands_beside_it() {
        assert_eq!(
            of("facebook"),
            Colour {
                hue: 262,
                chroma: CHROMA
            }
        );
        // FNV-1a of "a" is 0xe40c292c; mixed 0x1a80b1b3 = 444641715, and that mod 360 = 315.
        assert_eq!(of("a").hue, 315);
        assert_eq!(of("unknown"), GREY);
    }

    #[test]
    fn no_two_known_platforms_share_a_hue() {
        let mut hues: Vec<u16> = KNOWN.iter().map(|(_, hue)| *hue).collect();
        hues.sort_unstable();
        hues.dedup();
        assert_eq!(hues.len(), KNOWN.len());
    }
}
