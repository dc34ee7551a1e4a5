//! The end of a request's header in the bytes of a connection: an empty line behind at least one that is not empty.

/// Finds the end in bytes that come in pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HeaderScan {
    /// A byte of the request line was seen: empty lines before it do not count.
    has_begun: bool,
    /// The last byte, carriage returns aside, ended a line.
    at_line_end: bool,
    is_complete: bool,
}

impl HeaderScan {
    /// Reads the next bytes; whether the header is complete.
    pub(super) fn read(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            match byte {
                b'\r' => {}
                b'\n' => {
                    self.is_complete |= self.at_line_end;
                    self.at_line_end = self.has_begun;
                }
                _ => (self.has_begun, self.at_line_end) = (true, false),
            }
        }
        self.is_complete
    }
}

#[cfg(test)]
mod tests {
    use super::HeaderScan;

    #[test]
    fn a_header_ends_with_an_empty_line_in_whatever_pieces_it_comes() {
        for text in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\n\n", "\r\n\r\nGET / HTTP/1.1\r\n\r\n"] {
            let (last, before) = text.as_bytes().split_last().unwrap();
            let mut scan = HeaderScan::default();
            for byte in before {
                assert!(!scan.read(&[*byte]), "{text:?}");
            }
            assert!(scan.read(&[*last]), "{text:?}");
            assert!(HeaderScan::default().read(text.as_bytes()), "{text:?}");
        }
        for half in ["\r\n\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r", "GET /\r\r\r"]
        {
            assert!(!HeaderScan::default().read(half.as_bytes()), "{half:?}");
        }
    }
}
