//! Lines come out of a stream as they went in, however it is cut, and within their bounds.

use mcp_litmus::wire::{Bounds, Frame, Lines};

/// Splits bytes in pieces and as a whole.
pub fn run(bytes: &[u8]) {
    let (size, bytes) = crate::cut(bytes);
    let bounds = Bounds { line: 64, total: 1_000, lines: 40 };
    let whole = frames(bounds, &[bytes]);
    let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
    assert_eq!(whole, frames(bounds, &pieces), "it depends on how the stream was cut");
    for frame in &whole {
        let (Frame::Line(line) | Frame::Passed(_, line)) = frame;
        assert!(line.len() <= bounds.total.max(bounds.line));
    }
    assert!(whole.len() <= bounds.lines + 1);
}

fn frames(bounds: Bounds, pieces: &[&[u8]]) -> Vec<Frame> {
    let mut lines = Lines::new(bounds);
    let mut frames = Vec::new();
    for piece in pieces {
        lines.buffer().extend_from_slice(piece);
        while let Some(frame) = lines.next_frame() {
            let is_last =
                matches!(&frame, Frame::Passed(bound, _) if !matches!(bound, mcp_litmus::wire::Bound::Line(_)));
            frames.push(frame);
            if is_last {
                return frames;
            }
        }
    }
    frames
}

#[test]
fn smoke() {
    for sample in crate::samples() {
        run(&sample);
    }
}
