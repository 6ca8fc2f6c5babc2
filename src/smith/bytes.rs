//! Messages in bytes that are not theirs: cut, merged, between other bytes, or far too many.

use super::choice::{below, between, one_in, pick};
use super::fresh::{any_request, any_use};
use super::{Piece, Unstructured, World};
use crate::wire::TransportKind;

/// What stands before or behind a message, and is no part of it.
const AROUND: &[&[u8]] = &[
    b"\xef\xbb\xbf",
    b" ",
    b"\t",
    b"\r",
    b"\r\n",
    b"\n",
    b"\n\n\n",
    b"\0",
    b"\x0c",
    b"\x1a",
    b"\xff\xfe",
    b",",
    b"\x1e",
    b"data: ",
    b"Content-Length: 2\r\n\r\n",
    b"// litmus\n",
    b"\xe2\x80\xa8",
];
/// The largest line; rare, since it takes its time.
const HUGE: usize = 4 << 20;

/// Messages whose bytes are odd.
pub(super) fn odd(world: &World, u: &mut Unstructured<'_>) -> Vec<Piece> {
    if world.kind != TransportKind::Stdio {
        return vec![if below(u, 3) == 0 { Piece::message(garbled(world, u)) } else { Piece::raw(socket(world, u)) }];
    }
    let first = any_use(world, u).to_string().into_bytes();
    match below(u, 8) {
        0 => {
            // In two or three writes.
            let line = [first, b"\n".to_vec()].concat();
            let middle = below(u, line.len());
            let end = between(u, middle, line.len());
            [&line[..middle], &line[middle..end], &line[end..]]
                .into_iter()
                .filter(|part| !part.is_empty())
                .map(Piece::raw)
                .collect()
        }
        1 => {
            let second = any_request(world, u).to_string().into_bytes();
            let between =
                *pick(u, &[b"\n".as_slice(), b"\r\n", b"", b" ", b"\n\n", b"\r"]).unwrap_or(&b"\n".as_slice());
            vec![Piece::raw([first, between.to_vec(), second, b"\n".to_vec()].concat())]
        }
        // A line that ends too early, and an ordinary one behind it.
        2 => vec![Piece::message(&first[..below(u, first.len())]), Piece::message(any_use(world, u).to_string())],
        3 => vec![Piece::raw([&first[..], b"\r\n"].concat())],
        4 if one_in(u, 32) => {
            let filler = if one_in(u, 2) { b' ' } else { b'x' };
            vec![Piece::message([vec![filler; HUGE - first.len().min(HUGE)], first].concat())]
        }
        5 => {
            let count = between(u, 0, 64);
            vec![Piece::message(u.bytes(count.min(u.len())).unwrap_or_default())]
        }
        _ => vec![Piece::message(garbled(world, u))],
    }
}

/// A message with bytes around it, or with some of its own changed.
pub(super) fn garbled(world: &World, u: &mut Unstructured<'_>) -> Vec<u8> {
    let mut bytes = any_use(world, u).to_string().into_bytes();
    garble(&mut bytes, u);
    bytes
}

/// Puts bytes around others, or changes some of them.
pub(super) fn garble(bytes: &mut Vec<u8>, u: &mut Unstructured<'_>) {
    let around = pick(u, AROUND).copied().unwrap_or_default();
    match below(u, 4) {
        0 => drop(bytes.splice(..0, around.iter().copied())),
        1 => bytes.extend_from_slice(around),
        // UTF-16, as some shells write it.
        2 => *bytes = bytes.iter().flat_map(|byte| [*byte, 0]).collect(),
        _ => flip(bytes, u),
    }
}

/// Changes up to four bytes, each by itself, by its absence or by another one before it.
pub(super) fn flip(bytes: &mut Vec<u8>, u: &mut Unstructured<'_>) {
    let count = between(u, 1, 4);
    for _ in 0..count {
        let at = below(u, bytes.len());
        let byte = u.int_in_range(0..=255u8).unwrap_or(0);
        match below(u, 3) {
            0 if at < bytes.len() => bytes[at] ^= byte.max(1),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            _ => bytes.insert(at, byte),
        }
    }
}

/// What is written to a socket that an HTTP server reads.
fn socket(world: &World, u: &mut Unstructured<'_>) -> Vec<u8> {
    let body = any_request(world, u).to_string();
    let cut = &body[..body.floor_char_boundary(below(u, body.len()))];
    let usual = "Host: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n";
    let length = body.len();
    let request = match below(u, 12) {
        0 => format!("POST /mcp HTTP/1.1\r\n{usual}Content-Length: {length}\r\n\r\n{cut}"),
        1 => format!("POST /mcp HTTP/1.1\r\n{usual}Content-Length: {length}\r\nContent-Length: 1\r\n\r\n{body}"),
        2 => format!("POST /mcp HTTP/1.1\r\n{usual}Content-Length: -1\r\n\r\n{body}"),
        3 => {
            format!("POST /mcp HTTP/1.1\r\n{usual}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n")
        }
        4 => format!("POST /mcp HTTP/1.1\r\n{usual}Transfer-Encoding: chunked\r\n\r\nzz\r\n{body}\r\n0\r\n\r\n"),
        5 => format!(
            "POST /mcp HTTP/1.1\r\n{usual}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n{length:x}\r\n{cut}"
        ),
        6 => format!("POST /mcp HTTP/1.1\r\n{usual}\r\n{body}"),
        7 => format!("POST /mcp HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}"),
        8 => format!("POST /mcp HTTP/9.9\r\n{usual}Content-Length: {length}\r\n\r\n{body}"),
        9 => format!("POST /../%00/%ff?{} HTTP/1.1\r\n{usual}\r\n", "a=".repeat(100)),
        10 => format!("GET /mcp HTTP/1.1\r\nHost: localhost\r\n: \r\nlitmus\r\n{}\r\n", "X: y\r\n".repeat(200)),
        _ => {
            return [
                format!("POST /mcp HTTP/1.1\r\n{usual}X-Litmus: ").into_bytes(),
                b"\xff\xfe\0\x01\r\n\r\n".to_vec(),
            ]
            .concat();
        }
    };
    request.into_bytes()
}
