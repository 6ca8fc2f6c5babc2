//! Reads event streams as the HTML standard tells, byte by byte. Opens nothing, and never holds more than one event.

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

/// One block of an event stream: what stood between two blank lines, comments apart.
///
/// The standard drops a block without `data:`; it is kept here, since servers send ids and retry times that way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// `event:`; absent means `message`.
    pub event: Option<String>,
    /// `id:`, where it has no NUL.
    pub id: Option<String>,
    /// `retry:` in milliseconds, where it is digits only.
    pub retry: Option<u64>,
    /// The `data:` lines joined by `\n`; absent where there was no such line. Need not be UTF-8.
    pub data: Option<Bytes>,
}

/// An event is longer than the reader may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {limit} bytes")]
pub struct EventTooLong {
    /// The bound.
    pub limit: usize,
}

/// Reads the events of one stream, however its bytes are cut.
#[derive(Debug)]
pub struct SseReader {
    limit: usize,
    /// Bytes of the current block, its fields and its unfinished line together.
    held: usize,
    line: BytesMut,
    block: Block,
    first_line: bool,
    after_carriage_return: bool,
}

impl SseReader {
    /// A reader that gives up on an event (with its field names) of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            held: 0,
            line: BytesMut::new(),
            block: Block::default(),
            first_line: true,
            after_carriage_return: false,
        }
    }

    /// Takes bytes off the front of `input` up to the end of one event and returns it, or takes all and returns `None`.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<SseEvent>, EventTooLong> {
        loop {
            if std::mem::take(&mut self.after_carriage_return) {
                if input.is_empty() {
                    self.after_carriage_return = true;
                    return Ok(None);
                }
                *input = input.strip_prefix(b"\n").unwrap_or(input);
            }
            let Some(end) = memchr2(b'\r', b'\n', input) else {
                self.hold(input)?;
                *input = &[];
                return Ok(None);
            };
            self.hold(&input[..end])?;
            self.after_carriage_return = input[end] == b'\r';
            *input = &input[end + 1..];
            if let Some(event) = self.end_line() {
                return Ok(Some(event));
            }
        }
    }

    /// Whether data has been read that no blank line has ended. A stream that ends so loses them.
    pub fn holds_unfinished_data(&self) -> bool {
        self.block.data.is_some() || self.line.starts_with(b"data:")
    }

    fn hold(&mut self, part: &[u8]) -> Result<(), EventTooLong> {
        // A comment is held only as far as tells that it is one: it may be as long as its sender likes.
        let comment = self.line.first().or(part.first()) == Some(&b':');
        if comment {
            if self.line.is_empty() {
                self.line.extend_from_slice(b":");
            }
            return Ok(());
        }
        self.held += part.len();
        if self.held > self.limit {
            return Err(EventTooLong { limit: self.limit });
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    fn end_line(&mut self) -> Option<SseEvent> {
        let mut line = self.line.split();
        if std::mem::take(&mut self.first_line) && line.starts_with(BYTE_ORDER_MARK) {
            let _ = line.split_to(BYTE_ORDER_MARK.len());
        }
        if line.is_empty() {
            self.held = 0;
            return std::mem::take(&mut self.block).finish();
        }
        // The joining newline counts, so that a million empty `data` lines are bounded as well. Comments leave nothing.
        self.held += usize::from(!line.starts_with(b":"));
        self.block.take_line(&line);
        None
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The fields of the event that is being read.
#[derive(Debug, Default)]
struct Block {
    event: Option<String>,
    id: Option<String>,
    retry: Option<u64>,
    data: Option<BytesMut>,
}

impl Block {
    fn take_line(&mut self, line: &[u8]) {
        let (name, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"event" => self.event = Some(lossy(value)),
            b"id" if !value.contains(&0) => self.id = Some(lossy(value)),
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                self.retry = Some(lossy(value).parse().unwrap_or(u64::MAX));
            }
            b"data" => match &mut self.data {
                Some(data) => {
                    data.extend_from_slice(b"\n");
                    data.extend_from_slice(value);
                }
                None => self.data = Some(BytesMut::from(value)),
            },
            // The standard ignores other fields, and a first character `:` makes a comment (its name is empty).
            _ => {}
        }
    }

    fn finish(self) -> Option<SseEvent> {
        let Self { event, id, retry, data } = self;
        let event = SseEvent { event, id, retry, data: data.map(BytesMut::freeze) };
        (event != SseEvent::default()).then_some(event)
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_in(chunks: &[&[u8]]) -> (Vec<SseEvent>, bool) {
        let mut reader = SseReader::new(1 << 20);
        let mut events = Vec::new();
        for chunk in chunks {
            let mut input = *chunk;
            while let Some(event) = reader.read(&mut input).expect("short") {
                events.push(event);
            }
            assert!(input.is_empty(), "`None` means that all was taken");
        }
        (events, reader.holds_unfinished_data())
    }

    fn read(stream: &[u8]) -> Vec<SseEvent> {
        read_in(&[stream]).0
    }

    fn data(text: &'static str) -> SseEvent {
        SseEvent { data: Some(Bytes::from_static(text.as_bytes())), ..SseEvent::default() }
    }

    #[test]
    fn every_line_end_ends_a_line() {
        for stream in ["data: a\n\ndata: b\n\n", "data: a\r\rdata: b\r\r", "data: a\r\n\r\ndata: b\r\n\r\n"] {
            assert_eq!(read(stream.as_bytes()), [data("a"), data("b")], "{stream:?}");
        }
        assert_eq!(read(b"data: a\r\n\ndata: b\n\r\n"), [data("a"), data("b")]);
    }

    #[test]
    fn an_event_is_there_as_soon_as_its_blank_line_is() {
        assert_eq!(read(b"data: a\r\n\r"), [data("a")]);
    }

    #[test]
    fn the_examples_of_the_standard_read_as_it_says() {
        assert_eq!(read(b"data: YHOO\ndata: +2\ndata: 10\n\n"), [data("YHOO\n+2\n10")]);
        let stream = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n";
        assert_eq!(
            read(stream),
            [
                SseEvent { id: Some("1".into()), ..data("first event") },
                SseEvent { id: Some(String::new()), ..data("second event") },
                data(" third event"),
            ]
        );
        assert_eq!(read_in(&[b"data\n\ndata\ndata\n\ndata:"]), (vec![data(""), data("\n")], true));
        assert_eq!(read(b"data:test\n\ndata: test\n\n"), [data("test"), data("test")]);
    }

    #[test]
    fn fields_without_data_are_kept() {
        let stream = b"id: 7\nretry: 250\n\nevent: endpoint\ndata: /messages?s=1\n\n";
        let [first, second] = &read(stream)[..] else { panic!("two events") };
        assert_eq!((first.id.as_deref(), first.retry, &first.data), (Some("7"), Some(250), &None));
        assert_eq!((second.event.as_deref(), &second.data), (Some("endpoint"), &data("/messages?s=1").data));
    }

    #[test]
    fn odd_fields_are_ignored() {
        assert_eq!(read(b"id: a\0b\nretry: 1s\nretry:\nDATA: x\n data: y\nfoo\n\n"), []);
        assert_eq!(read(b"retry: 99999999999999999999999\n\n")[0].retry, Some(u64::MAX));
        assert_eq!(read(b"\n\n:\n: only comments\n\n\r\n"), []);
    }

    #[test]
    fn one_byte_order_mark_is_dropped() {
        assert_eq!(read(b"\xEF\xBB\xBFdata: a\n\n"), [data("a")]);
        assert_eq!(read(b"\xEF\xBB\xBF\xEF\xBB\xBFdata: a\n\n"), []);
        assert_eq!(read(b"data: a\n\n\xEF\xBB\xBFdata: b\n\n"), [data("a")]);
    }

    #[test]
    fn bytes_that_are_not_utf8_reach_the_judge() {
        assert_eq!(read(b"data: \xFF\n\n")[0].data.as_deref(), Some(&b"\xFF"[..]));
    }

    #[test]
    fn long_events_are_refused_and_long_comments_are_not() {
        let mut reader = SseReader::new(100);
        for _ in 0..1000 {
            assert_eq!(reader.read(&mut &b": a comment that never ends"[..]), Ok(None));
        }
        assert_eq!(reader.read(&mut &b"\n\n"[..]), Ok(None));
        assert!(reader.line.capacity() < 1000);

        let mut reader = SseReader::new(100);
        let refused = (0..1000).find(|_| reader.read(&mut &b"data\n"[..]).is_err());
        assert!(refused.is_some_and(|at| at <= 100));

        let mut reader = SseReader::new(100);
        let refused = (0..1000).find(|_| reader.read(&mut &b"x"[..]).is_err());
        assert_eq!(refused, Some(100));
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["data", "id", "event", "retry", ":", " ", "\r", "\n", "\r\n", "\n\n", "\u{FEFF}", "7", "\0", "é"]),
                0..60,
            ),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        ) {
            let stream = pieces.concat().into_bytes();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            at.extend([0, stream.len()]);
            at.sort_unstable();
            let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read_in(&chunks), read_in(&[&stream]));
        }
    }
}
