//! Keeps the beginning and the end of what a program writes to standard error, in bounded memory. Reads nothing itself.

use bytes::{Buf, Bytes, BytesMut};

use crate::wire::{Bounds, Frame, Lines};

/// What a forwarded line counts at least: about what it costs to keep one, however short it is.
const LINE: usize = 64;

/// Lines are forwarded as they come, up to half of what may be kept; from then on only the newest bytes are kept, which
/// costs next to nothing, however much comes.
pub(super) struct Stderr {
    lines: Lines,
    /// What may still be forwarded as it comes.
    credit: usize,
    /// The newest bytes, once lines are not forwarded any more.
    tail: Option<BytesMut>,
    /// How much of the tail is kept.
    keep: usize,
    /// Whether bytes were left out.
    cut: bool,
}

impl Stderr {
    /// One that keeps about this many bytes.
    pub(super) fn new(kept: usize) -> Self {
        let keep = (kept / 2).max(1);
        let lines = Lines::new(Bounds { line: keep, total: usize::MAX, lines: usize::MAX });
        Self { lines, credit: keep, tail: None, keep, cut: false }
    }

    /// Where the next bytes are to be appended.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        self.tail.as_mut().unwrap_or(self.lines.buffer())
    }

    /// Forwards whole lines to `send`, which says whether it had room, as long as that is within bounds.
    pub(super) fn forward(&mut self, send: impl Fn(Bytes) -> bool) {
        while self.tail.is_none()
            && let Some(Frame::Line(line) | Frame::Passed(_, line)) = self.lines.next_frame()
        {
            let cost = line.len().max(LINE);
            if self.credit < cost || !send(line.clone()) {
                let tail = [&line[..], b"\n", self.lines.buffer()].concat();
                self.tail = Some(BytesMut::from(&tail[..]));
            } else {
                self.credit -= cost;
            }
        }
        if let Some(tail) = &mut self.tail
            && tail.len() > 2 * self.keep
        {
            tail.advance(tail.len() - self.keep);
            self.cut = true;
        }
    }

    /// The lines that were not forwarded; where bytes were left out, they begin with a whole line.
    pub(super) fn into_lines(mut self) -> Vec<Bytes> {
        let mut rest = match self.tail {
            Some(tail) => tail.freeze(),
            None => std::mem::take(self.lines.buffer()).freeze(),
        };
        let excess = rest.len().saturating_sub(self.keep);
        rest.advance(excess);
        if (self.cut || excess > 0)
            && let Some(newline) = memchr::memchr(b'\n', &rest)
        {
            rest.advance(newline + 1);
        }
        let mut lines = Vec::new();
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', &rest).unwrap_or(rest.len());
            lines.push(rest.split_to(end));
            rest.advance(rest.len().min(1));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// What is forwarded of these pieces while there is room for so many lines, and what is left at the end.
    fn kept(pieces: &[&[u8]], limit: usize, room: usize) -> (Vec<Bytes>, Vec<Bytes>) {
        let mut stderr = Stderr::new(limit);
        let forwarded = RefCell::new(Vec::new());
        for piece in pieces {
            stderr.buffer().extend_from_slice(piece);
            stderr.forward(|line| {
                let fits = forwarded.borrow().len() < room;
                if fits {
                    forwarded.borrow_mut().push(line);
                }
                fits
            });
        }
        (forwarded.into_inner(), stderr.into_lines())
    }

    fn texts(lines: &[&'static str]) -> Vec<Bytes> {
        lines.iter().map(|line| Bytes::from_static(line.as_bytes())).collect()
    }

    #[test]
    fn forwards_lines_as_they_come() {
        assert_eq!(kept(&[b"a\nb", b"c\n", b"d"], 1000, 9), (texts(&["a", "bc"]), texts(&["d"])));
        assert_eq!(kept(&[b"\n\n"], 1000, 9), (texts(&["", ""]), vec![]));
    }

    #[test]
    fn what_finds_no_room_comes_at_the_end_and_in_order() {
        assert_eq!(kept(&[b"a\nb\nc\n", b"d\ne"], 1000, 1), (texts(&["a"]), texts(&["b", "c", "d", "e"])));
    }

    #[test]
    fn of_a_flood_the_beginning_and_the_end_are_kept() {
        let flood: Vec<Vec<u8>> = (0..10_000).map(|n| format!("line {n}\n").into_bytes()).collect();
        let pieces: Vec<&[u8]> = flood.iter().map(Vec::as_slice).collect();
        let (first, last) = kept(&pieces, 1000, 99);
        assert_eq!(first, texts(&["line 0", "line 1", "line 2", "line 3", "line 4", "line 5", "line 6"]));
        assert_eq!(last.last().unwrap(), "line 9999");
        assert!(last.iter().all(|line| line.len() == 9), "{last:?}");
        assert!((40..=50).contains(&last.len()), "{}", last.len());
    }

    #[test]
    fn an_endless_line_is_bounded() {
        let (first, last) = kept(&[&[b'x'; 10_000]], 1000, 99);
        let bytes: usize = first.iter().chain(&last).map(Bytes::len).sum();
        assert!(bytes <= 1000, "{bytes}");
    }
}
