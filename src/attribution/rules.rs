//! The weights that each model gives the touches of a path.
//!
//! In: a model and a path, oldest first. Out: [`Weights`], exact where the model is made
//! of fractions, floating point for time decay.

use super::{EmptyPath, Model, Share, Touch, Weights};

impl Model {
    /// Sets `weights` to the credit of each touch of `path`, which is oldest first.
    ///
    /// Equal touches in another order get the same weights by position: only the order of
    /// the path breaks ties.
    ///
    /// # Errors
    /// [`EmptyPath`] when there is no touch; `weights` is then as it was.
    ///
    /// ```
    /// use touchpath::attribution::{Model, Touch, Weights};
    ///
    /// let touch = |is_paid| Touch { is_paid, is_direct: false, age_micros: 0 };
    /// let mut weights = Weights::default();
    /// Model::LastPaidTouch.weigh(&[touch(false), touch(true), touch(false)], &mut weights)?;
    /// assert_eq!(weights.iter().collect::<Vec<_>>(), [0.0, 1.0, 0.0]);
    /// # Ok::<(), touchpath::attribution::EmptyPath>(())
    /// ```
    pub fn weigh(&self, path: &[Touch], weights: &mut Weights) -> Result<(), EmptyPath> {
        let last = path.len().checked_sub(1).ok_or(EmptyPath)?;
        let winner = match *self {
            Self::FirstTouch => 0,
            Self::LastTouch => last,
            Self::FirstPaidTouch => path.iter().position(|touch| touch.is_paid).unwrap_or(0),
            Self::LastPaidTouch => path.iter().rposition(|touch| touch.is_paid).unwrap_or(0),
            Self::FirstNonDirect => path.iter().position(|touch| !touch.is_direct).unwrap_or(0),
            Self::LastNonDirect => path
                .iter()
                .rposition(|touch| !touch.is_direct)
                .unwrap_or(last),
            Self::Linear => {
                weights.set_equal(path.len());
                return Ok(());
            }
            Self::PositionBased { first, last } => {
                position_based(path.len(), first, last, weights);
                return Ok(());
            }
            Self::TimeDecay { half_life_days } => {
                time_decay(path, half_life_days.micros(), weights);
                return Ok(());
            }
        };
        weights.set_one(path.len(), winner);
        Ok(())
    }
}

/// `first` and `last` at the ends, what is left of 1 equally between; without touches
/// between, the ends share in proportion to their shares (halves when both are 0).
fn position_based(len: usize, first: Share, last: Share, weights: &mut Weights) {
    let (first, last) = (first.millionths(), last.millionths());
    let ends = first + last;
    match len {
        0 | 1 => weights.set_one(len, 0),
        2 if ends == 0 => weights.set_equal(2),
        2 => weights.set_fractions([first, last], ends),
        _ => {
            // One denominator for all: the ends times the touches between, and the rest
            // once for each of these.
            let between = len - 2;
            let rest = Share::WHOLE.millionths().saturating_sub(ends);
            let scale = between as u64;
            let numerators = std::iter::once(first * scale)
                .chain(std::iter::repeat_n(rest, between))
                .chain(std::iter::once(last * scale));
            weights.set_fractions(numerators, (ends + rest) * scale);
        }
    }
}

/// `2^(-age / half-life)`, normalised. Ages are taken from the youngest touch's, which
/// cancels out and keeps the sum at 1 or more: however old a path is, it never divides by 0.
fn time_decay(path: &[Touch], half_life_micros: f64, weights: &mut Weights) {
    let youngest = path.iter().map(|touch| touch.age_micros).min().unwrap_or(0);
    weights.set_proportional(path.iter().map(|touch| {
        let older_by = micros_between(youngest, touch.age_micros);
        (-older_by / half_life_micros).exp2()
    }));
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact below 285 years of microseconds"
)]
fn micros_between(youngest: i64, age: i64) -> f64 {
    age.abs_diff(youngest) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{default_models, parse_models};
    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn touch(is_paid: bool, is_direct: bool, days: i64) -> Touch {
        Touch {
            is_paid,
            is_direct,
            age_micros: days * DAY,
        }
    }

    fn weigh(model: &str, path: &[Touch]) -> Vec<f64> {
        let mut weights = Weights::default();
        model
            .parse::<Model>()
            .unwrap()
            .weigh(path, &mut weights)
            .unwrap();
        weights.iter().collect()
    }

    fn split(model: &str, path: &[Touch], cents: i64) -> Vec<i64> {
        let (mut weights, mut parts) = (Weights::default(), Vec::new());
        model
            .parse::<Model>()
            .unwrap()
            .weigh(path, &mut weights)
            .unwrap();
        weights.split(cents, &mut parts);
        parts
    }

    /// The touches 38, 33, 26, 8 and 0 days before the deal of `docs/attribution.md`.
    fn deal() -> Vec<Touch> {
        [38, 33, 26, 8, 0]
            .map(|days| touch(false, false, days))
            .to_vec()
    }

    #[test]
    fn one_touch_models_take_the_touch_of_their_name() {
        // direct, paid, organic, paid, direct
        let path = [
            touch(false, true, 4),
            touch(true, false, 3),
            touch(false, false, 2),
            touch(true, false, 1),
            touch(false, true, 0),
        ];
        for (model, winner) in [
            ("first_touch", 0),
            ("last_touch", 4),
            ("first_paid_touch", 1),
            ("last_paid_touch", 3),
            ("first_non_direct", 1),
            ("last_non_direct", 3),
        ] {
            let mut expected = [0.0; 5];
            expected[winner] = 1.0;
            assert_eq!(weigh(model, &path), expected, "{model}");
            let mut money = [0; 5];
            money[winner] = -7;
            assert_eq!(split(model, &path, -7), money, "{model}");
        }
    }

    #[test]
    fn without_a_touch_of_its_kind_only_last_non_direct_falls_back_to_the_last() {
        let path = [
            touch(false, true, 2),
            touch(false, true, 1),
            touch(false, true, 0),
        ];
        for model in ["first_paid_touch", "last_paid_touch", "first_non_direct"] {
            assert_eq!(weigh(model, &path), [1.0, 0.0, 0.0], "{model}");
        }
        assert_eq!(weigh("last_non_direct", &path), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn the_journeys_of_the_trade_give_their_published_credit() {
        // direct 2, search>email 3, search>social>email 5 conversions:
        // linear    direct 2, search 3/2 + 5/3 = 19/6, email the same, social 5/3
        // position  direct 2, search 3/2 + 2 = 3.5, email the same, social 1
        let journeys: [(&[usize], f64); 3] = [(&[0], 2.0), (&[1, 3], 3.0), (&[1, 2, 3], 5.0)];
        for (model, expected) in [
            ("first_touch", [2.0, 8.0, 0.0, 0.0]),
            ("last_touch", [2.0, 0.0, 0.0, 8.0]),
            ("linear", [2.0, 19.0 / 6.0, 5.0 / 3.0, 19.0 / 6.0]),
            ("position_based", [2.0, 3.5, 1.0, 3.5]),
        ] {
            let mut credit = [0.0; 4];
            for (channels, conversions) in journeys {
                let path = vec![touch(false, false, 0); channels.len()];
                for (channel, weight) in channels.iter().zip(weigh(model, &path)) {
                    credit[*channel] += weight * conversions;
                }
            }
            for (got, want) in credit.iter().zip(expected) {
                assert!((got - want).abs() < 1e-12, "{model}: {credit:?}");
            }
        }
    }

    #[test]
    fn position_shares_are_renormalised_when_nothing_lies_between() {
        let path = |len| vec![touch(false, false, 0); len];
        assert_eq!(weigh("position_based", &path(1)), [1.0]);
        assert_eq!(weigh("position_based", &path(2)), [0.5, 0.5]);
        // 0.25 / (0.25 + 0.5) = 1/3 of 300 cents
        assert_eq!(
            split("position_based(0.25, 0.5)", &path(2), 300),
            [100, 200]
        );
        assert_eq!(weigh("position_based(0, 0)", &path(2)), [0.5, 0.5]);
        assert_eq!(
            weigh("position_based(0, 0)", &path(4)),
            [0.0, 0.5, 0.5, 0.0]
        );
        assert_eq!(weigh("position_based(0.5, 0.5)", &path(3)), [0.5, 0.0, 0.5]);
        assert_eq!(weigh("position_based(0.25, 0.25)", &path(4)), [0.25; 4]);
    }

    #[test]
    fn the_deal_of_12000_is_split_as_worked_by_hand() {
        // linear 12,000 / 5 = 2,400; position 4,800 at the ends, 2,400 / 3 = 800 between
        assert_eq!(split("linear", &deal(), 1_200_000), [240_000; 5]);
        assert_eq!(
            split("position_based", &deal(), 1_200_000),
            [480_000, 80_000, 80_000, 80_000, 480_000]
        );
        // time decay, half-life 7: 2^(-38/7) … 2^0 are 0.0232187, 0.0380942, 0.0761884,
        // 0.4528618, 1, their sum 1.5903630230. Cents: 17519.5176, 28743.7594, 57487.5187,
        // 341704.4981, 754544.7062; the floors leave 3 cents, which go to the remainders
        // .7594, .7062 and .5187 (.5176 and .4981 get none).
        assert_eq!(
            split("time_decay", &deal(), 1_200_000),
            [17_519, 28_744, 57_488, 341_704, 754_545]
        );
        let total = 1.590_363_023_0;
        for (days, weight) in [38.0_f64, 33.0, 26.0, 8.0, 0.0]
            .iter()
            .zip(weigh("time_decay", &deal()))
        {
            assert!(
                (weight - (-days / 7.0).exp2() / total).abs() < 1e-10,
                "{days}: {weight}"
            );
        }
    }

    #[test]
    fn half_lives_halve_and_equal_ages_weigh_the_same() {
        let path = [
            touch(false, false, 14),
            touch(false, false, 7),
            touch(false, false, 7),
        ];
        assert_eq!(weigh("time_decay", &path), [0.2, 0.4, 0.4]);
        // 1/(1 + 2 + 2) with a week; with two weeks the eldest weighs 1/sqrt 2 of the others
        let eldest = weigh("time_decay(14)", &path)[0];
        assert!(
            (eldest - 1.0 / (1.0 + 2.0 * 2.0_f64.sqrt())).abs() < 1e-15,
            "{eldest}"
        );
    }

    #[test]
    fn an_age_beyond_all_half_lives_still_gives_numbers() {
        let ancient = |age_micros| Touch {
            is_paid: false,
            is_direct: false,
            age_micros,
        };
        let path = [ancient(i64::MAX), ancient(i64::MAX - 1)];
        assert_eq!(
            weigh("time_decay(0.000001)", &path),
            weigh("time_decay(0.000001)", &path)
        );
        assert_eq!(split("time_decay", &path, 2), [1, 1]);
        assert_eq!(
            weigh("time_decay(0.000001)", &[ancient(i64::MAX), ancient(0)]),
            [0.0, 1.0]
        );
        assert_eq!(
            split("time_decay", &[ancient(i64::MIN), ancient(i64::MAX)], 5),
            [5, 0]
        );
    }

    #[test]
    fn a_path_without_touches_is_refused_by_every_model() {
        for model in default_models() {
            assert_eq!(
                model.weigh(&[], &mut Weights::default()),
                Err(EmptyPath),
                "{model}"
            );
        }
    }

    fn any_touch() -> impl Strategy<Value = Touch> {
        (any::<bool>(), any::<bool>(), 0_i64..400 * DAY).prop_map(
            |(is_paid, is_direct, age_micros)| Touch {
                is_paid,
                is_direct,
                age_micros,
            },
        )
    }

    fn every_model() -> Vec<Model> {
        let mut models = default_models();
        models.extend(
            parse_models(
                "position_based(0.333333, 0.1), position_based(0, 0), position_based(0.5, 0.5), \
                 time_decay(0.1), time_decay(90)",
            )
            .unwrap(),
        );
        models
    }

    proptest! {
        #[test]
        fn credit_and_money_are_conserved(
            path in prop::collection::vec(any_touch(), 1..200),
            cents in prop_oneof![any::<i64>(), -1000_i64..1000, any::<i32>().prop_map(i64::from)],
        ) {
            // One buffer for all models: what a model leaves behind must not reach the next.
            let (mut weights, mut parts) = (Weights::default(), Vec::new());
            for model in every_model() {
                model.weigh(&path, &mut weights).unwrap();
                prop_assert_eq!(weights.len(), path.len());
                prop_assert!(weights.iter().all(|weight| weight >= 0.0), "{}", model);
                let total: f64 = weights.iter().sum();
                prop_assert!((total - 1.0).abs() < 1e-9, "{} sums to {}", model, total);
                weights.split(cents, &mut parts);
                let money: i128 = parts.iter().copied().map(i128::from).sum();
                prop_assert_eq!(money, i128::from(cents), "{}", model);
                // No part is further than a cent from its exact share.
                let Ok(amount) = i32::try_from(cents).map(f64::from) else { continue };
                for (part, weight) in parts.iter().zip(weights.iter()) {
                    let off = (f64::from(i32::try_from(*part).unwrap()) - weight * amount).abs();
                    prop_assert!(off < 1.0 + 1e-6, "{} is off by {}", model, off);
                }
            }
        }
    }
}
