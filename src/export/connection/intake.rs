//! The rows of a COPY, taken off a connection before the driver sees them.
//!
//! In: what the server sends. Out: to the driver everything but rows; the rows to the
//! [`CopyRows`] that asked for them, a quarter of a mebibyte at a time. The driver by itself
//! hands rows over in eight kibibytes, each by waking another task: that took as much of the
//! processor as decoding them (`benches/README.md`, export).

use std::convert::Infallible;
use std::future::{self, Ready};
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::{FutureExt, Stream, TryFutureExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{Client, CopyOutStream, Error};

/// Bytes that are handed over at once, about; a longer row goes by itself.
const CHUNK_BYTES: usize = 256 << 10;
/// A buffer with less room than this is full.
const LEAST_ROOM: usize = 16 << 10;
/// Chunks that may wait for the decoder.
const WAITING_CHUNKS: usize = 2;
/// A message is its kind, its length with the length's own four bytes, and its body.
const HEADER_BYTES: usize = 5;
/// The kind of a message with rows, and of the two that no more rows follow.
const COPY_DATA: u8 = b'd';
const COPY_DONE: u8 = b'c';
const ERROR: u8 = b'E';

/// The length of the message that the bytes begin with.
fn message_bytes(bytes: &[u8]) -> Option<usize> {
    let length = bytes.get(1..HEADER_BYTES)?.first_chunk()?;
    Some(u32::from_be_bytes(*length) as usize + 1)
}

/// Where the rows of the next COPY shall go; the stream takes it when the first of them comes.
type Asked = Arc<Mutex<Option<mpsc::Sender<Bytes>>>>;

fn set(asked: &Asked, rows_to: Option<mpsc::Sender<Bytes>>) -> Option<mpsc::Sender<Bytes>> {
    // Poisoned or not, what it holds is whole.
    let mut slot = asked.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::replace(&mut slot, rows_to)
}

/// Asks a connection's stream for the rows of a COPY.
#[derive(Debug, Default)]
pub(super) struct Intake {
    asked: Asked,
    is_tapped: bool,
}

impl Intake {
    /// A connector of unencrypted streams whose rows this intake gets.
    pub(super) fn tap_plain(&mut self) -> TappingPlain {
        self.is_tapped = true;
        TappingPlain {
            asked: Arc::clone(&self.asked),
        }
    }

    /// A connector that encrypts as this one, with streams whose rows this intake gets.
    pub(super) fn tap<C>(&mut self, connector: C) -> Tapping<C> {
        self.is_tapped = true;
        Tapping {
            connector,
            asked: Arc::clone(&self.asked),
        }
    }

    /// Starts a `COPY … TO STDOUT`.
    pub(super) async fn copy_out(&self, client: &Client, sql: &str) -> Result<CopyRows, Error> {
        let (sender, taken) = mpsc::channel(WAITING_CHUNKS);
        if self.is_tapped {
            set(&self.asked, Some(sender));
        }
        Ok(CopyRows {
            taken,
            rest: Box::pin(client.copy_out(sql).await?),
        })
    }
}

/// The messages of a COPY, in their order.
pub(in crate::export) struct CopyRows {
    taken: mpsc::Receiver<Bytes>,
    /// What the driver says after them: nothing, or why they ended; all rows, when none were
    /// taken.
    rest: Pin<Box<CopyOutStream>>,
}

impl Stream for CopyRows {
    type Item = Result<Messages, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(messages) = ready!(self.taken.poll_recv(cx)) {
            return Poll::Ready(Some(Ok(Messages::Whole(messages))));
        }
        self.rest.as_mut().poll_next(cx).map_ok(Messages::Body)
    }
}

/// Messages that came together.
pub(in crate::export) enum Messages {
    /// Any number of them.
    Whole(Bytes),
    /// What one of them holds.
    Body(Bytes),
}

impl Messages {
    /// What each of them holds.
    pub(in crate::export) fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        let (mut whole, mut body): (&[u8], Option<&[u8]>) = match self {
            Self::Whole(bytes) => (bytes, None),
            Self::Body(bytes) => (&[], Some(bytes)),
        };
        std::iter::from_fn(move || {
            if body.is_some() || whole.is_empty() {
                return body.take();
            }
            // What were no whole message would be given to the decoder, which refuses it.
            let length = message_bytes(whole).unwrap_or(whole.len());
            let (message, rest) = whole.split_at_checked(length).unwrap_or((whole, &[]));
            whole = rest;
            Some(message.get(HEADER_BYTES..).unwrap_or(message))
        })
    }
}

/// A connection's stream, less the rows that an intake gets.
pub(super) struct Tapped<S> {
    stream: S,
    binding: fn(&S) -> ChannelBinding,
    asked: Asked,
    /// Where the rows of the present COPY go.
    rows_to: Option<mpsc::Sender<Bytes>>,
    /// Waits for room there.
    sending: Option<BoxFuture<'static, ()>>,
    /// What has been received and not yet been passed on.
    buffer: BytesMut,
    /// So many bytes of the buffer's beginning are whole messages with rows.
    rows: usize,
    /// So many bytes from there on, received or not, are the driver's.
    drivers: usize,
}

impl<S> Tapped<S> {
    fn new(stream: S, binding: fn(&S) -> ChannelBinding, asked: Asked) -> Self {
        Self {
            stream,
            binding,
            asked,
            rows_to: None,
            sending: None,
            buffer: BytesMut::new(),
            rows: 0,
            drivers: 0,
        }
    }
}

impl<S> Drop for Tapped<S> {
    fn drop(&mut self) {
        // Who waits for rows shall not wait for ever.
        set(&self.asked, None);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tapped<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if let Some(sending) = &mut this.sending {
                ready!(sending.poll_unpin(cx));
                this.sending = None;
            }
            this.scan();
            if this.rows > 0 && (this.drivers > 0 || this.room() < LEAST_ROOM) {
                this.send_rows();
            } else if this.drivers > 0 && !this.buffer.is_empty() {
                this.pass(out);
                return Poll::Ready(Ok(()));
            } else if ready!(this.poll_receive(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + Unpin> Tapped<S> {
    /// Finds out whose the bytes of the buffer are.
    fn scan(&mut self) {
        while self.drivers == 0 {
            let unknown = &self.buffer[self.rows..];
            let Some(length) = message_bytes(unknown) else {
                return;
            };
            if length < HEADER_BYTES {
                // No message: the driver says so and ends the connection.
                self.drivers = usize::MAX;
            } else if unknown[0] == COPY_DATA && self.is_asked() {
                if self.buffer.len() - self.rows < length {
                    return;
                }
                self.rows += length;
            } else {
                self.drivers = length;
            }
        }
    }

    /// Whether somebody wants the rows of this COPY.
    fn is_asked(&mut self) -> bool {
        if self.rows_to.is_none() {
            self.rows_to = set(&self.asked, None);
        }
        self.rows_to.is_some()
    }

    fn send_rows(&mut self) {
        let rows = self
            .buffer
            .split_to(std::mem::take(&mut self.rows))
            .freeze();
        if let Some(sender) = self.rows_to.clone() {
            self.sending = Some(Box::pin(async move {
                // Refused when they are no longer wanted; the connection then ends soon.
                drop(sender.send(rows).await);
            }));
        }
    }

    /// Gives the driver what is its own.
    fn pass(&mut self, out: &mut ReadBuf<'_>) {
        if matches!(self.buffer[0], COPY_DONE | ERROR) {
            self.rows_to = None;
            set(&self.asked, None);
        }
        let length = self.drivers.min(self.buffer.len()).min(out.remaining());
        out.put_slice(&self.buffer[..length]);
        self.buffer.advance(length);
        self.drivers -= length;
    }

    fn room(&self) -> usize {
        self.buffer.capacity() - self.buffer.len()
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let begun = &self.buffer[self.rows..];
        let missing = message_bytes(begun).map_or(0, |length| length - begun.len());
        if self.room() < missing.max(LEAST_ROOM) {
            // Twofold at most, because a damaged length may be gibibytes.
            self.buffer
                .reserve(missing.min(begun.len()).max(CHUNK_BYTES));
        }
        pin!(self.stream.read_buf(&mut self.buffer)).poll(cx)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tapped<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Tapped<S> {
    fn channel_binding(&self) -> ChannelBinding {
        (self.binding)(&self.stream)
    }
}

/// A connector whose streams are [`Tapped`].
pub(super) struct Tapping<C> {
    connector: C,
    asked: Asked,
}

impl<S, C: MakeTlsConnect<S>> MakeTlsConnect<S> for Tapping<C>
where
    C::TlsConnect: Send,
    <C::TlsConnect as TlsConnect<S>>::Future: Send + 'static,
{
    type Stream = Tapped<C::Stream>;
    type TlsConnect = Tapping<C::TlsConnect>;
    type Error = C::Error;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Self::TlsConnect, Self::Error> {
        Ok(Tapping {
            connector: self.connector.make_tls_connect(domain)?,
            asked: Arc::clone(&self.asked),
        })
    }
}

impl<S, C: TlsConnect<S>> TlsConnect<S> for Tapping<C>
where
    C::Future: Send + 'static,
{
    type Stream = Tapped<C::Stream>;
    type Error = C::Error;
    type Future = BoxFuture<'static, Result<Self::Stream, Self::Error>>;

    fn connect(self, stream: S) -> Self::Future {
        let asked = self.asked;
        let connected = self.connector.connect(stream);
        let tapped = |stream| Tapped::new(stream, C::Stream::channel_binding, asked);
        connected.map_ok(tapped).boxed()
    }
}

/// A connector of unencrypted [`Tapped`] streams.
///
/// The driver lets nobody wrap the sockets that it opens, except to encrypt them; those that
/// shall not be encrypted are wrapped by the same door.
#[derive(Clone)]
pub(super) struct TappingPlain {
    asked: Asked,
}

impl<S: AsyncRead + AsyncWrite + Unpin> MakeTlsConnect<S> for TappingPlain {
    type Stream = Tapped<S>;
    type TlsConnect = Self;
    type Error = Infallible;

    fn make_tls_connect(&mut self, _domain: &str) -> Result<Self, Infallible> {
        Ok(self.clone())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsConnect<S> for TappingPlain {
    type Stream = Tapped<S>;
    type Error = Infallible;
    type Future = Ready<Result<Tapped<S>, Infallible>>;

    fn connect(self, stream: S) -> Self::Future {
        let binding = |_: &S| ChannelBinding::none();
        future::ready(Ok(Tapped::new(stream, binding, self.asked)))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[kind], length.to_be_bytes().as_slice(), body].concat()
    }

    /// What the driver sees and what an intake gets of a stream that arrives in pieces of
    /// `cut` bytes.
    async fn split(stream: &[u8], cut: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
        let (mut server, socket) = tokio::io::duplex(64);
        let asked = Asked::default();
        let (sender, mut taken) = mpsc::channel(WAITING_CHUNKS);
        set(&asked, Some(sender));
        let mut tapped = Tapped::new(socket, |_| ChannelBinding::none(), asked);
        let send = async {
            for piece in stream.chunks(cut) {
                server.write_all(piece).await.unwrap();
            }
            drop(server);
        };
        let mut drivers = Vec::new();
        let drive = async {
            tapped.read_to_end(&mut drivers).await.unwrap();
            drop(tapped);
        };
        let take = async {
            let mut rows = Vec::new();
            while let Some(chunk) = taken.recv().await {
                rows.extend(Messages::Whole(chunk).bodies().map(<[u8]>::to_vec));
            }
            rows
        };
        let ((), (), rows) = tokio::join!(send, drive, take);
        (drivers, rows)
    }

    #[tokio::test]
    async fn rows_go_to_the_intake_and_all_else_to_the_driver() {
        let wide = vec![7; 3 * CHUNK_BYTES];
        let rows: [&[u8]; 4] = [b"one", b"", &wide, b"four"];
        let before = [message(b'2', b""), message(b'H', &[1, 0, 0])].concat();
        let notice = message(b'N', b"SNOTICE\0");
        let after = [
            message(COPY_DONE, b""),
            message(b'C', b"COPY 4\0"),
            message(b'Z', b"I"),
        ];
        let after = after.concat();
        // Rows of a COPY that nobody has asked for.
        let later = message(COPY_DATA, b"five");
        let [one, two, three, four] = rows.map(|row| message(COPY_DATA, row));
        let stream =
            [&before, &one, &two, &notice, &three, &four, &after, &later].map(Vec::as_slice);
        let expected = [&before, &notice, &after, &later]
            .map(Vec::as_slice)
            .concat();
        for cut in [1, 2, 5, 4096, 1 << 20] {
            let (drivers, taken) = split(&stream.concat(), cut).await;
            assert_eq!(drivers, expected, "{cut}");
            assert_eq!(taken, rows, "{cut}");
        }
    }

    #[tokio::test]
    async fn rows_end_with_an_error_and_with_the_connection() {
        let row = message(COPY_DATA, b"one");
        let error = message(ERROR, b"SERROR\0\0");
        let (drivers, taken) = split(&[row.clone(), error.clone()].concat(), 3).await;
        assert_eq!((drivers, taken), (error, vec![b"one".to_vec()]));
        // A length shorter than itself is the driver's affair.
        let damaged = [COPY_DATA, 0, 0, 0, 3, COPY_DATA, 0, 0, 0, 4];
        let (drivers, taken) = split(&[row.as_slice(), &damaged].concat(), 3).await;
        assert_eq!((drivers, taken), (damaged.to_vec(), vec![b"one".to_vec()]));
        // Nothing of a chunk is passed over, also if it were not whole.
        let chunk = Messages::Whole([row.as_slice(), &row[..6], &[COPY_DATA]].concat().into());
        let bodies: Vec<&[u8]> = chunk.bodies().collect();
        assert_eq!(bodies, [b"one".as_slice(), b"od"]);
        // The connection ends in the middle of a row; the one before was not handed over,
        // and is not needed: what is missing is said by the driver.
        let cut = [row.as_slice(), &row[..6]].concat();
        assert_eq!(split(&cut, 3).await, (vec![], vec![]));
    }
}
