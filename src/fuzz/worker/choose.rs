//! Chooses what to try next: what waits, the neighbours of what is rare, or something drawn by chance.

use serde_json::Value;

use super::Worker;
use super::queue::Queued;
use crate::fuzz::coverage::Operand;
use crate::smith::{Input, Unstructured, cross, fresh, mutate, neighbours};

/// How many neighbours of an input are tried.
const NEIGHBOURS: usize = 1_000;
/// Their bytes, all together: what is large takes the target long, and shows little that something small does not.
const NEIGHBOURS_BYTES: usize = 512 << 10;
/// How many values are kept that an input was compared with.
const OPERANDS: usize = 64;
/// Values kept in the dictionary.
const DICTIONARY: usize = 400;
/// Bytes that chance gives for one input.
const DRAWN: usize = 4096;
/// How often the folder is looked at for what others found.
const SHARE: u64 = 1_000;

impl Worker {
    /// What to try next.
    pub(super) fn next_input(&mut self) -> Queued {
        if self.progress.executions % SHARE == SHARE - 1 {
            let news = self.corpus.news().unwrap_or_default();
            self.queue.put_first(news.into_iter());
        }
        let is_idle = self.corpus.len() > 0 && self.chance.below(4) == 0;
        let kept_first = self.queue.first().is_some_and(|queued| queued.is_kept);
        if (!is_idle || kept_first)
            && let Some(queued) = self.queue.next()
        {
            return queued;
        }
        if !is_idle && let Some((input, compared)) = self.corpus.untried() {
            self.queue_neighbours(&input, &compared);
            if let Some(queued) = self.queue.next() {
                return queued;
            }
        }
        let mut bytes = vec![0; DRAWN];
        self.chance.fill(&mut bytes);
        let mut drawn = Unstructured::new(&bytes);
        let kind = self.chance.below(20);
        let chosen = if kind < 3 { None } else { self.corpus.choose(&mut self.chance) };
        let input = match chosen {
            None => fresh(&self.world, &mut drawn),
            Some(chosen) => {
                let other = if kind < 6 { self.corpus.any(&mut self.chance).cloned() } else { None };
                let mut input = match other {
                    Some(other) => cross(&self.world, &chosen, &other, &mut drawn),
                    None => mutate(&self.world, &chosen, &mut drawn),
                };
                for _ in 0..self.chance.below(3) {
                    input = mutate(&self.world, &input, &mut drawn);
                }
                input
            }
        };
        Queued { input, is_kept: false }
    }

    /// What to try next, where something else chooses what to go on from.
    #[cfg(feature = "libfuzzer")]
    pub(in crate::fuzz) fn propose(&mut self, given: &[u8]) -> Input {
        let is_ours = self.queue.first().is_some() || self.chance.below(2) == 0;
        if is_ours || given.is_empty() {
            return self.next_input().input;
        }
        let mut bytes = vec![0; DRAWN];
        self.chance.fill(&mut bytes);
        mutate(&self.world, &Input::decode(given), &mut Unstructured::new(&bytes))
    }

    pub(super) fn queue_neighbours(&mut self, input: &Input, operands: &[Value]) {
        if let Some(map) = &mut self.map {
            for constant in map.constants().unwrap_or_default() {
                if !self.world.dictionary.contains(&constant) {
                    self.world.dictionary.push(constant);
                }
            }
        }
        let excess = self.world.dictionary.len().saturating_sub(DICTIONARY);
        self.world.dictionary.drain(..excess);
        // What was just compared with is the best to try, then what the code entered last holds.
        let known = std::mem::take(&mut self.world.dictionary);
        self.world.dictionary = operands.to_vec();
        self.world.dictionary.extend(known.iter().rev().filter(|value| !operands.contains(value)).take(64).cloned());
        let most = NEIGHBOURS.min(NEIGHBOURS_BYTES / input.len().max(1) + 1);
        self.queue.extend(neighbours(&self.world, input).take(most));
        self.world.dictionary = known;
    }
}

/// Values that were compared and may be worth trying in any place: numbers alone are compared too often.
pub(super) fn telling(operands: Vec<Operand>) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    for (left, right) in operands {
        let is_telling = !(left.is_number() && right.is_number());
        for value in [right, left].into_iter().filter(|_| is_telling) {
            if found.len() < OPERANDS && !found.contains(&value) {
                found.push(value);
            }
        }
    }
    found
}
