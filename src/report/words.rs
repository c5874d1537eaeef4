//! The report's fixed words: for each section its heading and how to read it.
//!
//! One place, so that terminal, Markdown and HTML say the same.

/// A section's words.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(super) struct Words {
    /// Its anchor.
    pub(super) key: &'static str,
    /// What it is about.
    pub(super) heading: &'static str,
    /// How to read it, in plain English.
    pub(super) note: &'static str,
    /// What its drawing adds to that, where there is one.
    pub(super) chart: &'static str,
    /// What stands there when there is nothing to show.
    pub(super) empty: &'static str,
}

pub(super) const PLATFORMS: Words = Words {
    key: "platforms",
    heading: "Touches and money by platform",
    note: "Every touch counts for the platform it came through. Contracts and revenue stand \
           with the platform of the contract event itself, before any attribution. A client \
           touched through two platforms counts in both rows.",
    chart: "",
    empty: "This run has no touches.",
};

pub(super) const CONTRACTS: Words = Words {
    key: "contracts",
    heading: "Where contracts were signed, and what led to them",
    note: "These are two different questions and their rows need not agree: the first table \
           takes the platform of the contract event itself, the second the platform that \
           the attribution rule credits (the last paid touch before the contract, else the \
           first touch). Only the totals are the same.",
    chart: "",
    empty: "This run has no contracts.",
};

pub(super) const MODELS: Words = Words {
    key: "models",
    heading: "What each attribution model credits",
    note: "Each model shares the same contracts out in its own way, so every column adds up \
           to the same total. A row that stays even is robust; a row that swings owes its \
           money to the choice of model. Contracts are fractions where a model splits them.",
    chart: "Deeper shade: larger share of the model’s revenue.",
    empty: "No model has anything to credit: this run has no contracts.",
};

pub(super) const FUNNEL: Words = Words {
    key: "funnel",
    heading: "Activity over time",
    note: "Everything stands at the event’s own day. The first and the last period may be \
           incomplete.",
    chart: "Each strip has its own scale.",
    empty: "This run has no events.",
};

pub(super) const COHORTS: Words = Words {
    key: "cohorts",
    heading: "What a client is worth, month by month",
    note: "Clients are grouped by the month of their first touch. Each cell is the revenue \
           so far divided by all clients of the group, those without a contract included; \
           +1 is the calendar month after the first touch.",
    chart: "Read along a row to see how long a group goes on earning, down a column to \
           compare groups at the same age. Empty cells lie after the end of the data.",
    empty: "There are no cohorts with contracts.",
};

pub(super) const WAIT: Words = Words {
    key: "time-to-contract",
    heading: "Days from first touch to contract",
    note: "Calendar days from the first touch of the path to the contract date.",
    chart: "",
    empty: "This run has no contracts.",
};

pub(super) const LENGTH: Words = Words {
    key: "path-length",
    heading: "Touches it takes",
    note: "Touches from the first up to and including the contract event.",
    chart: "",
    empty: "This run has no contracts.",
};

pub(super) const FLOW: Words = Words {
    key: "flow",
    heading: "How paths run into contracts",
    note: "Contracts flow from left to right and from platform to platform; touches in a row on one \
           platform are one step. A band is as thick as the number of contracts that took that step, \
           and ends in a contract after its last touch. Steps after the fourth are drawn as one.",
    chart: "",
    empty: "This run has no contracts.",
};

pub(super) const PATHS: Words = Words {
    key: "paths",
    heading: "The commonest paths",
    note: "A path lists the platforms of a contract’s touches in order; ×3 means three \
           touches in a row. The last touch is the contract event itself.",
    chart: "",
    empty: "This run has no contracts.",
};

pub(super) const MULTIPLIER: Words = Words {
    key: "first-touch",
    heading: "What counting first touches only leaves out",
    note: "The multiplier is all touches over first touches: how many touches there are for \
           each one that a first-touch count would see. A dash means that no client started \
           there.",
    chart: "In the bar, the solid part is first touches.",
    empty: "This run has no touches.",
};

pub(super) const QUALITY: Words = Words {
    key: "quality",
    heading: "Checks on the data",
    note: "A check with a limit passes or fails. A check without one is shown for \
           information and cannot fail.",
    chart: "",
    empty: "This run recorded no checks.",
};
