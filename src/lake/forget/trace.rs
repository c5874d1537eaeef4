//! Traces a client through a lake: from its id to its events, web requests, leads, clicks and
//! contacts.
//!
//! In: the files that may hold rows of clients, each with the columns that tie its rows to
//! them. Out: a [`Trace`] that tells for every row whether it is the client's. What another
//! client's rows name too (a family's phone, a request of two) is not the client's alone and
//! leads to nothing.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use arrow::array::{Array, AsArray, BooleanArray, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;

use super::ForgetError;
use crate::schema::{ContactKind, Tie};
use crate::storage::{Location, ParquetRows};

/// Digits of a hashed contact.
const HASH_DIGITS: usize = 64;

/// A file that may hold rows of clients.
#[derive(Debug, Clone)]
pub(super) struct ClientFile {
    pub(super) place: Location,
    /// The table, or the run and its dataset.
    pub(super) table: String,
    /// Below the place.
    pub(super) path: String,
    /// The columns that tie the rows to clients, the surest first; never empty.
    pub(super) ties: Vec<(String, Tie)>,
}

/// The ids of some rows.
#[derive(Debug, Default)]
struct Ids {
    numbers: HashMap<Tie, HashSet<i64>>,
    texts: HashMap<Tie, HashSet<String>>,
}

impl Ids {
    fn insert(&mut self, tie: Tie, id: Id<'_>) {
        match id {
            Id::Number(id) => self.numbers.entry(tie).or_default().insert(id),
            Id::Text(id) => self.texts.entry(tie).or_default().insert(id.into_owned()),
        };
    }

    fn holds(&self, tie: Tie, id: &Id<'_>) -> bool {
        match id {
            Id::Number(id) => self.numbers.get(&tie).is_some_and(|ids| ids.contains(id)),
            Id::Text(id) => self
                .texts
                .get(&tie)
                .is_some_and(|ids| ids.contains(id.as_ref())),
        }
    }

    fn len(&self) -> usize {
        let numbers = self.numbers.values().map(HashSet::len);
        numbers.chain(self.texts.values().map(HashSet::len)).sum()
    }
}

/// One id of a row.
enum Id<'a> {
    Number(i64),
    Text(Cow<'a, str>),
}

/// The tying columns of a batch.
struct Tied {
    columns: Vec<(Tie, Column)>,
    rows: usize,
}

enum Column {
    Numbers(Int64Array),
    Texts(StringArray),
}

impl Tied {
    fn of(batch: &RecordBatch, ties: &[(String, Tie)]) -> Result<Self, arrow::error::ArrowError> {
        let mut columns = Vec::with_capacity(ties.len());
        for (name, tie) in ties {
            let column = batch.column(batch.schema().index_of(name)?);
            columns.push((
                *tie,
                if tie.is_number() {
                    let numbers = cast(column, &DataType::Int64)?;
                    Column::Numbers(numbers.as_primitive::<Int64Type>().clone())
                } else {
                    Column::Texts(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
                },
            ));
        }
        Ok(Self {
            columns,
            rows: batch.num_rows(),
        })
    }

    /// The row's ids, the surest first; blanks are none.
    fn ids(&self, row: usize) -> impl Iterator<Item = (Tie, Id<'_>)> {
        self.columns.iter().filter_map(move |(tie, column)| {
            let id = match column {
                Column::Numbers(ids) => ids.is_valid(row).then(|| Id::Number(ids.value(row)))?,
                Column::Texts(ids) => Id::Text(
                    ids.is_valid(row)
                        .then(|| comparable(*tie, ids.value(row)))??,
                ),
            };
            Some((*tie, id))
        })
    }
}

/// The text as ids of its kind are compared: contacts in their normal form unless they are
/// hashed already.
fn comparable(tie: Tie, text: &str) -> Option<Cow<'_, str>> {
    let is_hash = text.len() == HASH_DIGITS
        && text
            .bytes()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    match tie {
        Tie::Phone if !is_hash => ContactKind::Phone.normal(text),
        Tie::Email if !is_hash => ContactKind::Email.normal(text),
        _ => (!text.trim().is_empty()).then_some(Cow::Borrowed(text)),
    }
}

/// Whose a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Client,
    Another,
    /// No client is known for it.
    Nobody,
}

/// What is known of a client.
#[derive(Debug)]
pub(super) struct Trace {
    client: i64,
    /// The ids in its rows.
    found: Ids,
    /// Those of them that rows of others hold too.
    shared: Ids,
    /// The web requests of other clients' events.
    others_requests: HashSet<i64>,
}

impl Trace {
    /// Follows the client's ids through the files.
    pub(super) async fn follow(client: i64, files: &[ClientFile]) -> Result<Self, ForgetError> {
        let mut trace = Self {
            client,
            found: Ids::default(),
            shared: Ids::default(),
            others_requests: HashSet::new(),
        };
        // From the client's own rows to its events; an event that another table gives to
        // another client is both's.
        trace.visit_all(files, Tie::Client, Self::collect).await?;
        trace.visit_all(files, Tie::Client, Self::share).await?;
        trace.visit_all(files, Tie::Event, Self::collect).await?;
        trace.share_requests();
        // Twice: requests that no event is known for are found by contacts, and hold clicks
        // and contacts of their own.
        for _ in 0..2 {
            trace.visit_all(files, Tie::Request, Self::collect).await?;
            trace.visit_all(files, Tie::Lead, Self::collect).await?;
            for tie in [Tie::Client, Tie::Event, Tie::Request] {
                trace.visit_all(files, tie, Self::share).await?;
            }
            trace.visit_all(files, Tie::Request, Self::adopt).await?;
        }
        Ok(trace)
    }

    /// How many ids of the client stay, because rows of others hold them too.
    pub(super) fn shared(&self) -> usize {
        self.shared.len()
    }

    /// Which rows of a batch are not the client's.
    pub(super) fn others(
        &self,
        batch: &RecordBatch,
        ties: &[(String, Tie)],
    ) -> Result<BooleanArray, arrow::error::ArrowError> {
        let tied = Tied::of(batch, ties)?;
        let others = (0..tied.rows).map(|row| Some(self.owner(&tied, row) != Owner::Client));
        Ok(others.collect())
    }

    /// How many rows of a file are the client's.
    pub(super) async fn count(&self, file: &ClientFile) -> Result<u64, ForgetError> {
        let mut batches = tied_batches(file).await?;
        let mut count = 0;
        while let Some(batch) = batches.try_next().await? {
            let others = self.others(&batch, &file.ties);
            let others = others.map_err(|source| file.failure(source))?;
            count += (others.len() - others.true_count()) as u64;
        }
        Ok(count)
    }

    /// Shows every row of the files whose rows belong to a client by this kind of id.
    async fn visit_all(
        &mut self,
        files: &[ClientFile],
        surest: Tie,
        look: fn(&mut Self, &Tied, usize),
    ) -> Result<(), ForgetError> {
        let has_surest = |file: &&ClientFile| file.ties.first().is_some_and(|it| it.1 == surest);
        for file in files.iter().filter(has_surest) {
            let mut batches = tied_batches(file).await?;
            while let Some(batch) = batches.try_next().await? {
                let tied = Tied::of(&batch, &file.ties).map_err(|source| file.failure(source))?;
                for row in 0..tied.rows {
                    look(self, &tied, row);
                }
            }
        }
        Ok(())
    }

    /// Takes up the ids of the client's rows, and the requests of others' events. Only a
    /// row's surest id counts, and no click or contact: those may prove to be shared.
    fn collect(&mut self, tied: &Tied, row: usize) {
        let Some((surest, id)) = tied.ids(row).next() else {
            return;
        };
        if surest <= Tie::Lead && self.is_clients(surest, &id) {
            for (tie, id) in tied.ids(row) {
                self.found.insert(tie, id);
            }
        } else if surest == Tie::Event {
            let requests = tied.ids(row).filter(|(tie, _)| *tie == Tie::Request);
            for (_, request) in requests {
                if let Id::Number(request) = request {
                    self.others_requests.insert(request);
                }
            }
        }
    }

    /// Marks what others' rows hold of the client's ids.
    fn share(&mut self, tied: &Tied, row: usize) {
        if self.owner(tied, row) != Owner::Another {
            return;
        }
        for (tie, id) in tied.ids(row) {
            if tie != Tie::Client && self.found.holds(tie, &id) {
                self.shared.insert(tie, id);
            }
        }
    }

    fn share_requests(&mut self) {
        let found = self.found.numbers.get(&Tie::Request);
        let shared: Vec<i64> = found
            .into_iter()
            .flatten()
            .filter(|request| self.others_requests.contains(request))
            .copied()
            .collect();
        for request in shared {
            self.shared.insert(Tie::Request, Id::Number(request));
        }
    }

    /// Takes up a request of no event that bears one of the client's contacts.
    fn adopt(&mut self, tied: &Tied, row: usize) {
        if self.owner(tied, row) != Owner::Client {
            return;
        }
        for (tie, id) in tied.ids(row).filter(|(tie, _)| *tie == Tie::Request) {
            self.found.insert(tie, id);
        }
    }

    fn is_clients(&self, tie: Tie, id: &Id<'_>) -> bool {
        match id {
            Id::Number(client) if tie == Tie::Client => *client == self.client,
            _ => self.found.holds(tie, id) && !self.shared.holds(tie, id),
        }
    }

    /// Whose the row is: its surest id decides, unless no client is known for that.
    fn owner(&self, tied: &Tied, row: usize) -> Owner {
        for (tie, id) in tied.ids(row) {
            if self.is_clients(tie, &id) {
                return Owner::Client;
            }
            let is_anothers = match id {
                Id::Number(request) if tie == Tie::Request => {
                    self.others_requests.contains(&request)
                }
                _ => tie <= Tie::Event,
            };
            if is_anothers {
                return Owner::Another;
            }
        }
        Owner::Nobody
    }
}

impl ClientFile {
    pub(super) fn failure(&self, source: arrow::error::ArrowError) -> ForgetError {
        ForgetError::Ties {
            object: self.place.describe(&self.path),
            source,
        }
    }
}

/// The file's tying columns, batch by batch.
async fn tied_batches(
    file: &ClientFile,
) -> Result<
    impl futures::Stream<Item = Result<RecordBatch, crate::storage::StorageError>> + Unpin + use<>,
    ForgetError,
> {
    let columns: Vec<&str> = file.ties.iter().map(|(name, _)| name.as_str()).collect();
    let rows = ParquetRows::open(&file.place, &file.path).await?;
    Ok(rows.stream(Some(&columns))?)
}
