//! What waits to be tried, in bounded memory.

use std::collections::VecDeque;

use crate::smith::Input;

/// Inputs that wait.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Queued>,
    bytes: usize,
}

/// An input that waits.
pub(super) struct Queued {
    pub(super) input: Input,
    /// It came from the corpus folder, and leaves it if it shows nothing new.
    pub(super) is_kept: bool,
}

/// Bytes of what waits, from which on nothing is taken that was made of other inputs: it can be made again.
const FULL: usize = 4 << 20;

impl Queue {
    /// Adds at the end what has to be tried, however much waits.
    pub(super) fn add(&mut self, input: Input, is_kept: bool) {
        self.bytes += input.len();
        self.waiting.push_back(Queued { input, is_kept });
    }

    /// Adds inputs at the end, as long as there is room.
    pub(super) fn extend(&mut self, inputs: impl Iterator<Item = Input>) {
        for input in inputs {
            if self.bytes >= FULL {
                return;
            }
            self.add(input, false);
        }
    }

    /// Puts inputs before all that waits, in their order, as long as there is room.
    pub(super) fn put_first(&mut self, inputs: impl Iterator<Item = Input>) {
        let mut first = Self { bytes: self.bytes, ..Self::default() };
        first.extend(inputs);
        self.bytes = first.bytes;
        first.waiting.append(&mut self.waiting);
        self.waiting = first.waiting;
    }

    /// What comes next.
    pub(super) fn next(&mut self) -> Option<Queued> {
        let next = self.waiting.pop_front()?;
        self.bytes -= next.input.len();
        Some(next)
    }

    /// What comes next, and stays.
    pub(super) fn first(&self) -> Option<&Queued> {
        self.waiting.front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smith::Piece;

    fn input(bytes: usize) -> Input {
        Input { pieces: vec![Piece::message(vec![b'x'; bytes])] }
    }

    #[test]
    fn what_is_made_of_others_waits_only_while_there_is_room() {
        let mut queue = Queue::default();
        queue.add(input(1), true);
        queue.put_first([input(2), input(3)].into_iter());
        queue.extend(std::iter::repeat_with(|| input(FULL / 4)).take(100));
        queue.put_first(std::iter::once(input(4)));
        queue.add(input(5), true);
        let sizes: Vec<usize> = std::iter::from_fn(|| queue.next()).map(|next| next.input.len()).collect();
        assert_eq!(sizes, [2, 3, 1, FULL / 4, FULL / 4, FULL / 4, FULL / 4, 5]);
        assert_eq!(queue.bytes, 0);
    }
}
