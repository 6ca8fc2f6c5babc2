//! Choices drawn from bytes. All of them end, and once the bytes are used up each is the first, which is the smallest.

use super::Unstructured;

/// A number below `count`; 0 where there is no other.
pub(super) fn below(u: &mut Unstructured<'_>, count: usize) -> usize {
    u.int_in_range(0..=count.saturating_sub(1)).unwrap_or(0)
}

/// A number of a range; the least one where the range is empty.
pub(super) fn between(u: &mut Unstructured<'_>, least: usize, most: usize) -> usize {
    u.int_in_range(least..=most.max(least)).unwrap_or(least)
}

/// One of some things, if there are any.
pub(super) fn pick<'a, T>(u: &mut Unstructured<'_>, things: &'a [T]) -> Option<&'a T> {
    things.get(below(u, things.len()))
}

/// True about once in so many times; never once the bytes are used up.
pub(super) fn one_in(u: &mut Unstructured<'_>, count: usize) -> bool {
    count > 1 && below(u, count) == count - 1
}

/// The place of one of some weights, each as likely as it is heavy.
pub(super) fn weighted(u: &mut Unstructured<'_>, weights: &[usize]) -> usize {
    let mut drawn = below(u, weights.iter().sum());
    for (place, weight) in weights.iter().enumerate() {
        if drawn < *weight {
            return place;
        }
        drawn -= weight;
    }
    0
}

/// Bytes that look random and are the same for the same number (`SplitMix64`).
pub(super) fn noise(mut state: u64, count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(z ^ (z >> 31)).to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}
