//! The rules of `v10`, each with its cases, and the mistakes a rule file can have.

use super::*;
use crate::error::{Exit, Failure};

fn v10() -> RuleSet {
    RuleSet::builtin("v10").unwrap()
}

/// `-` stands for null.
fn field(text: &str) -> Option<&str> {
    Some(text).filter(|text| *text != "-")
}

/// The rule's text; `matched_platform`, `utm_source`, `utm_medium`, `source_type`; the platform.
type PlatformCase = (&'static str, [&'static str; 4], &'static str);

const NETWORK: &str =
    "matched_platform is facebook, instagram, google, tiktok or linkedin: matched_platform";
const EMAIL: &str = "utm_source = email or utm_medium = email: email";
const VIBER: &str = "utm_source = viber, or source_type contains viber: viber";
const TELEGRAM: &str = "utm_source = telegram or tg, or source_type contains telegram: telegram";
const EVENT: &str = "source_type contains event: event";
const FORM: &str = "source_type contains form: form";
const PAID_OTHER: &str = "matched_platform = paid_other: paid_other";
const ORGANIC: &str = "source_type contains organic: organic";
const REFERRAL: &str = "source_type = referral: referral";
const OTHERWISE: &str = "otherwise matched_platform";
const SOURCE: &str = "else source_type";
const DIRECT: &str = "else direct";

const PLATFORM_CASES: &[PlatformCase] = &[
    (NETWORK, ["facebook", "-", "-", "-"], "facebook"),
    (NETWORK, ["instagram", "-", "-", "-"], "instagram"),
    (NETWORK, ["google", "-", "-", "-"], "google"),
    (NETWORK, ["tiktok", "-", "-", "-"], "tiktok"),
    (NETWORK, ["linkedin", "-", "-", "-"], "linkedin"),
    (NETWORK, [" FaceBook\t", "-", "-", "-"], "facebook"),
    (EMAIL, ["-", "email", "-", "-"], "email"),
    (EMAIL, ["-", "-", "Email ", "-"], "email"),
    (
        EMAIL,
        ["paid_search", "newsletter", "EMAIL", "crm"],
        "email",
    ),
    (VIBER, ["-", "viber", "-", "-"], "viber"),
    (VIBER, ["-", "-", "-", "Чат Viber бот"], "viber"),
    (TELEGRAM, ["-", "telegram", "-", "-"], "telegram"),
    (TELEGRAM, ["-", "TG", "-", "-"], "telegram"),
    (TELEGRAM, ["-", "-", "-", "bot telegram"], "telegram"),
    (EVENT, ["-", "-", "-", "Event"], "event"),
    (EVENT, ["-", "-", "-", "offline events 2025"], "event"),
    (FORM, ["-", "-", "-", "web_form"], "form"),
    // "contains" is meant as it says
    (FORM, ["-", "-", "-", "platform"], "form"),
    (PAID_OTHER, ["Paid_Other", "-", "-", "-"], "paid_other"),
    (ORGANIC, ["-", "-", "-", "Organic search"], "organic"),
    (REFERRAL, ["-", "-", "-", " Referral"], "referral"),
    (OTHERWISE, ["paid_search", "-", "-", "-"], "paid_search"),
    (
        OTHERWISE,
        [" Promo_Messenger ", "-", "-", "-"],
        "promo_messenger",
    ),
    (OTHERWISE, ["ЯРМАРОК", "-", "-", "-"], "ярмарок"),
    (SOURCE, ["-", "-", "-", "Unknown"], "unknown"),
    (
        SOURCE,
        ["-", "-", "-", " Рекомендація  друзів\u{a0}"],
        "рекомендація  друзів",
    ),
    // equals is not contains: neither of these is a rule's text
    (
        SOURCE,
        ["-", "-", "-", "referral partner"],
        "referral partner",
    ),
    (DIRECT, ["-", "email2", "e-mail", "-"], "direct"),
    (DIRECT, ["-", "viber bot", "telegram", "-"], "direct"),
    (DIRECT, ["-", "-", "-", "-"], "direct"),
    (DIRECT, ["", " ", "\t", "\u{a0}\u{2003}"], "direct"),
    // a blank field passes to the next rule as a null one does
    (SOURCE, [" ", "-", "-", "crm"], "crm"),
    // each rule beats the next; organic and referral cannot hold together
    (NETWORK, ["facebook", "email", "-", "-"], "facebook"),
    (EMAIL, ["-", "email", "-", "viber"], "email"),
    (VIBER, ["-", "viber", "-", "telegram"], "viber"),
    (TELEGRAM, ["-", "tg", "-", "event"], "telegram"),
    (EVENT, ["-", "-", "-", "form at an event"], "event"),
    (FORM, ["paid_other", "-", "-", "form"], "form"),
    (
        PAID_OTHER,
        ["paid_other", "-", "-", "organic"],
        "paid_other",
    ),
    (ORGANIC, ["-", "-", "-", "organic referral"], "organic"),
    (REFERRAL, ["paid_search", "-", "-", "referral"], "referral"),
    (OTHERWISE, ["paid_search", "-", "-", "crm"], "paid_search"),
    // and the first beats all
    (
        NETWORK,
        ["tiktok", "viber", "email", "telegram event form organic"],
        "tiktok",
    ),
];

#[test]
fn every_platform_rule_of_v10_decides_its_cases() {
    let rules = v10();
    for (text, fields, platform) in PLATFORM_CASES {
        let fields = fields.map(field);
        let [matched_platform, utm_source, utm_medium, source_type] = fields;
        let input = PlatformInput {
            matched_platform,
            utm_source,
            utm_medium,
            source_type,
        };
        assert_eq!(rules.platform_rule(&input), *text, "{fields:?}");
        assert_eq!(rules.platform(&input), *platform, "{fields:?}");
    }
}

/// The rule's text; `fbclid`, `gclid`, `campaign_id`, `utm_source`, `utm_campaign`,
/// `source_type`; method and confidence.
type MethodCase = (&'static str, [&'static str; 6], (&'static str, i32));

const FBCLID: &str = "fbclid: fbclid_match 100";
const GCLID: &str = "gclid: gclid_match 100";
const CAMPAIGN: &str = "campaign_id: marketing_match 90";
const UTM_BOTH: &str = "utm_source and utm_campaign: utm_heuristic 80";
const UTM_SOURCE: &str = "utm_source: utm_heuristic 70";
const CRM: &str = "source_type other than unknown: crm_manual 60";
const UNKNOWN: &str = "otherwise: unknown 30";

const METHOD_CASES: &[MethodCase] = &[
    (
        FBCLID,
        ["IwAR1", "-", "-", "-", "-", "-"],
        ("fbclid_match", 100),
    ),
    (
        GCLID,
        ["-", "Cj0K", "-", "-", "-", "-"],
        ("gclid_match", 100),
    ),
    (
        CAMPAIGN,
        ["-", "-", "120", "-", "-", "-"],
        ("marketing_match", 90),
    ),
    (
        UTM_BOTH,
        ["-", "-", "-", "google", "Зима", "-"],
        ("utm_heuristic", 80),
    ),
    (
        UTM_SOURCE,
        ["-", "-", "-", "google", "-", "-"],
        ("utm_heuristic", 70),
    ),
    (
        UTM_SOURCE,
        ["-", "-", "-", "google", " ", "-"],
        ("utm_heuristic", 70),
    ),
    (
        CRM,
        ["-", "-", "-", "-", "-", "Дзвінок"],
        ("crm_manual", 60),
    ),
    (
        CRM,
        ["-", "-", "-", "-", "winter", "not unknown"],
        ("crm_manual", 60),
    ),
    (
        UNKNOWN,
        ["-", "-", "-", "-", "-", " UNKNOWN "],
        ("unknown", 30),
    ),
    (UNKNOWN, ["-", "-", "-", "-", "-", "-"], ("unknown", 30)),
    (
        UNKNOWN,
        ["-", "-", "-", "-", "winter", "-"],
        ("unknown", 30),
    ),
    (
        UNKNOWN,
        ["", " ", "\t", "\u{a0}", "\n", "\u{2003}"],
        ("unknown", 30),
    ),
    // each rule beats the next
    (
        FBCLID,
        ["x", "y", "-", "-", "-", "-"],
        ("fbclid_match", 100),
    ),
    (GCLID, ["-", "y", "1", "-", "-", "-"], ("gclid_match", 100)),
    (GCLID, [" ", "y", "1", "-", "-", "-"], ("gclid_match", 100)),
    (
        CAMPAIGN,
        ["-", "-", "1", "google", "winter", "-"],
        ("marketing_match", 90),
    ),
    (
        UTM_BOTH,
        ["-", "-", "-", "google", "winter", "crm"],
        ("utm_heuristic", 80),
    ),
    (
        UTM_SOURCE,
        ["-", "-", "-", "google", "-", "crm"],
        ("utm_heuristic", 70),
    ),
    (
        FBCLID,
        ["x", "y", "1", "google", "winter", "crm"],
        ("fbclid_match", 100),
    ),
];

#[test]
fn every_method_rule_of_v10_decides_its_cases() {
    let rules = v10();
    for (text, fields, expected) in METHOD_CASES {
        let fields = fields.map(field);
        let [
            fbclid,
            gclid,
            campaign_id,
            utm_source,
            utm_campaign,
            source_type,
        ] = fields;
        let input = MethodInput {
            fbclid,
            gclid,
            campaign_id,
            utm_source,
            utm_campaign,
            source_type,
        };
        assert_eq!(rules.method_rule(&input), *text, "{fields:?}");
        assert_eq!(rules.method(&input), *expected, "{fields:?}");
    }
}

#[test]
fn the_cases_leave_no_rule_of_v10_out() {
    let rules = v10();
    for rule in rules
        .platform
        .list
        .iter()
        .chain([&rules.platform.otherwise])
    {
        assert!(
            PLATFORM_CASES.iter().any(|case| case.0 == rule.text),
            "{}",
            rule.text
        );
    }
    for rule in rules.method.list.iter().chain([&rules.method.otherwise]) {
        assert!(
            METHOD_CASES.iter().any(|case| case.0 == rule.text),
            "{}",
            rule.text
        );
    }
}

#[test]
fn every_platform_of_a_channel_finds_it_and_strangers_are_direct() {
    let rules = v10();
    for (channel, platforms) in [
        (
            "paid",
            "facebook instagram google tiktok linkedin paid_other paid_search paid_social \
             Facebook",
        ),
        ("email", "email promo_email"),
        ("messaging", "viber telegram promo_messenger"),
        ("event", "event"),
        ("form", "form"),
        ("organic", "organic"),
        ("referral", "referral promo_partner"),
        ("direct", "direct unknown crm events paid"),
    ] {
        for platform in platforms.split(' ') {
            assert_eq!(rules.channel(platform), channel, "{platform}");
        }
    }
    assert_eq!(rules.channel(" viber\u{a0}"), "messaging");
    assert_eq!(rules.channel(""), "direct");
    assert_eq!(rules.channels.len(), 8 + 2 + 3 + 1 + 1 + 1 + 2);
}

#[test]
fn a_rule_set_bears_its_name_and_the_hash_of_its_text() {
    // by `sha256sum data/rules/v10.toml`; a new hash here means a changed rule set, and
    // earlier runs name the old one
    const HASH: &str = "c74db8c9e77dfe4aaffa86ce740361bd8105e997621aae7766a4ab9cb5a85683";
    let text = include_str!("../../data/rules/v10.toml");
    assert_eq!(v10().name(), "v10");
    assert_eq!(v10().hash(), HASH);
    assert_ne!(
        RuleSet::parse(&format!("{text}\n"), "x").unwrap().hash(),
        HASH
    );
    assert_eq!(v10(), v10());
}

#[test]
fn an_unknown_rule_set_is_refused_with_the_known_one() {
    let failure = Failure::from(RuleSet::builtin("v11").unwrap_err());
    assert_eq!(failure.exit, Exit::Usage);
    assert_eq!(
        failure.to_string(),
        "error: no rule set is called `v11`\n\n\
         hint: the built-in rule set is `v10`; a rule file is given by its path"
    );
}

/// The message for a copy of v10 in which `old` reads `new`.
fn message(old: &str, new: &str) -> String {
    let text = include_str!("../../data/rules/v10.toml");
    assert!(text.contains(old), "{old}");
    let changed = text.replacen(old, new, 1);
    RuleSet::parse(&changed, "my.toml").unwrap_err().to_string()
}

/// A part of v10, what stands there by mistake, and how the message starts.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "when = { matched_platform = \"paid_other\" }",
        "when = { matched_platfrom = \"paid_other\" }",
        "my.toml, platform rule 7: unknown field `matched_platfrom`, did you mean \
             `matched_platform`?",
    ),
    (
        "when = { fbclid = {",
        "when = { matched_platform = {",
        "my.toml, method rule 1: unknown field `matched_platform`, expected one of fbclid, \
             gclid, campaign_id, utm_source, utm_campaign, source_type",
    ),
    (
        "{ contains = \"event\" }",
        "{ contain = \"event\" }",
        "my.toml, platform rule 5: unknown test `contain`, did you mean `contains`?",
    ),
    (
        "then = \"event\"",
        "than = \"event\"",
        "my.toml, platform rule 5: unknown key `than`, did you mean `then`?",
    ),
    (
        "then = \"event\"",
        "",
        "my.toml, platform rule 5: `then` is missing",
    ),
    (
        "confidence = 90",
        "confidence = 900",
        "my.toml, method rule 3: `confidence` must be a whole number from 0 to 100",
    ),
    (
        "confidence = 90",
        "",
        "my.toml, method rule 3: `confidence` is missing",
    ),
    (
        "utm_source = \"viber\"",
        "utm_source = \"Viber\"",
        "my.toml, platform rule 3: `Viber` never matches: texts are compared trimmed, in lower \
             case and not blank",
    ),
    (
        "when = { source_type = \"referral\" }",
        "",
        "my.toml, platform rule 9: a rule without `when` always holds, so the rules after it \
             are never reached",
    ),
    (
        "then = \"direct\"",
        "when = { utm_source = \"x\" }\nthen = \"direct\"",
        "my.toml, platform rule 12: the last rule must have no `when`, so that every touch \
             gets a result",
    ),
    (
        "when = { matched_platform = { set = true } }",
        "when = [{ matched_platform = { set = true } }, { utm_source = \"x\" }]",
        "my.toml, platform rule 10: `then` is the field `matched_platform`, which `when` does \
             not require to be set",
    ),
    (
        "when = { gclid = { set = true } }",
        "when = { gclid = { set = false } }",
        "my.toml, method rule 2: `gclid` must be a text, a list of texts, or one of \
             { contains = \"…\" }, { not = \"…\" }, { set = true }",
    ),
    (
        "when = { gclid = { set = true } }",
        "when = []",
        "my.toml, method rule 2: `when` must be a table of fields and their tests, or a list \
             of such tables, and not empty",
    ),
    ("name = \"v10\"", "", "my.toml: `name` is missing"),
    (
        "name = \"v10\"",
        "name = \"v10\"\nmodels = 1",
        "my.toml: unknown key `models`",
    ),
    (
        "otherwise = \"direct\"",
        "",
        "my.toml: `otherwise` is missing",
    ),
    (
        "form = [\"form\"]",
        "form = [\"event\"]",
        "my.toml: the platform `event` belongs to two channels, `event` and `form`",
    ),
];

#[test]
fn a_mistake_in_a_rule_is_named_with_file_rule_and_remedy() {
    for (old, new, expected) in MISTAKES {
        let got = message(old, new);
        assert!(got.starts_with(expected), "{got}\n  instead of\n{expected}");
    }
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_its_line() {
    let error = RuleSet::parse("name = \"v10\"\n[[platform]\n", "my.toml").unwrap_err();
    let message = Failure::from(error).to_string();
    assert!(
        message.starts_with("error: my.toml: cannot read the rules"),
        "{message}"
    );
    assert!(message.contains("line 2"), "{message}");
}

#[test]
fn a_field_that_no_rule_compares_is_still_normalised_when_it_is_the_result() {
    let text = include_str!("../../data/rules/v10.toml")
        .replacen(
            "{ field = \"source_type\" }",
            "{ field = \"utm_medium\" }",
            1,
        )
        .replacen(
            "when = { source_type = { set = true } }",
            "when = { utm_medium = { set = true } }",
            1,
        )
        .replacen(", { utm_medium = \"email\" }", "", 1);
    let rules = RuleSet::parse(&text, "x").unwrap();
    let input = PlatformInput {
        utm_medium: Some(" CPC "),
        ..Default::default()
    };
    assert_eq!(rules.platform(&input), "cpc");
}
