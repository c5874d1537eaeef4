//! The attribution models by name and settings, as text and back.
//!
//! In: `linear`, `position_based(0.3, 0.3)`, a comma-separated list of these. Out: the
//! [`Model`], or what is wrong with the text and which name was probably meant.

use std::{fmt, str::FromStr};

use crate::error::{Failure, nearest};

use super::{HalfLife, Share};

/// Who gets the credit of a contract. The formulas stand in `docs/attribution.md`.
///
/// As text: the bare name, with the settings in parentheses where they are not the
/// defaults, so that results of other settings bear another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Model {
    /// The first touch.
    FirstTouch,
    /// The last touch, which is the contract event.
    LastTouch,
    /// The first paid touch, else the first touch.
    FirstPaidTouch,
    /// The last paid touch, else the *first* touch.
    LastPaidTouch,
    /// The first touch whose channel is not `direct`, else the first touch.
    FirstNonDirect,
    /// The last touch whose channel is not `direct`, else the *last* touch.
    LastNonDirect,
    /// Every touch the same.
    Linear,
    /// A share for the first and one for the last touch, the rest equally between them.
    ///
    /// Text holds `first + last <= 1`. Larger sums, built by hand, are taken in
    /// proportion, with nothing for the touches between.
    PositionBased {
        /// Share of the first touch.
        first: Share,
        /// Share of the last touch.
        last: Share,
    },
    /// Half the credit for each half-life of age, normalised.
    TimeDecay {
        /// The age at which a touch weighs half of what a touch of age 0 weighs, in days.
        half_life_days: HalfLife,
    },
}

const POSITION_BASED: Model = Model::PositionBased {
    first: Share::two_fifths(),
    last: Share::two_fifths(),
};
const TIME_DECAY: Model = Model::TimeDecay {
    half_life_days: HalfLife::week(),
};

/// Every model with its default settings, in the order of the results.
const DEFAULTS: [Model; 9] = [
    Model::FirstTouch,
    Model::LastTouch,
    Model::FirstPaidTouch,
    Model::LastPaidTouch,
    Model::FirstNonDirect,
    Model::LastNonDirect,
    Model::Linear,
    POSITION_BASED,
    TIME_DECAY,
];

/// All nine models with their default settings: first and last touch, first and last paid
/// touch, first and last non-direct, linear, position based, time decay, in this order.
pub fn default_models() -> Vec<Model> {
    DEFAULTS.to_vec()
}

/// Why a text names no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// No model has this name.
    #[error("no attribution model is called `{name}`{}", did_you_mean(*.nearest))]
    Unknown {
        /// The name as given.
        name: String,
        /// The model that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A parenthesis is missing or stands in the wrong place.
    #[error("cannot read the attribution model `{text}`: the parentheses do not match")]
    Parentheses {
        /// The model as given.
        text: String,
    },
    /// The settings in parentheses are not those of this model.
    #[error("cannot read the settings of the attribution model `{text}`: {expected}")]
    Settings {
        /// The model as given.
        text: String,
        /// What the model takes.
        expected: &'static str,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        let names: Vec<&str> = DEFAULTS.iter().map(Model::bare_name).collect();
        Self::usage(error.to_string()).with_hint(format!("the models are {}", names.join(", ")))
    }
}

impl Model {
    /// The text form, which is also the value of the column `model`.
    pub fn name(&self) -> String {
        self.to_string()
    }

    fn bare_name(&self) -> &'static str {
        match self {
            Self::FirstTouch => "first_touch",
            Self::LastTouch => "last_touch",
            Self::FirstPaidTouch => "first_paid_touch",
            Self::LastPaidTouch => "last_paid_touch",
            Self::FirstNonDirect => "first_non_direct",
            Self::LastNonDirect => "last_non_direct",
            Self::Linear => "linear",
            Self::PositionBased { .. } => "position_based",
            Self::TimeDecay { .. } => "time_decay",
        }
    }

    /// The model with the settings `settings` in the place of its defaults; the error is
    /// what it takes.
    fn with_settings(self, settings: &str) -> Result<Self, &'static str> {
        match self {
            Self::PositionBased { .. } => {
                const EXPECTED: &str =
                    "expected two shares that sum to at most 1, `position_based(0.4, 0.4)`";
                let (first, last) = settings.split_once(',').ok_or(EXPECTED)?;
                let first = Share::parse(first).ok_or(EXPECTED)?;
                let last = Share::parse(last).ok_or(EXPECTED)?;
                if first.millionths() + last.millionths() > Share::WHOLE.millionths() {
                    return Err(EXPECTED);
                }
                Ok(Self::PositionBased { first, last })
            }
            Self::TimeDecay { .. } => HalfLife::parse(settings)
                .map(|half_life_days| Self::TimeDecay { half_life_days })
                .ok_or("expected a half-life in days above 0, `time_decay(7)`"),
            _ => Err("this model takes none"),
        }
    }
}

impl FromStr for Model {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let text = text.trim();
        let (name, settings) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => {
                let settings = rest.strip_suffix(')');
                let settings = settings.filter(|inner| !inner.contains(['(', ')']));
                let owned = || ModelError::Parentheses {
                    text: text.to_owned(),
                };
                (name.trim_end(), Some(settings.ok_or_else(owned)?))
            }
        };
        let named = DEFAULTS.into_iter().find(|model| model.bare_name() == name);
        let model = named.ok_or_else(|| ModelError::Unknown {
            name: name.to_owned(),
            nearest: nearest(name, DEFAULTS.iter().map(Self::bare_name)),
        })?;
        let Some(settings) = settings else {
            return Ok(model);
        };
        model
            .with_settings(settings)
            .map_err(|expected| ModelError::Settings {
                text: text.to_owned(),
                expected,
            })
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.bare_name())?;
        match self {
            _ if DEFAULTS.contains(self) => Ok(()),
            Self::PositionBased { first, last } => write!(f, "({first}, {last})"),
            Self::TimeDecay { half_life_days } => write!(f, "({half_life_days})"),
            _ => Ok(()),
        }
    }
}

/// The models of a comma-separated list, `linear, position_based(0.3, 0.3)`.
///
/// Commas inside parentheses belong to the settings. A model named twice counts once,
/// where it stands first.
///
/// # Errors
/// The first entry that names no model, an empty one included.
pub fn parse_models(list: &str) -> Result<Vec<Model>, ModelError> {
    let mut depth = 0_usize;
    let entries = list.split(|symbol| {
        match symbol {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        symbol == ',' && depth == 0
    });
    let mut models = Vec::new();
    for entry in entries {
        let model = entry.parse()?;
        if !models.contains(&model) {
            models.push(model);
        }
    }
    Ok(models)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_model_reads_back_from_its_bare_name() {
        let names: Vec<String> = default_models().iter().map(Model::name).collect();
        assert_eq!(
            names,
            [
                "first_touch",
                "last_touch",
                "first_paid_touch",
                "last_paid_touch",
                "first_non_direct",
                "last_non_direct",
                "linear",
                "position_based",
                "time_decay"
            ]
        );
        let parsed: Vec<Model> = names.iter().map(|name| name.parse().unwrap()).collect();
        assert_eq!(parsed, default_models());
    }

    #[test]
    fn settings_are_written_only_when_they_differ_from_the_defaults() {
        for (text, written) in [
            ("position_based(0.4, 0.40)", "position_based"),
            ("position_based ( 0.3,0.5 )", "position_based(0.3, 0.5)"),
            ("position_based(1, 0)", "position_based(1, 0)"),
            ("time_decay(7.0)", "time_decay"),
            (" time_decay(0.5)", "time_decay(0.5)"),
        ] {
            let model: Model = text.parse().unwrap();
            assert_eq!(model.to_string(), written, "{text}");
            assert_eq!(written.parse(), Ok(model), "{text}");
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_nearest_one() {
        let message = |text: &str| text.parse::<Model>().unwrap_err().to_string();
        assert_eq!(
            message("linaer"),
            "no attribution model is called `linaer`, did you mean `linear`?"
        );
        assert_eq!(
            message("Linear"),
            message("linaer").replace("linaer", "Linear")
        );
        assert_eq!(
            message("u-shape"),
            "no attribution model is called `u-shape`"
        );
        assert_eq!(message(""), "no attribution model is called ``");
    }

    #[test]
    fn wrong_settings_are_answered_with_what_the_model_takes() {
        for text in [
            "linear(1)",
            "linear()",
            "position_based()",
            "position_based(0.4)",
            "position_based(0.6, 0.5)",
            "position_based(0.4, 0.4, 0.2)",
            "position_based(-0.1, 0.4)",
            "time_decay(0)",
            "time_decay(seven)",
        ] {
            let error = text.parse::<Model>().unwrap_err();
            assert!(
                matches!(error, ModelError::Settings { .. }),
                "{text}: {error}"
            );
            assert!(error.to_string().contains(text), "{error}");
        }
        for text in [
            "time_decay(7",
            "time_decay(7))",
            "time_decay((7)",
            "linear)",
        ] {
            let error = text.parse::<Model>().unwrap_err();
            assert!(
                !matches!(error, ModelError::Settings { .. }),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_list_splits_at_commas_outside_parentheses_and_drops_repeats() {
        let models = parse_models("linear, position_based(0.3, 0.3),time_decay(7),time_decay");
        let names: Vec<String> = models.unwrap().iter().map(Model::name).collect();
        assert_eq!(names, ["linear", "position_based(0.3, 0.3)", "time_decay"]);
        assert!(parse_models("linear,").is_err());
    }

    #[test]
    fn the_failure_is_one_of_usage_and_lists_the_models() {
        let failure = Failure::from("linaer".parse::<Model>().unwrap_err());
        assert_eq!(failure.exit, crate::error::Exit::Usage);
        assert!(
            failure
                .hint
                .unwrap()
                .starts_with("the models are first_touch, last_touch, ")
        );
    }
}
