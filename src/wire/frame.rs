//! Splits a stream of bytes into lines, under bounds. Does no input or output, and never looks into a line.

use std::fmt;

use bytes::{Bytes, BytesMut};

/// A splitter of lines: bytes are appended to its [`buffer`](Self::buffer), in pieces of any size, and come out of
/// [`next_frame`](Self::next_frame). What comes out depends on the bytes alone, not on how they were cut into pieces.
#[derive(Debug)]
pub struct Lines {
    buffer: BytesMut,
    /// How much of the buffer is known to hold no newline.
    scanned: usize,
    bounds: Bounds,
    /// What may still be given out.
    left: Bounds,
}

/// How much a [`Lines`] gives out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of one line, without its newline.
    pub line: usize,
    /// Bytes all together, newlines included.
    pub total: usize,
    /// Lines all together.
    pub lines: usize,
}

/// What comes out of a [`Lines`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A line, without its newline.
    Line(Bytes),
    /// A bound was passed, with what came of the line within the bounds. After [`Bound::Line`] the remainder of the line
    /// comes as if it were a line of its own; after the others nothing comes.
    Passed(Bound, Bytes),
}

/// A bound that was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Bytes of one line.
    Line(usize),
    /// Bytes all together.
    Total(usize),
    /// Lines all together.
    Lines(usize),
}

impl Lines {
    /// One that has seen nothing yet.
    pub fn new(bounds: Bounds) -> Self {
        Self { buffer: BytesMut::new(), scanned: 0, left: bounds, bounds }
    }

    /// Where the next bytes are to be appended. Nothing else may be done to it.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next line, if it is there as a whole, or the fact that a bound was passed.
    pub fn next_frame(&mut self) -> Option<Frame> {
        if self.buffer.is_empty() {
            return None;
        }
        if self.left.lines == 0 {
            return Some(self.stop(Bound::Lines(self.bounds.lines), 0));
        }
        let window = self.buffer.len().min(self.left.total);
        let newline = memchr::memchr(b'\n', &self.buffer[self.scanned..window]).map(|at| self.scanned + at);
        let end = newline.unwrap_or(window);
        if end > self.bounds.line {
            let seen = self.give(self.bounds.line);
            return Some(Frame::Passed(Bound::Line(self.bounds.line), seen));
        }
        if newline.is_some() {
            let mut line = self.give(end + 1);
            line.truncate(end);
            return Some(Frame::Line(line));
        }
        if window < self.buffer.len() {
            return Some(self.stop(Bound::Total(self.bounds.total), window));
        }
        self.scanned = window;
        None
    }

    /// What is left once the stream has ended and no frame comes any more: bytes that no newline ends.
    pub fn into_rest(self) -> Bytes {
        self.buffer.freeze()
    }

    fn give(&mut self, length: usize) -> Bytes {
        self.scanned = 0;
        self.left.total -= length;
        self.left.lines -= 1;
        self.buffer.split_to(length).freeze()
    }

    /// Gives the first `length` bytes for the last time.
    fn stop(&mut self, bound: Bound, length: usize) -> Frame {
        let seen = self.buffer.split_to(length).freeze();
        self.buffer = BytesMut::new();
        self.scanned = 0;
        Frame::Passed(bound, seen)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(bytes) => write!(f, "a line is longer than {bytes} bytes"),
            Self::Total(bytes) => write!(f, "more than {bytes} bytes were received"),
            Self::Lines(lines) => write!(f, "more than {lines} lines were received"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The frames and the rest of a stream that comes in pieces; ends where the stream is given up.
    fn split<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, bounds: Bounds) -> (Vec<Frame>, Bytes) {
        let mut lines = Lines::new(bounds);
        let mut frames = Vec::new();
        for piece in pieces {
            lines.buffer().extend_from_slice(piece);
            while let Some(frame) = lines.next_frame() {
                let last = matches!(frame, Frame::Passed(Bound::Total(_) | Bound::Lines(_), _));
                frames.push(frame);
                if last {
                    return (frames, lines.into_rest());
                }
            }
        }
        (frames, lines.into_rest())
    }

    fn whole(stream: &[u8], line: usize, total: usize, lines: usize) -> (Vec<Frame>, Bytes) {
        split([stream], Bounds { line, total, lines })
    }

    fn line(bytes: &'static [u8]) -> Frame {
        Frame::Line(Bytes::from_static(bytes))
    }

    fn passed(bound: Bound, seen: &'static [u8]) -> Frame {
        Frame::Passed(bound, Bytes::from_static(seen))
    }

    #[test]
    fn keeps_every_byte_but_the_newline() {
        let expected = vec![line(b"a\r"), line(b""), line(b"\0 b")];
        assert_eq!(whole(b"a\r\n\n\0 b\nrest", 9, 99, 9), (expected, Bytes::from_static(b"rest")));
    }

    #[test]
    fn a_line_may_be_as_long_as_the_bound_and_no_longer() {
        assert_eq!(whole(b"abc\n", 3, 99, 9), (vec![line(b"abc")], Bytes::new()));
        assert_eq!(whole(b"abc", 3, 99, 9), (vec![], Bytes::from_static(b"abc")));
        let expected = vec![passed(Bound::Line(3), b"abc"), line(b"d")];
        assert_eq!(whole(b"abcd\n", 3, 99, 9), (expected, Bytes::new()));
    }

    #[test]
    fn the_total_counts_newlines() {
        assert_eq!(whole(b"a\nb\n", 9, 4, 9), (vec![line(b"a"), line(b"b")], Bytes::new()));
        assert_eq!(whole(b"a\nbcd", 9, 4, 9), (vec![line(b"a"), passed(Bound::Total(4), b"bc")], Bytes::new()));
        assert_eq!(whole(b"a\nb\nc", 9, 4, 9).0.last(), Some(&passed(Bound::Total(4), b"")));
    }

    #[test]
    fn lines_are_counted() {
        assert_eq!(whole(b"\n\n", 9, 99, 2), (vec![line(b""), line(b"")], Bytes::new()));
        assert_eq!(whole(b"\n\n\n", 9, 99, 2).0, [line(b""), line(b""), passed(Bound::Lines(2), b"")]);
    }

    proptest! {
        #[test]
        fn the_pieces_do_not_matter(
            pieces in prop::collection::vec(prop::collection::vec(prop::sample::select(b"ab\n".to_vec()), 0..9), 0..9),
            line in 1..9_usize,
            total in 0..60_usize,
            lines in 0..9_usize,
        ) {
            let bounds = Bounds { line, total, lines };
            let in_pieces = split(pieces.iter().map(Vec::as_slice), bounds);
            prop_assert_eq!(in_pieces, split([pieces.concat().as_slice()], bounds));
        }
    }
}
