//! A proxy between the export and Postgres that harms one connection, or holds it up.
//!
//! In: the server's port and what to do to which connection. Out: a port of the loopback. The
//! client's bytes always pass; the server's pass, are harmed at one place, or wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How long a silent connection is left alone once its bytes are wrong: the client may wait for
/// the rest of a message that the server never sent.
const SILENCE: Duration = Duration::from_millis(150);

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Harm {
    /// It ends at once, by RST.
    Reset,
    /// It ends in due form, by FIN, as if the server had said all.
    Close,
    /// Nothing comes for a while, then it ends.
    Stall,
    /// So many bytes are missing.
    Drop(u64),
    /// One bit is another.
    Flip(u8),
    /// Nothing comes until the test lets it.
    Hold,
}

/// Where it happens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    /// The connection by its number, from 0.
    pub(super) connection: usize,
    /// After so many of the server's bytes.
    pub(super) offset: u64,
    pub(super) harm: Harm,
}

/// A running proxy; its connections end with it.
pub(super) struct Proxy {
    pub(super) port: u16,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    fault: Fault,
    server: u16,
    was_reached: AtomicBool,
    reached: Notify,
    released: Notify,
    connections: AtomicUsize,
}

impl Proxy {
    pub(super) async fn start(server: u16, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            fault,
            server,
            was_reached: AtomicBool::new(false),
            reached: Notify::new(),
            released: Notify::new(),
            connections: AtomicUsize::new(0),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Self {
            port,
            shared,
            _tasks: tasks,
        }
    }

    /// Whether the fault has happened.
    pub(super) fn was_reached(&self) -> bool {
        self.shared.was_reached.load(Ordering::Relaxed)
    }

    /// Waits until it does.
    pub(super) async fn reached(&self) {
        tokio::time::timeout(Duration::from_secs(30), self.shared.reached.notified())
            .await
            .expect("the place of the fault was not reached");
    }

    /// Lets a held connection go on.
    pub(super) fn release(&self) {
        self.shared.released.notify_one();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let number = shared.connections.fetch_add(1, Ordering::Relaxed);
        let Ok(server) = TcpStream::connect(("127.0.0.1", shared.server)).await else {
            continue;
        };
        connections.spawn(pass(client, server, number, Arc::clone(&shared)));
    }
}

async fn pass(client: TcpStream, server: TcpStream, number: usize, shared: Arc<Shared>) {
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let is_harmed = shared.fault.connection == number;
    if is_harmed && shared.fault.harm == Harm::Reset {
        // What closes it sends RST, then.
        client.set_zero_linger().unwrap();
    }
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let fault = is_harmed.then_some(shared.fault);
    let mut back = Back {
        from: server_read,
        to: client_write,
        passed: 0,
        fault,
        frame: Frame::default(),
        shared,
    };
    // Either side's end is the end of both.
    tokio::select! {
        () = forward(client_read, server_write) => (),
        () = back.run() => (),
    }
    if is_harmed && back.shared.fault.harm == Harm::Reset {
        // Else it says FIN first.
        back.to.forget();
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let _ = tokio::io::copy(&mut from, &mut to).await;
}

/// Where in the server's messages a byte stands.
#[derive(Default)]
struct Frame {
    head: Vec<u8>,
    /// Bytes of the message still to come.
    rest: u64,
}

impl Frame {
    fn pass(&mut self, byte: u8) {
        if self.rest > 0 {
            self.rest -= 1;
            return;
        }
        self.head.push(byte);
        if let [_, length @ ..] = &self.head[..]
            && let Ok(length) = <[u8; 4]>::try_from(length)
        {
            self.rest = u64::from(u32::from_be_bytes(length)).saturating_sub(4);
            self.head.clear();
        }
    }

    /// What must be equal for the seam of two places not to show.
    fn place(&self) -> (u64, usize) {
        (self.rest, self.head.len())
    }
}

/// The way from the server to the client.
struct Back {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    passed: u64,
    fault: Option<Fault>,
    frame: Frame,
    shared: Arc<Shared>,
}

impl Back {
    async fn run(&mut self) {
        let mut buffer = vec![0; 16 << 10];
        let mut is_wrong = false;
        loop {
            let read = self.from.read(&mut buffer);
            let read = if is_wrong {
                match tokio::time::timeout(SILENCE, read).await {
                    Ok(read) => read,
                    Err(_) => return,
                }
            } else {
                read.await
            };
            let Ok(read @ 1..) = read else { return };
            let mut bytes = buffer[..read].to_vec();
            if let Some(fault) = self.fault
                && self.passed + read as u64 > fault.offset
            {
                let at = usize::try_from(fault.offset - self.passed).unwrap();
                self.fault = None;
                self.shared.was_reached.store(true, Ordering::Relaxed);
                self.shared.reached.notify_one();
                match self.harm(fault.harm, &mut bytes, at).await {
                    Some(wrong) => is_wrong = wrong,
                    None => return,
                }
            } else {
                for byte in &bytes {
                    self.frame.pass(*byte);
                }
            }
            self.passed += read as u64;
            if self.to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }

    /// Does it to the bytes from `at` on; `None` when the connection has ended, else whether
    /// what follows makes no sense any more.
    async fn harm(&mut self, harm: Harm, bytes: &mut Vec<u8>, at: usize) -> Option<bool> {
        match harm {
            Harm::Reset | Harm::Close | Harm::Stall => {
                if self.to.write_all(&bytes[..at]).await.is_err() {
                    return None;
                }
                match harm {
                    Harm::Stall => tokio::time::sleep(Duration::from_millis(400)).await,
                    Harm::Close => {
                        let _ = self.to.shutdown().await;
                        // The server goes on for a while, to nobody.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    _ => (),
                }
                None
            }
            Harm::Flip(bit) => {
                bytes[at] ^= 1 << (bit % 8);
                Some(true)
            }
            Harm::Drop(count) => {
                for byte in &bytes[..at] {
                    self.frame.pass(*byte);
                }
                let before = self.frame.place();
                let mut tail = bytes.split_off(at);
                let mut dropped = 0;
                // Bytes that make up whole rows, from one row's middle to another's, leave no
                // seam: see `faults`.
                while dropped < count || self.frame.place() == before {
                    if tail.is_empty() {
                        let mut more = vec![0; 4096];
                        let read = tokio::time::timeout(SILENCE, self.from.read(&mut more)).await;
                        let Ok(Ok(read @ 1..)) = read else {
                            let _ = self.to.write_all(bytes).await;
                            return None;
                        };
                        more.truncate(read);
                        self.passed += read as u64;
                        tail = more;
                    }
                    self.frame.pass(tail.remove(0));
                    dropped += 1;
                }
                bytes.extend(tail);
                Some(true)
            }
            Harm::Hold => {
                self.shared.released.notified().await;
                Some(false)
            }
        }
    }
}
