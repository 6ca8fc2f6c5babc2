//! Events come out of a stream as they went in, however it is cut, and none is longer than allowed.

use mcp_litmus::wire::sse::{EventTooLong, SseEvent, SseReader};

/// Bytes of an event.
const LIMIT: usize = 200;

/// Reads bytes in pieces and as a whole.
pub fn run(bytes: &[u8]) {
    let (size, bytes) = crate::cut(bytes);
    let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
    let whole = events(&[bytes]);
    assert_eq!(whole, events(&pieces), "it depends on how the stream was cut");
    assert!(whole.0.iter().all(|event| event.data.as_ref().is_none_or(|data| data.len() <= LIMIT)));
}

fn events(pieces: &[&[u8]]) -> (Vec<SseEvent>, Option<EventTooLong>, bool) {
    let mut reader = SseReader::new(LIMIT);
    let mut events = Vec::new();
    for piece in pieces {
        let mut left = *piece;
        loop {
            match reader.read(&mut left) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                // Of what follows nothing is read.
                Err(error) => return (events, Some(error), false),
            }
        }
    }
    let is_unfinished = reader.holds_unfinished_data();
    (events, None, is_unfinished)
}

#[test]
fn smoke() {
    for sample in crate::samples() {
        run(&sample);
    }
}
