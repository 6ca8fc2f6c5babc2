//! A number for a thing, where it only counts whether two are the same.

use std::hash::{BuildHasher as _, Hash};

use foldhash::fast::FixedState;

/// The same number for the same thing, in one build of this program.
pub(super) fn digest(of: &(impl Hash + ?Sized)) -> u64 {
    FixedState::default().hash_one(of)
}
