//! One `WebSocket` as a byte stream.
//!
//! - Read: a `WebSocket` cannot be paused, so what has come and was not read is bounded: at most 16 MiB wait, and the frame
//!   that passes the bound is the last; a peer that sends on although nobody reads loses its connection.
//! - Write: frames of at most 64 KiB (a libp2p listener may refuse larger ones than 1 MiB). Above 1 MiB in the
//!   browser's own buffer a writer waits. A `WebSocket` never says when that buffer drains, so it is looked at again every
//!   20 ms while a writer waits, and only then: a line must be faster than 50 MiB/s to idle for it.
//! - End: what came before a clean close is read first, then end of file; anything else is an error. Both wake whoever
//!   waits.
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

/// Unread bytes beyond which nothing more is taken; also the largest single frame.
const MAX_UNREAD: usize = 16 << 20;
/// Bytes in the browser's send buffer beyond which a writer waits.
const MAX_UNSENT: u32 = 1 << 20;
/// How often a waiting writer looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// The largest frame sent.
const MAX_FRAME: usize = 64 << 10;

/// An open connection.
pub(crate) struct Connection(SendWrapper<Socket>);

struct Socket {
    socket: WebSocket,
    state: Rc<RefCell<SocketState>>,
    /// Runs while a writer waits.
    look_again: Option<Sleep>,
    _listeners: Listeners,
}

struct Listeners {
    _open: Closure<dyn FnMut()>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _close: Closure<dyn FnMut(CloseEvent)>,
}

/// What the callbacks and the stream both see.
struct SocketState {
    phase: Phase,
    /// One buffer, so that a million tiny frames cost no more than their bytes.
    unread: BytesMut,
    /// Waits for the opening, or for something to read.
    waker: Option<Waker>,
}

#[derive(Clone)]
enum Phase {
    Opening,
    Open,
    /// The peer closed it in order.
    Ended,
    /// It broke: why, and the close code where there is one.
    Broken(&'static str, u16),
}

impl SocketState {
    fn turn(state: &RefCell<Self>, phase: Phase) {
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

    fn take(state: &RefCell<Self>, data: JsValue) {
        let Ok(frame) = data.dyn_into::<ArrayBuffer>() else {
            return Self::turn(state, Phase::Broken("the peer sent a text frame", 0));
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
                state.phase = Phase::Broken("the peer sends faster than is read", 0);
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
        let open = Closure::<dyn FnMut()>::new(move || SocketState::turn(&seen, Phase::Open));
        let seen = Rc::clone(&state);
        let message = Closure::<dyn FnMut(_)>::new(move |event: MessageEvent| SocketState::take(&seen, event.data()));
        let seen = Rc::clone(&state);
        // An error event says nothing, and a close event always follows it.
        let close = Closure::<dyn FnMut(_)>::new(move |event: CloseEvent| {
            let opening = matches!(seen.borrow().phase, Phase::Opening);
            let phase = match event.was_clean() && !opening {
                true => Phase::Ended,
                false => Phase::Broken("the connection was lost", event.code()),
            };
            SocketState::turn(&seen, phase);
        });
        socket.set_onopen(Some(open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        Self {
            socket,
            state,
            look_again: None,
            _listeners: Listeners { _open: open, _message: message, _close: close },
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.state.borrow_mut();
        let read = buffer.len().min(state.unread.len());
        if read > 0 || buffer.is_empty() {
            state.unread.copy_to_slice(buffer.get_mut(..read).unwrap_or_default());
            return Poll::Ready(Ok(read));
        }
        // A burst's memory is not kept for the quiet after it.
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
                self.look_again = None;
                break;
            }
            let sleep = self.look_again.get_or_insert_with(|| Sleep::new(LOOK_AGAIN));
            ready!(sleep.poll_unpin(context));
            self.look_again = None;
        }
        let frame = bytes.get(..MAX_FRAME).unwrap_or(bytes);
        let sent = self.socket.send_with_u8_array(frame);
        Poll::Ready(sent.map(|()| frame.len()).map_err(|_| io::ErrorKind::BrokenPipe.into()))
    }

    /// Whatever was sent before goes out first: the browser sees to that.
    fn close(&self) {
        // It fails for wrong codes and reasons alone, and none is given.
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
        self.close();
    }
}

/// A dial under way: ends with the connection, or with why there is none. Dropping it gives up.
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

    /// What was written is with the browser, which sends it without being asked.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.close();
        Poll::Ready(Ok(()))
    }
}
