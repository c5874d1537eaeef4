//! The synthetic lake: data of the original's shape whose figures are the published ones.
//!
//! In: a scale and a seed. Out: the tables of [`TABLES`](crate::schema::TABLES), as Parquet
//! files or in a Postgres database, the same rows in both.
//!
//! The plan (`plan.rs`) says which clients walk which path with what money; it alone
//! carries the figures. `clients` gives its touches days, times and prices; `events` ids and
//! company that a run leaves out; `origins` the staged source; `documents` the contract
//! papers; `tables` turns one copy of all that into record batches. Scale N is N copies,
//! each with ids of its own, made and written one after the other.

mod catalogue;
mod clients;
mod documents;
mod events;
mod lake;
mod origins;
mod plan;
mod postgres;
mod tables;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::error::{Exit, Failure};
use crate::storage::StorageError;
use documents::Document;
use events::Event;

pub use lake::write_lake;
pub use plan::{Group, PLAN, Platform, Step};
pub use postgres::load_postgres;

/// Copies at most: beyond it the ids of the narrowest tables run out.
pub const MAX_SCALE: u32 = 200_000;

/// What can go wrong while the synthetic lake is made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The scale is zero or beyond the ids.
    #[error("scale {scale} is not between 1 and {MAX_SCALE}")]
    Scale {
        /// What was asked for.
        scale: u32,
    },
    /// Our columns do not fit the table's schema.
    #[error("cannot lay out the rows of `{table}`")]
    Layout {
        /// The table.
        table: String,
        /// Arrow's own error.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// The lake cannot be written.
    #[error("cannot write the synthetic lake")]
    Storage {
        /// The store's own error.
        #[from]
        source: StorageError,
    },
    /// The task that makes the rows or the one that talks to the database broke off.
    #[error("a part of the work on the synthetic lake broke off")]
    Interrupted {
        /// Tokio's own error.
        #[from]
        source: tokio::task::JoinError,
    },
    /// The database refused.
    #[error("cannot {action} `{table}` in the database")]
    Database {
        /// `create`, `load`, …
        action: &'static str,
        /// The table or schema.
        table: String,
        /// The driver's own error.
        #[source]
        source: tokio_postgres::Error,
    },
    /// A table is there already; nothing is dropped or appended to.
    #[error("table `{table}` exists already in the database; nothing was loaded")]
    TableExists {
        /// The table.
        table: String,
    },
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        let exit = match &error {
            DemoError::Scale { .. } | DemoError::TableExists { .. } => Exit::Usage,
            _ => Exit::Store,
        };
        let failure = Self::new(exit, &error);
        match error {
            DemoError::TableExists { .. } => failure.with_hint("load into an empty database"),
            _ => failure,
        }
    }
}

/// Which synthetic lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoLake {
    /// How many copies of the plan: 1 is the published size.
    pub scale: u32,
    /// Varies everything but the figures.
    pub seed: u64,
}

impl DemoLake {
    /// The lake of a scale and a seed.
    ///
    /// # Errors
    /// [`DemoError::Scale`] when the scale is not between 1 and [`MAX_SCALE`].
    pub fn try_new(scale: u32, seed: u64) -> Result<Self, DemoError> {
        if (1..=MAX_SCALE).contains(&scale) {
            Ok(Self { scale, seed })
        } else {
            Err(DemoError::Scale { scale })
        }
    }

    /// One copy, complete; copies do not depend on one another.
    fn copy(self, number: u32) -> Copy {
        let mut copy = Copy {
            number,
            scale: self.scale,
            seed: self.seed,
            events: Vec::new(),
            documents: Vec::new(),
        };
        copy.events = events::events(number, &mut copy.noise(1));
        copy.documents = documents::documents(number, &copy.events, &mut copy.noise(2));
        copy
    }
}

/// What was written: tables, rows and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DemoSummary {
    /// Tables.
    pub tables: usize,
    /// Rows of all tables.
    pub rows: u64,
    /// Bytes of all files; of a database, the bytes sent.
    pub bytes: u64,
}

/// One copy of the plan: a block of clients with ids of their own.
#[derive(Debug)]
struct Copy {
    number: u32,
    scale: u32,
    seed: u64,
    events: Vec<Event>,
    documents: Vec<Document>,
}

impl Copy {
    /// The copy's random numbers for one purpose (1 to 15), independent of every other's.
    fn noise(&self, purpose: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(u64::from(self.number) * 16 + purpose);
        rng
    }
}
