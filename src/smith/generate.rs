//! Draws inputs from bytes.

use super::{Input, Unstructured, World, seeds};

/// A new input.
pub fn fresh(world: &World, u: &mut Unstructured<'_>) -> Input {
    let seeds = seeds(world);
    u.choose(&seeds).cloned().unwrap_or_default()
}

/// An input changed in one place.
pub fn mutate(world: &World, input: &Input, u: &mut Unstructured<'_>) -> Input {
    let mut input = if input.is_empty() { fresh(world, u) } else { input.clone() };
    let at = u.choose_index(input.pieces.len()).unwrap_or(0);
    if let Some(piece) = input.pieces.get_mut(at)
        && let Ok(byte) = u.choose_index(piece.bytes.len())
    {
        piece.bytes[byte] ^= u.int_in_range(1..=255).unwrap_or(1);
    }
    input
}

/// The beginning of one input and the end of another.
pub fn cross(_world: &World, first: &Input, second: &Input, u: &mut Unstructured<'_>) -> Input {
    let keep = u.int_in_range(0..=first.pieces.len()).unwrap_or(0);
    let skip = u.int_in_range(0..=second.pieces.len()).unwrap_or(0);
    let pieces: Vec<_> = first.pieces[..keep].iter().chain(&second.pieces[skip..]).cloned().collect();
    Input::from(pieces)
}
