//! The names of the synthetic business: campaigns, ads, forms, event types, offline events.
//!
//! In: nothing. Out: constants, and functions from the number of an ad to its ids and
//! names. All copies of the lake share them, as many clients share one campaign.

/// Facebook campaigns.
pub(super) const FB_CAMPAIGNS: [&str; 24] = [
    "Комп'ютерна академія | Ліди | Київ",
    "Комп'ютерна академія | Ліди | Львів",
    "Комп'ютерна академія | Ліди | Одеса",
    "Комп'ютерна академія | Ремаркетинг",
    "Мала академія 9-14 | Ліди",
    "Мала академія 9-14 | Відкритий урок",
    "Мала академія 7-8 | Ліди",
    "Літній табір 2025 | Рання ціна",
    "Літній табір 2025 | Трафік",
    "Осінній табір | Ліди",
    "Front-End | Ліди | вересень",
    "Front-End | Look-alike 1%",
    "Python для підлітків | Ліди",
    "Python Developer | Конверсії",
    "UI/UX дизайн | Ліди",
    "UI/UX дизайн | Інтереси",
    "Графічний дизайн | Ліди",
    "Тестування ПЗ (QA) | Ліди",
    "Кібербезпека | Ліди",
    "English Step2talk | Ліди",
    "English Step2talk | Тест рівня",
    "День відкритих дверей | Охоплення",
    "Back to school | Ліди",
    "Бренд | Відео",
];

/// Google campaigns.
pub(super) const GOOGLE_CAMPAIGNS: [&str; 9] = [
    "Пошук | Бренд",
    "Пошук | Комп'ютерні курси",
    "Пошук | Курси для дітей",
    "Пошук | Курси програмування Київ",
    "Пошук | Дизайн",
    "Пошук | QA",
    "Performance Max | Академія",
    "Performance Max | Мала академія",
    "КМС | Ремаркетинг",
];

/// Search words, one an ad group in turn.
const KEYWORDS: [&str; 9] = [
    "комп'ютерна академія",
    "курси програмування",
    "курси програмування для дітей",
    "it курси київ",
    "курси графічного дизайну",
    "курси тестувальника",
    "навчання python",
    "програмування для підлітків",
    "курси веб розробки",
];

/// Event types: id and description.
pub(super) const EVENT_TYPES: [(i32, &str); 9] = [
    (1, "call"),
    (2, "out-call"),
    (3, "viber"),
    (4, "sms"),
    (5, "event"),
    (CONTRACT_TYPE, "contract"),
    (WEB_TYPE, "Заявка з сайту"),
    (8, "Візит до офісу"),
    (9, "Онлайн-зустріч"),
];
/// The event type of contracts.
pub(super) const CONTRACT_TYPE: i32 = 6;
/// The event type of web requests.
pub(super) const WEB_TYPE: i32 = 7;
/// The event type of visits to offline events.
pub(super) const VISIT_TYPE: i32 = 5;

/// The description of an event type.
pub(super) fn event_type_name(id: i32) -> Option<&'static str> {
    EVENT_TYPES
        .iter()
        .find(|(known, _)| *known == id)
        .map(|(_, name)| *name)
}

/// Forms of the web site and the office.
pub(super) const FORMS: [&str; 14] = [
    "Заявка на консультацію",
    "Зворотний дзвінок",
    "Запис на пробний урок",
    "Мала комп'ютерна академія",
    "Професійні курси",
    "Літній табір",
    "Тест на профорієнтацію",
    "Step2talk: тест рівня англійської",
    "Реєстрація на подію",
    "Договір онлайн",
    "Рахунок на оплату",
    "Анкета з офісу",
    "Чат-бот",
    "Знижка за рекомендацію",
];

/// Offline events.
pub(super) const OFFLINE_EVENTS: [&str; 8] = [
    "День відкритих дверей",
    "Майстер-клас «Перша гра на Python»",
    "Хакатон для підлітків",
    "Батьківські збори",
    "Виставка випускних робіт",
    "Кар'єрний день ІТ",
    "Пробний урок з робототехніки",
    "Зустріч із випускниками",
];

/// Facebook ads: two ad sets a campaign, two ads an ad set.
pub(super) const FB_ADS: u32 = 96;
/// Google ad groups: three a campaign.
pub(super) const GOOGLE_AD_GROUPS: u32 = 27;
/// The Google account.
pub(super) const GOOGLE_CUSTOMER: i64 = 4_821_735_906;

fn name(names: &[&'static str], index: u32) -> &'static str {
    names
        .get(index as usize % names.len())
        .copied()
        .unwrap_or("")
}

/// The number of the ad's campaign.
pub(super) fn fb_campaign_of(ad: u32) -> u32 {
    ad / 4
}

/// The id of a Facebook campaign.
pub(super) fn fb_campaign_id(campaign: u32) -> String {
    (120_210_311_480_090_000_u64 + u64::from(campaign) * 7_310).to_string()
}

/// The name of a Facebook campaign.
pub(super) fn fb_campaign_name(campaign: u32) -> &'static str {
    name(&FB_CAMPAIGNS, campaign)
}

/// The id of an ad set.
pub(super) fn fb_adset_id(adset: u32) -> String {
    (120_210_311_502_170_000_u64 + u64::from(adset) * 4_390).to_string()
}

/// The name of an ad set.
pub(super) fn fb_adset_name(adset: u32) -> &'static str {
    name(&["Батьки 30-45", "Молодь 18-24"], adset)
}

/// The id of an ad.
pub(super) fn fb_ad_id(ad: u32) -> String {
    (120_210_311_533_450_000_u64 + u64::from(ad) * 2_770).to_string()
}

/// The name of an ad.
pub(super) fn fb_ad_name(ad: u32) -> String {
    let kind = name(&["Відео", "Карусель", "Статика"], ad);
    format!("{kind} {:02}", ad + 1)
}

/// The id of an ad's creative.
pub(super) fn fb_creative_id(ad: u32) -> String {
    (1_284_400_715_300_200_u64 + u64::from(ad) * 91_013).to_string()
}

/// The id of the page an ad runs for.
pub(super) const FB_PAGE: &str = "104882137645190";

/// The id of a lead form; each campaign has one.
pub(super) fn fb_form_id(campaign: u32) -> String {
    (771_503_948_226_000_u64 + u64::from(campaign) * 113).to_string()
}

/// The name of a lead form.
pub(super) fn fb_form_name(campaign: u32) -> String {
    format!("Форма: {}", fb_campaign_name(campaign))
}

/// The number of the ad group's campaign.
pub(super) fn google_campaign_of(ad_group: u32) -> u32 {
    ad_group / 3
}

/// The id of a Google campaign.
pub(super) fn google_campaign_id(campaign: u32) -> i64 {
    20_714_905_113 + i64::from(campaign) * 31_337
}

/// The name of a Google campaign.
pub(super) fn google_campaign_name(campaign: u32) -> &'static str {
    name(&GOOGLE_CAMPAIGNS, campaign)
}

/// The id of an ad group.
pub(super) fn google_ad_group_id(ad_group: u32) -> i64 {
    155_209_473_002 + i64::from(ad_group) * 10_007
}

/// The search word of an ad group.
pub(super) fn google_keyword(ad_group: u32) -> &'static str {
    name(&KEYWORDS, ad_group)
}

/// The name of an ad group.
pub(super) fn google_ad_group_name(ad_group: u32) -> String {
    format!("Група {} | {}", ad_group % 3 + 1, google_keyword(ad_group))
}
