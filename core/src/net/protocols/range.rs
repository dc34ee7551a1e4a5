//! Codec of `payload_by_number`: reads the bytes of [`crate::payload_by_number`] within their bounds, and writes
//! responses in pieces.
//!
//! A malformed request is a value, not an error: after an error libp2p could not send a response to it.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

use std::io;

use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::{StreamProtocol, request_response};

use crate::payload_by_number::{MAX_ANSWER, REQUEST, Reply};

/// A request: the block's number; `None` if the request is malformed.
pub(in crate::net) type Request = Option<u64>;

/// A response that was read, or that is to be written.
#[derive(Debug)]
pub(in crate::net) enum Response {
    /// Received bytes, not validated: at most one byte more than the maximum.
    Received(Bytes),
    /// A response to send.
    Sent(Reply),
}

/// See the file comment.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::net) struct Codec;

impl request_response::Codec for Codec {
    type Protocol = StreamProtocol;
    type Request = Request;
    type Response = Response;

    /// Reads eight bytes. Does not wait for the end of the stream, as op-node.
    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Request> {
        let mut number = [0; REQUEST];
        match io.read_exact(&mut number).await {
            Ok(()) => Ok(Some(u64::from_le_bytes(number))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads to the end of the stream; of a refusal only the first byte.
    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Response> {
        let mut first = [0];
        if io.read(&mut first).await? == 0 {
            return Ok(Response::Received(Bytes::new()));
        }
        let mut bytes = first.to_vec();
        if first == [0] {
            io.take(MAX_ANSWER as u64).read_to_end(&mut bytes).await?;
        }
        bytes.shrink_to_fit();
        Ok(Response::Received(bytes.into()))
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: Request,
    ) -> io::Result<()> {
        io.write_all(&request.unwrap_or_default().to_le_bytes()).await
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        response: Response,
    ) -> io::Result<()> {
        if let Response::Sent(reply) = response {
            for piece in reply.pieces() {
                io.write_all(&piece).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures::{FutureExt, io::Cursor};
    use libp2p::request_response::Codec as _;

    use super::*;

    const NAME: StreamProtocol = StreamProtocol::new("/test");

    /// The output of a future that does not wait.
    fn now<T>(future: impl Future<Output = T>) -> T {
        future.now_or_never().expect("the future is ready")
    }

    fn request(bytes: &[u8]) -> Request {
        now(Codec.read_request(&NAME, &mut Cursor::new(bytes))).expect("memory does not fail")
    }

    fn response(io: &mut (impl AsyncRead + Unpin + Send)) -> usize {
        match now(Codec.read_response(&NAME, io)).expect("memory does not fail") {
            Response::Received(bytes) => bytes.len(),
            Response::Sent(_) => panic!("no response is sent"),
        }
    }

    #[test]
    fn a_request_is_eight_bytes_and_the_rest_is_not_read() {
        let bytes: Vec<u8> = (1..=20).collect();
        for length in 0..bytes.len() {
            let number = (length >= 8).then_some(0x0807_0605_0403_0201);
            assert_eq!(request(&bytes[..length]), number);
        }
        let mut io = Cursor::new(&bytes);
        assert!(now(Codec.read_request(&NAME, &mut io)).is_ok());
        assert_eq!(io.position(), 8);
    }

    /// A reader that never ends.
    struct Endless(u8);

    impl AsyncRead for Endless {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            buffer.fill(self.0);
            Poll::Ready(Ok(buffer.len()))
        }
    }

    #[test]
    fn a_response_is_read_to_one_byte_above_the_maximum_and_a_refusal_to_its_first_byte() {
        assert_eq!(response(&mut Endless(0)), MAX_ANSWER + 1);
        assert_eq!(response(&mut Endless(1)), 1);
        assert_eq!(response(&mut Cursor::new(&[])), 0);
        assert_eq!(response(&mut Cursor::new(&[0, 1, 0, 0, 0])), 5);
    }
}
