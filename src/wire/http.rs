//! Reads HTTP/1.1 answers from bytes, however these are cut. Opens nothing, judges nothing, and says in words what is no HTTP.

use bytes::{Buf, Bytes, BytesMut};

/// The next part of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerPart {
    /// Status line and header fields.
    Head(AnswerHead),
    /// Some bytes of the body.
    Data(Bytes),
    /// The answer is complete.
    End {
        /// Whether another request may be sent on the same connection.
        reusable: bool,
    },
}

/// Status line and header fields of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerHead {
    /// The status code.
    pub status: u16,
    /// Header fields in the order received: names lower-case, values as lossy text.
    pub headers: Vec<(String, String)>,
}

impl AnswerHead {
    /// Whether the body is an event stream, by its media type.
    pub fn is_event_stream(&self) -> bool {
        self.values("content-type").next().is_some_and(|value| {
            let essence = value.split(';').next().unwrap_or_default();
            essence.trim().eq_ignore_ascii_case("text/event-stream")
        })
    }

    fn values<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = &'a str> {
        self.headers.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Whether a header field that is a list of tokens has this one.
    fn has_token(&self, name: &str, token: &str) -> bool {
        self.values(name).flat_map(|value| value.split(',')).any(|own| own.trim().eq_ignore_ascii_case(token))
    }
}

/// Why bytes are no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAnswer {
    /// The head cannot be read.
    #[error("the answer is not HTTP/1.1: {0}")]
    Head(&'static str),
    /// The head is longer than any honest one.
    #[error("the head of the answer is longer than {HEAD_LIMIT} bytes or {FIELD_LIMIT} fields")]
    HeadTooLong,
    /// `Content-Length` is no number, or two different ones.
    #[error("the answer has a bad Content-Length: {0}")]
    Length(String),
    /// The chunks of the body cannot be read.
    #[error("the answer has a bad chunk: {0}")]
    Chunk(&'static str),
    /// The connection was closed too early.
    #[error("the connection was closed {0}")]
    Closed(&'static str),
}

const HEAD_LIMIT: usize = 64 << 10;
const FIELD_LIMIT: usize = 256;
const CHUNK_LINE_LIMIT: usize = 4 << 10;

/// Reads one answer.
#[derive(Debug)]
pub struct AnswerReader {
    to_head: bool,
    state: State,
    reusable: bool,
    /// Bytes of the head or chunk line at hand which hold no end of it.
    scanned: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Sized(u64),
    UntilClose,
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailers { read: usize },
    Complete,
}

impl AnswerReader {
    /// A reader of the answer to a request of this method (which decides whether there is a body at all).
    pub fn new(method: &str) -> Self {
        Self { to_head: method == "HEAD", state: State::Head, reusable: false, scanned: 0 }
    }

    /// Takes the next part off the front of `buffer`; `None` asks for more bytes. Reads nothing beyond the answer.
    pub fn read(&mut self, buffer: &mut BytesMut) -> Result<Option<AnswerPart>, NotAnAnswer> {
        loop {
            match self.state {
                State::Head => match self.read_head(buffer)? {
                    None => return Ok(None),
                    // An interim answer: the real one follows.
                    Some(head) if (100..200).contains(&head.status) && head.status != 101 => {}
                    Some(head) => return Ok(Some(AnswerPart::Head(head))),
                },
                State::Sized(0) | State::Complete => {
                    self.state = State::Complete;
                    return Ok(Some(AnswerPart::End { reusable: self.reusable }));
                }
                State::Sized(_) | State::UntilClose | State::ChunkData(1..) => {
                    return Ok(self.read_data(buffer).map(AnswerPart::Data));
                }
                State::ChunkData(0) => self.state = State::ChunkEnd,
                State::ChunkSize => match self.read_line(buffer)? {
                    None => return Ok(None),
                    Some(line) => {
                        self.state = match chunk_size(&line)? {
                            0 => State::Trailers { read: 0 },
                            size => State::ChunkData(size),
                        }
                    }
                },
                State::ChunkEnd => match self.read_line(buffer)? {
                    None => return Ok(None),
                    Some(line) if line.is_empty() => self.state = State::ChunkSize,
                    Some(_) => return Err(NotAnAnswer::Chunk("it is longer than its size says")),
                },
                State::Trailers { read } => match self.read_line(buffer)? {
                    None => return Ok(None),
                    Some(line) if line.is_empty() => self.state = State::Complete,
                    Some(line) if read + line.len() > HEAD_LIMIT => return Err(NotAnAnswer::HeadTooLong),
                    Some(line) => self.state = State::Trailers { read: read + line.len() + 1 },
                },
            }
        }
    }

    /// What it means that the connection was closed now, with `rest` unread.
    pub fn close(&self, rest: &[u8]) -> Result<(), NotAnAnswer> {
        match self.state {
            State::UntilClose | State::Complete | State::Sized(0) => Ok(()),
            State::Head if rest.is_empty() => Err(NotAnAnswer::Closed("without an answer")),
            // Not every byte was looked at as it came.
            State::Head => match httparse::Response::new(&mut [httparse::EMPTY_HEADER; FIELD_LIMIT]).parse(rest) {
                Err(reason) if reason != httparse::Error::TooManyHeaders => Err(NotAnAnswer::Head(words(reason))),
                _ => Err(NotAnAnswer::Closed("inside the head of the answer")),
            },
            State::Sized(_) => Err(NotAnAnswer::Closed("before the body was as long as its Content-Length says")),
            _ => Err(NotAnAnswer::Closed("before the last chunk of the body")),
        }
    }

    fn read_head(&mut self, buffer: &mut BytesMut) -> Result<Option<AnswerHead>, NotAnAnswer> {
        // Something new can be told only at a line's end, or from the first bytes. Looking at every byte that drips in
        // would make a hostile server expensive.
        let news = buffer.get(self.scanned..).is_some_and(|new| memchr::memchr(b'\n', new).is_some());
        if !news && buffer.len() > 16 {
            self.scanned = buffer.len();
            return if buffer.len() > HEAD_LIMIT { Err(NotAnAnswer::HeadTooLong) } else { Ok(None) };
        }
        let mut fields = [httparse::EMPTY_HEADER; FIELD_LIMIT];
        let mut answer = httparse::Response::new(&mut fields);
        let length = match answer.parse(buffer) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if buffer.len() > HEAD_LIMIT => return Err(NotAnAnswer::HeadTooLong),
            Ok(httparse::Status::Partial) => {
                self.scanned = buffer.len();
                return Ok(None);
            }
            Err(httparse::Error::TooManyHeaders) => return Err(NotAnAnswer::HeadTooLong),
            Err(reason) => return Err(NotAnAnswer::Head(words(reason))),
        };
        let head = AnswerHead {
            // A complete parse has found both.
            status: answer.code.unwrap_or_default(),
            headers: answer
                .headers
                .iter()
                .map(|field| (field.name.to_ascii_lowercase(), String::from_utf8_lossy(field.value).into_owned()))
                .collect(),
        };
        let version_1_1 = answer.version == Some(1);
        buffer.advance(length);
        self.scanned = 0;
        self.frame_body(&head, version_1_1)?;
        Ok(Some(head))
    }

    fn frame_body(&mut self, head: &AnswerHead, version_1_1: bool) -> Result<(), NotAnAnswer> {
        self.reusable = head.status != 101
            && !head.has_token("connection", "close")
            && (version_1_1 || head.has_token("connection", "keep-alive"));
        let coding = head.values("transfer-encoding").next_back();
        self.state = if (100..200).contains(&head.status) && head.status != 101 {
            State::Head
        } else if self.to_head || matches!(head.status, 101 | 204 | 304) {
            State::Complete
        } else if let Some(coding) = coding {
            // `Transfer-Encoding` overrides `Content-Length`; without `chunked` at its end the body has no other end than the connection's.
            let last = coding.rsplit(',').next().unwrap_or_default();
            if last.trim().eq_ignore_ascii_case("chunked") { State::ChunkSize } else { State::UntilClose }
        } else {
            match content_length(head)? {
                Some(length) => State::Sized(length),
                None => State::UntilClose,
            }
        };
        Ok(())
    }

    fn read_data(&mut self, buffer: &mut BytesMut) -> Option<Bytes> {
        if buffer.is_empty() {
            return None;
        }
        let (State::Sized(left) | State::ChunkData(left)) = &mut self.state else {
            return Some(buffer.split().freeze());
        };
        let length = usize::try_from(*left).map_or(buffer.len(), |left| left.min(buffer.len()));
        *left -= length as u64;
        Some(buffer.split_to(length).freeze())
    }

    /// One line of the chunked coding, without its end.
    fn read_line(&mut self, buffer: &mut BytesMut) -> Result<Option<BytesMut>, NotAnAnswer> {
        let end = buffer.get(self.scanned..).and_then(|new| memchr::memchr(b'\n', new)).map(|at| at + self.scanned);
        if end.unwrap_or(buffer.len()) > CHUNK_LINE_LIMIT {
            return Err(NotAnAnswer::Chunk("a line of it is longer than 4096 bytes"));
        }
        let Some(end) = end else {
            self.scanned = buffer.len();
            return Ok(None);
        };
        self.scanned = 0;
        let mut line = buffer.split_to(end);
        buffer.advance(1);
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        Ok(Some(line))
    }
}

fn words(reason: httparse::Error) -> &'static str {
    match reason {
        httparse::Error::HeaderName => "a byte that no header name may have",
        httparse::Error::HeaderValue => "a byte that no header value may have",
        httparse::Error::NewLine => "a line that does not end in CR LF",
        httparse::Error::Status => "no status code of three digits",
        httparse::Error::Version => "no `HTTP/1.1` in front",
        httparse::Error::Token | httparse::Error::TooManyHeaders => "a byte out of place",
    }
}

fn content_length(head: &AnswerHead) -> Result<Option<u64>, NotAnAnswer> {
    let mut values = head.values("content-length").flat_map(|value| value.split(',')).map(str::trim);
    let Some(first) = values.next() else { return Ok(None) };
    let number = first.bytes().all(|byte| byte.is_ascii_digit()).then(|| first.parse().ok()).flatten();
    match number {
        Some(length) if values.all(|other| other == first) => Ok(Some(length)),
        _ => {
            let all: Vec<&str> = head.values("content-length").collect();
            Err(NotAnAnswer::Length(all.join(", ")))
        }
    }
}

fn chunk_size(line: &[u8]) -> Result<u64, NotAnAnswer> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    text.and_then(|text| u64::from_str_radix(text, 16).ok()).ok_or(NotAnAnswer::Chunk("its size is no number"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Status, body, whether it ended (and left the connection reusable), and what was left over.
    type Answer = (u16, Vec<u8>, Option<bool>, Vec<u8>);

    fn read_in(method: &str, chunks: &[&[u8]]) -> Result<Answer, NotAnAnswer> {
        let mut reader = AnswerReader::new(method);
        let mut buffer = BytesMut::new();
        let mut answer: Answer = Default::default();
        for chunk in chunks {
            buffer.extend_from_slice(chunk);
            while answer.2.is_none() {
                match reader.read(&mut buffer)? {
                    None => break,
                    Some(AnswerPart::Head(head)) => answer.0 = head.status,
                    Some(AnswerPart::Data(data)) => answer.1.extend_from_slice(&data),
                    Some(AnswerPart::End { reusable }) => answer.2 = Some(reusable),
                }
            }
        }
        if answer.2.is_none() {
            reader.close(&buffer)?;
        }
        answer.3 = buffer.to_vec();
        Ok(answer)
    }

    fn read(text: &str) -> Result<Answer, NotAnAnswer> {
        read_in("POST", &[text.as_bytes()])
    }

    #[test]
    fn bodies_end_where_their_framing_says() {
        let sized = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhirest";
        assert_eq!(read(sized), Ok((200, b"hi".into(), Some(true), b"rest".into())));
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\nh\r\n1\r\ni\r\n0\r\nA: b\r\n\r\nrest";
        assert_eq!(read(chunked), Ok((200, b"hi".into(), Some(true), b"rest".into())));
        assert_eq!(read("HTTP/1.1 200 OK\r\n\r\nhi"), Ok((200, b"hi".into(), None, vec![])));
        assert_eq!(read("HTTP/1.1 204 No\r\n\r\nrest"), Ok((204, vec![], Some(true), b"rest".into())));
        assert_eq!(read_in("HEAD", &[sized.as_bytes()]), Ok((200, vec![], Some(true), b"hirest".into())));
    }

    #[test]
    fn interim_answers_are_passed_over() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(read(text), Ok((202, vec![], Some(true), vec![])));
    }

    #[test]
    fn a_connection_is_reused_only_where_both_agree() {
        for (head, reusable) in [
            ("HTTP/1.1 200 OK\r\nConnection: close", false),
            ("HTTP/1.1 200 OK\r\nConnection: x, Close", false),
            ("HTTP/1.0 200 OK", false),
            ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive", true),
        ] {
            let text = format!("{head}\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(read(&text).expect("valid").2, Some(reusable), "{head}");
        }
    }

    #[test]
    fn what_is_no_http_is_said_in_words() {
        for (text, words) in [
            ("hello", "the answer is not HTTP/1.1: no `HTTP/1.1` in front"),
            ("HTTP/2 200 OK\r\n\r\n", "the answer is not HTTP/1.1: no `HTTP/1.1` in front"),
            ("HTTP/1.1 2x0 OK\r\n\r\n", "the answer is not HTTP/1.1: no status code of three digits"),
            ("HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", "the answer is not HTTP/1.1: a byte that no header name may have"),
            ("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", "the answer is not HTTP/1.1: a byte that no header value may have"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n", "the answer has a bad Content-Length: 1, 2"),
            ("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", "the answer has a bad Content-Length: +1"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
                "the answer has a bad chunk: its size is no number",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
                "the answer has a bad chunk: it is longer than its size says",
            ),
            ("", "the connection was closed without an answer"),
            ("HTTP/1.1 200 OK\r\nA", "the connection was closed inside the head of the answer"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi",
                "the connection was closed before the body was as long as its Content-Length says",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
                "the connection was closed before the last chunk of the body",
            ),
        ] {
            assert_eq!(read(text).map_err(|e| e.to_string()), Err(words.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn endless_heads_and_chunk_lines_are_refused() {
        let fields = format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(1000));
        assert_eq!(read(&fields), Err(NotAnAnswer::HeadTooLong));
        let line = format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(HEAD_LIMIT));
        assert_eq!(read(&line), Err(NotAnAnswer::HeadTooLong));
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let size = format!("{chunked}{}", "0".repeat(CHUNK_LINE_LIMIT + 1));
        assert!(matches!(read(&size), Err(NotAnAnswer::Chunk(_))));
        let trailers = format!("{chunked}0\r\n{}", "a: b\r\n".repeat(HEAD_LIMIT));
        assert_eq!(read(&trailers), Err(NotAnAnswer::HeadTooLong));
    }

    #[test]
    fn odd_bytes_in_values_are_lossy_text() {
        let mut buffer = BytesMut::from(&b"HTTP/1.1 200 OK\r\nX-Odd: \xFF\x80\xC3\xA9\r\nx-ODD: 2\r\n\r\n"[..]);
        let Ok(Some(AnswerPart::Head(head))) = AnswerReader::new("GET").read(&mut buffer) else { panic!("a head") };
        let values: Vec<&str> = head.values("x-odd").collect();
        assert_eq!(values, ["\u{FFFD}\u{FFFD}é", "2"]);
    }

    #[test]
    fn event_streams_are_told_by_their_media_type() {
        for (value, is) in
            [("text/event-stream", true), ("Text/Event-Stream ;charset=utf-8", true), ("text/plain", false)]
        {
            let head = AnswerHead { status: 200, headers: vec![("content-type".into(), value.into())] };
            assert_eq!(head.is_event_stream(), is, "{value}");
        }
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(
            text in prop::sample::select(vec![
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello there",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\nA\r\n0123456789\r\n0\r\n\r\nHTTP",
                "HTTP/1.0 200 OK\r\n\r\nuntil the end",
                "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd",
            ]),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let bytes = text.as_bytes();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read_in("POST", &chunks), read_in("POST", &[bytes]));
        }
    }
}
