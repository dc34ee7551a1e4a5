//! One `WebSocket` as a byte stream.
//!
//! - Read: a `WebSocket` cannot be paused, so unread bytes are bounded: a frame may bring them above 16 MiB, and the next one
//!   ends the connection.
//! - Write: frames of at most 64 KiB (a libp2p listener may refuse larger ones than 1 MiB). Above 1 MiB in the
//!   browser's own buffer a writer waits. A `WebSocket` has no event for a drained buffer, so it is polled every 20 ms
//!   while a writer waits, and only then: only a connection above 50 MiB/s is slowed by it.
//! - End: the bytes before a clean close are read first, then end of file; any other end is an error. Both wake the reader.
//! - Dropping it closes the `WebSocket`; no callback runs after that.

use core::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use std::{io, rc::Rc};

use bytes::{Buf as _, BytesMut};
use futures::{AsyncRead, AsyncWrite, FutureExt as _};
use js_sys::{ArrayBuffer, Uint8Array};
use send_wrapper::SendWrapper;
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use super::error::WebSocketError;
use crate::host::Sleep;

/// Unread bytes beyond which no frame is accepted; also the largest single frame.
const MAX_UNREAD: usize = 16 << 20;
/// Bytes in the browser's send buffer beyond which a writer waits.
const MAX_UNSENT: u32 = 1 << 20;
/// How often a waiting writer reads the size of that buffer.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The close code of a connection that ended without a closing handshake, as one that does not open has in browsers (RFC 6455, 7.1.5).
const ABNORMAL: u16 = 1006;
/// The largest frame sent.
const MAX_FRAME: usize = 64 << 10;

/// An open connection.
pub(crate) struct Connection(SendWrapper<Socket>);

struct Socket {
    socket: WebSocket,
    state: Rc<RefCell<SocketState>>,
    /// Runs while a writer waits.
    poll_timer: Option<Sleep>,
    _listeners: Listeners,
}

struct Listeners {
    _open: Closure<dyn FnMut()>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _close: Closure<dyn FnMut(CloseEvent)>,
    _error: Closure<dyn FnMut()>,
}

/// Shared by the callbacks and the stream.
struct SocketState {
    phase: Phase,
    /// One buffer, so that many tiny frames take no more memory than their bytes.
    unread: BytesMut,
    /// Of the task that waits for the opening, or for bytes to read.
    waker: Option<Waker>,
}

#[derive(Clone)]
enum Phase {
    Opening,
    Open,
    /// The peer closed it cleanly.
    Ended,
    /// It ended with an error: why, and the close code (0: none).
    Broken(&'static str, u16),
}

impl SocketState {
    fn set_phase(state: &RefCell<Self>, phase: Phase) {
        let waker = {
            let mut state = state.borrow_mut();
            if matches!(state.phase, Phase::Ended | Phase::Broken(..)) {
                return;
            }
            state.phase = phase;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn receive(state: &RefCell<Self>, data: JsValue) {
        let Ok(frame) = data.dyn_into::<ArrayBuffer>() else {
            return Self::set_phase(state, Phase::Broken("the peer sent a text frame", 0));
        };
        let len = usize::try_from(frame.byte_length()).unwrap_or(usize::MAX);
        let waker = {
            let mut state = state.borrow_mut();
            if !matches!(state.phase, Phase::Open) || len == 0 {
                return;
            }
            let waiting = state.unread.len();
            if len > MAX_UNREAD || waiting > MAX_UNREAD {
                state.unread = BytesMut::new();
                state.phase = Phase::Broken("the peer sends faster than this node reads", 0);
            } else {
                state.unread.resize(waiting + len, 0);
                Uint8Array::new(&frame).copy_to(state.unread.get_mut(waiting..).unwrap_or_default());
            }
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Socket {
    fn new(socket: WebSocket) -> Self {
        let state = Rc::new(RefCell::new(SocketState { phase: Phase::Opening, unread: BytesMut::new(), waker: None }));
        socket.set_binary_type(BinaryType::Arraybuffer);
        let seen = Rc::clone(&state);
        let open = Closure::<dyn FnMut()>::new(move || SocketState::set_phase(&seen, Phase::Open));
        let seen = Rc::clone(&state);
        let message =
            Closure::<dyn FnMut(_)>::new(move |event: MessageEvent| SocketState::receive(&seen, event.data()));
        let seen = Rc::clone(&state);
        let close = Closure::<dyn FnMut(_)>::new(move |event: CloseEvent| {
            let opening = matches!(seen.borrow().phase, Phase::Opening);
            let phase = match event.was_clean() && !opening {
                true => Phase::Ended,
                false => Phase::Broken("the connection was lost", event.code()),
            };
            SocketState::set_phase(&seen, phase);
        });
        let seen = Rc::clone(&state);
        // An error event has no reason. In browsers a close event follows it; in Node 22 none does when the connection did not open.
        let error = Closure::<dyn FnMut()>::new(move || {
            if matches!(seen.borrow().phase, Phase::Opening) {
                SocketState::set_phase(&seen, Phase::Broken("the connection was lost", ABNORMAL));
            }
        });
        socket.set_onopen(Some(open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        socket.set_onerror(Some(error.as_ref().unchecked_ref()));
        Self {
            socket,
            state,
            poll_timer: None,
            _listeners: Listeners { _open: open, _message: message, _close: close, _error: error },
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state.borrow_mut();
        let read = buffer.len().min(state.unread.len());
        if read > 0 || buffer.is_empty() {
            state.unread.copy_to_slice(buffer.get_mut(..read).unwrap_or_default());
            return Poll::Ready(Ok(read));
        }
        // Frees the memory of a burst.
        state.unread = BytesMut::new();
        match state.phase {
            Phase::Ended => Poll::Ready(Ok(0)),
            Phase::Broken(why, code) => Poll::Ready(Err(broken(why, code))),
            Phase::Opening | Phase::Open => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            if self.socket.ready_state() != WebSocket::OPEN {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            if self.socket.buffered_amount() <= MAX_UNSENT {
                self.poll_timer = None;
                break;
            }
            let sleep = self.poll_timer.get_or_insert_with(|| Sleep::new(POLL_INTERVAL));
            ready!(sleep.poll_unpin(context));
            self.poll_timer = None;
        }
        let frame = bytes.get(..MAX_FRAME).unwrap_or(bytes);
        let sent = self.socket.send_with_u8_array(frame);
        Poll::Ready(sent.map(|()| frame.len()).map_err(|_| io::ErrorKind::BrokenPipe.into()))
    }

    /// The browser sends what was written before it closes.
    fn close(&self) {
        // It fails only for an invalid code or reason, and neither is given.
        let _closed = self.socket.close();
    }
}

fn broken(why: &str, code: u16) -> io::Error {
    let text = if code == 0 { why.to_owned() } else { format!("{why} (close code {code})") };
    io::Error::new(io::ErrorKind::ConnectionAborted, text)
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        self.socket.set_onerror(None);
        self.close();
    }
}

/// A dial: ends with the connection or an error. Dropping it cancels the dial.
pub(super) struct WebSocketDial {
    socket: SendWrapper<Option<Socket>>,
    url: String,
    hint: &'static str,
}

impl WebSocketDial {
    pub(super) fn new(socket: WebSocket, url: String, hint: &'static str) -> Self {
        Self { socket: SendWrapper::new(Some(Socket::new(socket))), url, hint }
    }
}

impl Future for WebSocketDial {
    type Output = Result<Connection, WebSocketError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let phase = self.socket.as_ref().map_or(Phase::Ended, |socket| {
            let mut state = socket.state.borrow_mut();
            state.waker = Some(context.waker().clone());
            state.phase.clone()
        });
        let code = match phase {
            Phase::Opening => return Poll::Pending,
            Phase::Broken(_, code) => code,
            Phase::Open | Phase::Ended => 0,
        };
        let refused = WebSocketError::Refused { url: self.url.clone(), code, hint: self.hint };
        let opened = Option::take(&mut self.socket).filter(|_| matches!(phase, Phase::Open));
        Poll::Ready(opened.map(|socket| Connection(SendWrapper::new(socket))).ok_or(refused))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.0.poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_write(context, bytes)
    }

    /// The browser sends what was written without a flush.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.close();
        Poll::Ready(Ok(()))
    }
}
