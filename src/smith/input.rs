//! One input of the fuzzer: what is sent, piece by piece, and its form in a file. Knows nothing of what the pieces mean.
//!
//! In a file a line says what a piece is, and its bytes follow as they are:
//!
//! ```text
//! --- message
//! {"jsonrpc":"2.0","id":1,"method":"ping"}
//! --- raw
//! {"jsonrpc":"2.0","id":2,
//! --- http ["POST",["Accept",null],["Content-Type","text/plain"]]
//! {"jsonrpc":"2.0","id":3,"method":"ping"}
//! ```

use serde_json::{Value, json};

/// One input: what is sent in one go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Input {
    /// What is sent, in this order.
    pub pieces: Vec<Piece>,
}

/// One thing that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// How it is sent.
    pub form: Form,
    /// What is sent.
    pub bytes: Vec<u8>,
}

/// How a piece is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// One message: a newline is added on stdio; over HTTP it is a POST with the usual headers.
    Message,
    /// Bytes as they are: on stdio nothing is added; over HTTP they have a socket of their own.
    Raw,
    /// Over HTTP a request with edits to what is usual; over stdio a message like any other.
    Http {
        /// `POST`, `GET`, `DELETE` ...
        method: String,
        /// Header fields set (`Some`) or left out (`None`) against the usual ones.
        headers: Vec<(String, Option<String>)>,
    },
}

/// How the line before each piece begins.
const HEADER: &[u8] = b"--- ";
/// What is put before lines of a piece that look like such a line.
const QUOTE: u8 = b'>';

impl Input {
    /// The input as it is kept in a file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for piece in &self.pieces {
            bytes.extend_from_slice(HEADER);
            bytes.extend_from_slice(&piece.form.encode());
            for line in piece.bytes.split(|byte| *byte == b'\n') {
                bytes.push(b'\n');
                if is_quotable(line) {
                    bytes.push(QUOTE);
                }
                bytes.extend_from_slice(line);
            }
            bytes.push(b'\n');
        }
        bytes
    }

    /// The input that bytes stand for: any bytes stand for one. Lines before the first header are messages.
    pub fn decode(bytes: &[u8]) -> Self {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut is_headed = false;
        let mut is_first = false;
        for line in bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|byte| *byte == b'\n') {
            if let Some(form) = line.strip_prefix(HEADER).and_then(Form::decode) {
                pieces.push(Piece { form, bytes: Vec::new() });
                (is_headed, is_first) = (true, true);
                continue;
            }
            match pieces.last_mut().filter(|_| is_headed) {
                Some(piece) => {
                    if !is_first {
                        piece.bytes.push(b'\n');
                    }
                    let is_quoted = line.first() == Some(&QUOTE) && is_quotable(line);
                    piece.bytes.extend_from_slice(if is_quoted { &line[1..] } else { line });
                    is_first = false;
                }
                None if line.is_empty() => {}
                None => pieces.push(Piece::message(line)),
            }
        }
        Self { pieces }
    }

    /// The bytes of all pieces together.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.bytes.len()).sum()
    }

    /// Whether nothing is sent.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}

impl From<Vec<Piece>> for Input {
    fn from(pieces: Vec<Piece>) -> Self {
        Self { pieces }
    }
}

impl Piece {
    /// One message.
    pub fn message(bytes: impl Into<Vec<u8>>) -> Self {
        Self { form: Form::Message, bytes: bytes.into() }
    }

    /// Bytes as they are.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { form: Form::Raw, bytes: bytes.into() }
    }
}

impl Form {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Message => b"message".to_vec(),
            Self::Raw => b"raw".to_vec(),
            Self::Http { method, headers } => {
                let headers = headers.iter().map(|(name, value)| json!([name, value]));
                let all: Value = [json!(method)].into_iter().chain(headers).collect();
                format!("http {all}").into_bytes()
            }
        }
    }

    fn decode(text: &[u8]) -> Option<Self> {
        match text {
            b"message" => Some(Self::Message),
            b"raw" => Some(Self::Raw),
            _ => {
                let all: Vec<Value> = serde_json::from_slice(text.strip_prefix(b"http ")?).ok()?;
                let (method, headers) = all.split_first()?;
                let header = |pair: &Value| match pair.as_array()?.as_slice() {
                    [Value::String(name), Value::String(value)] => Some((name.clone(), Some(value.clone()))),
                    [Value::String(name), Value::Null] => Some((name.clone(), None)),
                    _ => None,
                };
                let headers = headers.iter().map(header).collect::<Option<_>>()?;
                Some(Self::Http { method: method.as_str()?.to_owned(), headers })
            }
        }
    }
}

/// Whether a line of a piece would be read as a header, or as a quoted one.
fn is_quotable(line: &[u8]) -> bool {
    let quoted = line.iter().take_while(|byte| **byte == QUOTE).count();
    line[quoted..].starts_with(HEADER)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn forms() -> impl Strategy<Value = Form> {
        let header = (any::<String>(), any::<Option<String>>());
        prop_oneof![
            Just(Form::Message),
            Just(Form::Raw),
            (any::<String>(), prop::collection::vec(header, 0..3))
                .prop_map(|(method, headers)| Form::Http { method, headers })
        ]
    }

    fn contents() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            any::<Vec<u8>>(),
            prop::sample::select(vec!["\n", "--- raw", ">", "--- ", "--- http [\"\"]", "\r", ""])
                .prop_map(|text| text.as_bytes().to_vec())
        ];
        prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_encoded_is_decoded(pieces in prop::collection::vec((forms(), contents()), 0..5)) {
            let pieces = pieces.into_iter().map(|(form, bytes)| Piece { form, bytes }).collect();
            let input = Input { pieces };
            prop_assert_eq!(Input::decode(&input.encode()), input);
        }

        #[test]
        fn any_bytes_stand_for_an_input(bytes in contents()) {
            let input = Input::decode(&bytes);
            prop_assert_eq!(Input::decode(&input.encode()), input);
        }
    }

    #[test]
    fn people_can_read_it() {
        let headers = vec![("Accept".to_owned(), None), ("Content-Type".to_owned(), Some("text/plain".to_owned()))];
        let http = Piece { form: Form::Http { method: "POST".into(), headers }, bytes: b"{}".to_vec() };
        let input = Input::from(vec![Piece::message("{\"a\":1}"), Piece::raw("[\n--- raw\n"), http]);
        let text = "--- message\n{\"a\":1}\n--- raw\n[\n>--- raw\n\n--- http [\"POST\",[\"Accept\",null],[\"Content-Type\",\"text/plain\"]]\n{}\n";
        assert_eq!(String::from_utf8(input.encode()).as_deref(), Ok(text));
        assert_eq!(Input::decode(text.as_bytes()), input);
        assert_eq!(Input::decode(b"{}\n\n[]"), Input::from(vec![Piece::message("{}"), Piece::message("[]")]));
    }
}
