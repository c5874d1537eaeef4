//! The rule models of attribution and the split of a contract's money over its path.
//!
//! In: the touches of one path, oldest first, and an amount in cents. Out: one weight per
//! touch, non-negative and summing to 1, and one part per touch, summing to the amount.
//!
//! Nothing here knows tables, columns or files: a path is a slice of [`Touch`], and both
//! the SQL functions and the one-pass operator call the same [`Model::weigh`] and
//! [`Weights::split`]. Both reuse the buffers of [`Weights`], so a run over millions of
//! paths allocates only for the longest one.

mod decimal;
mod model;
mod rules;
mod weights;

pub use decimal::{HalfLife, Share};
pub use model::{Model, ModelError, default_models, parse_models};
pub use weights::Weights;

/// What the models look at in one touch of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    /// Channel `paid` and a `campaign_id`.
    pub is_paid: bool,
    /// Channel `direct`.
    pub is_direct: bool,
    /// Microseconds from this touch to the contract event; 0 for the contract event itself.
    pub age_micros: i64,
}

/// A path without touches: there is nobody to credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path has no touch to credit")]
pub struct EmptyPath;
