//! What was sent in a conversation, as far back as it can be replayed.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::smith::Input;

/// The last inputs of a conversation.
#[derive(Default)]
pub(super) struct History {
    inputs: VecDeque<Arc<Input>>,
    bytes: usize,
    /// Inputs of the conversation, those that are forgotten included.
    total: usize,
}

/// Inputs that are remembered, and their bytes: what is suspected has all of them replayed, if need be, and they are kept in memory.
const INPUTS: usize = 20_000;
const BYTES: usize = 6 << 20;

impl History {
    /// Adds an input; returns its place in the conversation.
    pub(super) fn add(&mut self, input: Arc<Input>) -> usize {
        self.bytes += input.len();
        self.inputs.push_back(input);
        self.total += 1;
        while self.inputs.len() > INPUTS || self.bytes > BYTES && self.inputs.len() > 1 {
            self.bytes -= self.inputs.pop_front().map_or(0, |input| input.len());
        }
        self.total - 1
    }

    /// Inputs of the conversation so far.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// What is remembered up to a place, that included.
    pub(super) fn up_to(&self, place: usize) -> impl ExactSizeIterator<Item = &Arc<Input>> {
        let after = self.total.saturating_sub(place + 1).min(self.inputs.len());
        self.inputs.range(..self.inputs.len() - after)
    }

    /// What is remembered, the newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Arc<Input>> {
        self.inputs.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smith::Piece;

    #[test]
    fn what_is_old_is_forgotten_and_places_stay() {
        let input = |bytes: usize| Arc::new(Input { pieces: vec![Piece::message(vec![b'x'; bytes])] });
        let mut history = History::default();
        let places: Vec<usize> = [1, BYTES / 2, 3, BYTES / 2 - 3, 5].map(|bytes| history.add(input(bytes))).to_vec();
        assert_eq!(places, [0, 1, 2, 3, 4]);
        let lengths = |place| history.up_to(place).map(|input| input.len()).collect::<Vec<_>>();
        assert_eq!(lengths(4), [3, BYTES / 2 - 3, 5]);
        assert_eq!(lengths(2), [3]);
        assert_eq!(lengths(9), lengths(4));
        assert_eq!(lengths(0), [0_usize; 0]);
        history.add(input(BYTES + 1));
        assert_eq!(history.newest_first().map(|input| input.len()).collect::<Vec<_>>(), [BYTES + 1]);
        assert_eq!(history.total(), 6);
    }
}
