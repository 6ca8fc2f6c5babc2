//! An HTTP answer is the same however its bytes are cut, and ends.

use bytes::BytesMut;
use mcp_litmus::wire::http::{AnswerPart, AnswerReader};

/// What came of an answer: its head, its body, and how it ended.
type Answer = (String, Vec<u8>, String);

/// Reads bytes in pieces and as a whole.
pub fn run(bytes: &[u8]) {
    let (size, bytes) = crate::cut(bytes);
    for method in ["POST", "HEAD"] {
        let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
        assert_eq!(answer(method, &[bytes]), answer(method, &pieces), "it depends on how the stream was cut");
    }
}

fn answer(method: &str, pieces: &[&[u8]]) -> Answer {
    let mut reader = AnswerReader::new(method);
    let mut buffer = BytesMut::new();
    let (mut head, mut body) = (String::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match reader.read(&mut buffer) {
                Ok(Some(AnswerPart::Head(found))) => head = format!("{found:?}"),
                Ok(Some(AnswerPart::Data(data))) => body.extend_from_slice(&data),
                Ok(Some(AnswerPart::End { reusable })) => return (head, body, format!("end, {reusable}")),
                Ok(None) => break,
                Err(error) => return (head, body, error.to_string()),
            }
        }
    }
    let end = reader.close(&buffer).err().map_or_else(|| "closed".to_owned(), |error| error.to_string());
    (head, body, end)
}

#[test]
fn smoke() {
    for sample in crate::samples() {
        run(&sample);
    }
}
