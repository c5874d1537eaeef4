//! A process of its own that keeps a snapshot when the export is killed.
//!
//! In: on its standard input a line that says what to lock and how long to wait. Out: on its
//! standard output a line that names the snapshot. As long as the input is open it keeps the
//! snapshot. A second line ends it; an input that closes without one means that the export was
//! killed, and the snapshot is kept some minutes more for `--resume`, which ends it.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::connection::Database;
use super::error::ExportError;
use super::relation::Lock;
use super::session::Session;
use super::snapshot::{self, Snapshot};

/// How often a keeper looks whether its time is over or its connection lost.
const GLANCE: Duration = Duration::from_millis(500);
/// Minutes in which a killed export can be taken up with its own snapshot. Locks and
/// the server's clean-up wait for it, so not longer than a person needs to notice.
const MINUTES: u32 = 10;

/// The program that [`keep`]s, with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeeperProgram {
    /// The program.
    pub path: PathBuf,
    /// Its arguments; they are public, so they hold no secret.
    pub arguments: Vec<OsString>,
}

/// What a keeper is told.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    locks: Vec<Lock>,
    minutes: u32,
}

/// A running keeper; it ends with this value unless the process is killed or it is left.
pub(super) struct Keeper {
    pub(super) snapshot: Snapshot,
    input: Option<ChildStdin>,
    child: Child,
}

impl Keeper {
    /// Starts a keeper and waits for its snapshot; `None` when it did not come to one, and
    /// says why in the log: the export can do without.
    pub(super) async fn start(program: &KeeperProgram, locks: Vec<Lock>) -> Option<Self> {
        let program = program.clone();
        let order = Order {
            locks,
            minutes: MINUTES,
        };
        let started = tokio::task::spawn_blocking(move || spawn(&program, &order)).await;
        match started.map_err(std::io::Error::other).flatten() {
            Ok(keeper) => Some(keeper),
            Err(error) => {
                tracing::warn!(%error, "no process keeps the snapshot of this export");
                None
            }
        }
    }

    /// Leaves the keeper to a later attempt.
    pub(super) fn leave(mut self) {
        self.input = None;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let Some(mut input) = self.input.take() else {
            return;
        };
        // A keeper that is gone already needs no telling.
        if input.write_all(b"done\n").is_ok() {
            drop(input);
            if let Err(error) = self.child.wait() {
                tracing::warn!(%error, "the keeper of the snapshot has not ended");
            }
        }
    }
}

fn spawn(program: &KeeperProgram, order: &Order) -> std::io::Result<Keeper> {
    let mut child = Command::new(&program.path)
        .args(&program.arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // A group of its own: Ctrl-C is for the export, which tells the keeper.
        .process_group(0)
        .spawn()?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(std::io::Error::other("it has no input or output"));
    };
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    input.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(output).read_line(&mut answer)?;
    if answer.is_empty() {
        return Err(std::io::Error::other("it ended without a snapshot"));
    }
    Ok(Keeper {
        snapshot: serde_json::from_str(&answer)?,
        input: Some(input),
        child,
    })
}

/// Keeps a snapshot as the standard input says; `offer` is given the line that names it.
///
/// # Errors
/// [`ExportError::Keeper`] for an input that is no order, else the database's failure.
pub async fn keep<E: From<ExportError>>(
    database: &Database,
    offer: impl FnOnce(&str) -> Result<(), E>,
) -> Result<(), E> {
    let mut input = BufReader::new(std::io::stdin());
    let mut line = String::new();
    let read = input.read_line(&mut line);
    let order = read.and_then(|_| Ok(serde_json::from_str::<Order>(&line)?));
    let order = order.map_err(|source| ExportError::Keeper { source })?;
    let session = Session::connect(database).await?;
    snapshot::begin(&session).await?;
    let snapshot = snapshot::offer(&session, &order.locks).await?;
    let answer = serde_json::to_string(&snapshot).map_err(std::io::Error::from);
    offer(&answer.map_err(|source| ExportError::Keeper { source })?)?;
    wait(
        &session,
        input,
        Duration::from_secs(60 * u64::from(order.minutes)),
    )
    .await;
    Ok(())
}

/// Waits until the keeper is no longer wanted.
async fn wait(session: &Session, mut input: impl Read + Send + 'static, patience: Duration) {
    let (ended, mut input_ended) = oneshot::channel();
    // A thread, because reading the standard input cannot be given up.
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        let was_released = input.read_to_end(&mut rest).is_ok() && !rest.is_empty();
        // Nobody listens when the session was lost first.
        let _ = ended.send(was_released);
    });
    let mut until = None;
    loop {
        tokio::select! {
            // At once, because the export waits for the keeper's end.
            was_released = &mut input_ended, if until.is_none() => {
                if was_released == Ok(true) {
                    return;
                }
                until = Some(Instant::now() + patience);
            }
            () = tokio::time::sleep(GLANCE) => {}
        }
        let is_over = until.is_some_and(|until| Instant::now() >= until);
        if is_over || session.is_closed() {
            return;
        }
    }
}
