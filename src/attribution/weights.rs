//! The weights of one path, kept exact where they are fractions, and the split of money.
//!
//! In: the weights as a model states them. Out: each as a float, and an amount of cents
//! split by largest remainder so that the parts sum to it.

use std::cmp::Ordering;

/// The credit of each touch of one path, oldest first; non-negative, summing to 1.
///
/// One value serves any number of paths: its buffers grow to the longest and stay.
#[derive(Debug, Clone, Default)]
pub struct Weights {
    form: Form,
    len: usize,
    /// Of `Form::Fractions`, and of `Form::Floats` while it splits by integers.
    numerators: Vec<u64>,
    /// Of `Form::Floats`.
    floats: Vec<f64>,
    /// Remainder and index of each touch while the cents left over are given out.
    remainders: Vec<(u64, usize)>,
}

#[derive(Debug, Clone, Copy, Default)]
enum Form {
    /// The same for every touch.
    #[default]
    Equal,
    /// 1 for the touch of this index, 0 for the others.
    One(usize),
    /// Numerators over this denominator, which is their sum.
    Fractions(u64),
    /// Floating point.
    Floats,
}

impl Weights {
    pub(super) fn set_equal(&mut self, len: usize) {
        (self.form, self.len) = (Form::Equal, len);
    }

    pub(super) fn set_one(&mut self, len: usize, index: usize) {
        (self.form, self.len) = (Form::One(index), len);
    }

    /// The numerators must sum to `denominator`.
    pub(super) fn set_fractions(
        &mut self,
        numerators: impl IntoIterator<Item = u64>,
        denominator: u64,
    ) {
        self.numerators.clear();
        self.numerators.extend(numerators);
        debug_assert_eq!(self.numerators.iter().sum::<u64>(), denominator);
        (self.form, self.len) = (Form::Fractions(denominator), self.numerators.len());
    }

    /// Weights in proportion to `sizes`, of which one at least must be above 0.
    pub(super) fn set_proportional(&mut self, sizes: impl IntoIterator<Item = f64>) {
        self.floats.clear();
        self.floats.extend(sizes);
        let total: f64 = self.floats.iter().sum();
        self.floats.iter_mut().for_each(|size| *size /= total);
        (self.form, self.len) = (Form::Floats, self.floats.len());
    }

    /// How many touches the path has; 0 before the first path.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no path was weighed yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The weight of one touch, 0 beyond the path.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a float of the exact weight is asked for"
    )]
    pub fn fraction(&self, index: usize) -> f64 {
        if index >= self.len {
            return 0.0;
        }
        match self.form {
            Form::Equal => 1.0 / self.len as f64,
            Form::One(winner) => f64::from(u8::from(winner == index)),
            Form::Fractions(denominator) => self
                .numerators
                .get(index)
                .map_or(0.0, |part| *part as f64 / denominator as f64),
            Form::Floats => self.floats.get(index).copied().unwrap_or(0.0),
        }
    }

    /// The weights in the order of the path.
    pub fn iter(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.len).map(|index| self.fraction(index))
    }

    /// Splits `cents` over the touches, into `parts`, which sum to `cents`.
    ///
    /// Each touch gets the floor of its weight times `cents`; the cents left go one each to
    /// the largest remainders, ties to the earlier touch. Fractions are computed as
    /// fractions. With floating-point weights 1e-9 is added before the floor, and remainders
    /// are compared after rounding to six decimals. The floor is the one towards minus
    /// infinity, so a refund leaves cents to add as a payment does.
    pub fn split(&mut self, cents: i64, parts: &mut Vec<i64>) {
        parts.clear();
        match self.form {
            Form::Equal => split_equally(self.len, cents, parts),
            Form::One(winner) => {
                parts.extend((0..self.len).map(|index| if index == winner { cents } else { 0 }));
            }
            Form::Fractions(denominator) => self.split_fractions(denominator, cents, parts),
            Form::Floats => {
                if !self.split_floats(cents, parts) {
                    parts.clear();
                    let denominator = self.floats_to_numerators();
                    self.split_fractions(denominator, cents, parts);
                }
            }
        }
    }

    fn split_fractions(&mut self, denominator: u64, cents: i64, parts: &mut Vec<i64>) {
        let (cents, denominator) = (i128::from(cents), i128::from(denominator));
        self.remainders.clear();
        let mut left = cents;
        for (index, numerator) in self.numerators.iter().enumerate() {
            let product = i128::from(*numerator) * cents;
            let floor = product.div_euclid(denominator);
            left -= floor;
            parts.push(narrow(floor));
            self.remainders
                .push((narrow_remainder(product.rem_euclid(denominator)), index));
        }
        // Remainders below 1 each sum to what is left, so this is less than their number.
        give_out(
            usize::try_from(left).unwrap_or(0),
            &mut self.remainders,
            parts,
        );
    }

    /// False when rounding made the parts miss the amount by more than the remainders can
    /// mend, which needs some 2^43 cents or more.
    fn split_floats(&mut self, cents: i64, parts: &mut Vec<i64>) -> bool {
        self.remainders.clear();
        let mut left = i128::from(cents);
        for (index, weight) in self.floats.iter().enumerate() {
            let (floor, remainder) = floor_and_remainder(*weight, cents);
            left -= i128::from(floor);
            parts.push(floor);
            self.remainders.push((remainder, index));
        }
        let mendable = usize::try_from(left)
            .ok()
            .filter(|left| *left < self.len.max(1));
        if let Some(left) = mendable {
            give_out(left, &mut self.remainders, parts);
        }
        mendable.is_some()
    }

    /// The floating-point weights as integers over their sum, near 2^52: coarser than the
    /// weights by nothing that matters, and exact when multiplied with any amount.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "weights lie between 0 and 1"
    )]
    fn floats_to_numerators(&mut self) -> u64 {
        const SCALE: f64 = 4_503_599_627_370_496.0; // 2^52
        self.numerators.clear();
        self.numerators.extend(
            self.floats
                .iter()
                .map(|weight| (weight * SCALE).round() as u64),
        );
        self.numerators.iter().sum()
    }
}

/// Every touch has the same remainder, so the earliest take what is left.
fn split_equally(len: usize, cents: i64, parts: &mut Vec<i64>) {
    let touches = len.max(1) as i128;
    let floor = narrow(i128::from(cents).div_euclid(touches));
    let left = i128::from(cents).rem_euclid(touches);
    parts.extend((0..len).map(|index| floor + i64::from((index as i128) < left)));
}

/// One cent more for each of the `left` largest remainders, ties to the earlier touch.
fn give_out(left: usize, remainders: &mut [(u64, usize)], parts: &mut [i64]) {
    let by_remainder = |a: &(u64, usize), b: &(u64, usize)| -> Ordering {
        b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1))
    };
    if left == 0 {
        return;
    }
    // Selecting is linear where sorting is not; the order is total, so both pick the same.
    if left < remainders.len() {
        remainders.select_nth_unstable_by(left, by_remainder);
    }
    for (_, index) in remainders.iter().take(left) {
        if let Some(part) = parts.get_mut(*index) {
            *part += 1;
        }
    }
}

/// The floor of `weight * cents + 1e-9` and what is left above it, in millionths.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the result is checked against the exact amount, a remainder lies in 0..=1"
)]
fn floor_and_remainder(weight: f64, cents: i64) -> (i64, u64) {
    let exact = weight * cents as f64;
    let floor = (exact + 1e-9).floor();
    // `exact` may lie 1e-9 below the floor: that is a remainder of 0, which `as` makes it.
    (floor as i64, ((exact - floor) * 1e6).round() as u64)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a part lies between 0 and an i64 amount"
)]
fn narrow(part: i128) -> i64 {
    part as i64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a remainder lies between 0 and a u64 denominator"
)]
fn narrow_remainder(remainder: i128) -> u64 {
    remainder as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(weights: &mut Weights, cents: i64) -> Vec<i64> {
        let mut parts = vec![99];
        weights.split(cents, &mut parts);
        parts
    }

    #[test]
    fn thirds_are_fractions_and_the_cents_left_go_to_the_earlier_touches() {
        let mut weights = Weights::default();
        weights.set_equal(3);
        assert_eq!(split(&mut weights, 300), [100, 100, 100]);
        assert_eq!(split(&mut weights, 301), [101, 100, 100]);
        assert_eq!(split(&mut weights, 2), [1, 1, 0]);
        assert_eq!(split(&mut weights, 0), [0, 0, 0]);
        // floor(-100/3) = -34 three times is -102: two cents to add
        assert_eq!(split(&mut weights, -100), [-33, -33, -34]);
    }

    #[test]
    fn the_largest_remainder_gets_the_cent_that_is_left() {
        // 10 cents by 1/6, 2/6, 3/6: 1 4/6, 3 2/6, 5; the first remainder is the largest
        let mut weights = Weights::default();
        weights.set_fractions([1, 2, 3], 6);
        assert_eq!(split(&mut weights, 10), [2, 3, 5]);
        // 11 cents: 1 5/6, 3 4/6, 5 3/6: two cents left
        assert_eq!(split(&mut weights, 11), [2, 4, 5]);
        // -10 cents: -1 4/6, -3 2/6, -5 have the floors -2, -4, -5 and the remainders
        // 2/6, 4/6, 0
        assert_eq!(split(&mut weights, -10), [-2, -3, -5]);
    }

    #[test]
    fn floats_a_hair_below_a_whole_cent_are_whole() {
        // 0.1 + 0.2 style noise: 1/3 as a float times 300 may be 99.99999999999999
        let mut weights = Weights::default();
        weights.set_proportional([1.0, 1.0, 1.0]);
        assert_eq!(split(&mut weights, 300), [100, 100, 100]);
        assert_eq!(split(&mut weights, 100), [34, 33, 33]);
        assert_eq!(split(&mut weights, -100), [-33, -33, -34]);
    }

    #[test]
    fn remainders_equal_to_six_decimals_are_a_tie_for_the_earlier_touch() {
        // 0.4999999 and 0.5000001 of one cent are equal to six decimals
        let mut weights = Weights::default();
        weights.set_proportional([0.499_999_9, 0.500_000_1]);
        assert_eq!(split(&mut weights, 1), [1, 0]);
        weights.set_proportional([0.499_99, 0.500_01]);
        assert_eq!(split(&mut weights, 1), [0, 1]);
    }

    #[test]
    fn amounts_beyond_what_a_double_holds_are_conserved_and_shared_fairly() {
        let mut weights = Weights::default();
        for cents in [i64::MAX, i64::MIN, (1 << 53) + 1, -(1 << 53) - 1] {
            weights.set_equal(7);
            let equal = split(&mut weights, cents);
            weights.set_proportional([3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]);
            let floats = split(&mut weights, cents);
            for parts in [&equal, &floats] {
                assert_eq!(
                    parts.iter().copied().map(i128::from).sum::<i128>(),
                    i128::from(cents)
                );
                assert!(parts.iter().max().unwrap() - parts.iter().min().unwrap() <= 1024);
            }
        }
        weights.set_proportional([0.0, 1.0]);
        assert_eq!(split(&mut weights, i64::MAX), [0, i64::MAX]);
        assert_eq!(split(&mut weights, i64::MIN), [0, i64::MIN]);
    }

    proptest! {
        /// Against the rule as it is written down: sort by remainder, stable, and count off.
        #[test]
        fn fractions_are_split_as_sorting_the_remainders_splits_them(
            mut numerators in prop::collection::vec(0_u64..1000, 1..60),
            cents in prop_oneof![any::<i64>(), -500_i64..500],
        ) {
            numerators[0] += 1;
            let denominator: u64 = numerators.iter().sum();
            let exact = |index: usize| i128::from(numerators[index]) * i128::from(cents);
            let divisor = i128::from(denominator);
            let mut expected: Vec<i128> =
                (0..numerators.len()).map(|index| exact(index).div_euclid(divisor)).collect();
            let mut order: Vec<usize> = (0..numerators.len()).collect();
            order.sort_by_key(|index| -exact(*index).rem_euclid(divisor));
            let left = i128::from(cents) - expected.iter().sum::<i128>();
            for index in order.iter().take(usize::try_from(left).unwrap()) {
                expected[*index] += 1;
            }
            let mut weights = Weights::default();
            weights.set_fractions(numerators.iter().copied(), denominator);
            let parts: Vec<i128> = split(&mut weights, cents).into_iter().map(i128::from).collect();
            prop_assert_eq!(parts, expected);
        }
    }
}
