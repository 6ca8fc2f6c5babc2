//! A number for a thing, where it only counts whether two are the same; and the things that were seen, by their numbers.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash};
use std::sync::{Mutex, PoisonError};

use foldhash::fast::FixedState;

/// The same number for the same thing, in one build of this program.
pub(super) fn digest(of: &(impl Hash + ?Sized)) -> u64 {
    FixedState::default().hash_one(of)
}

/// Digests of what was seen, in bounded memory: what is forgotten is seen anew.
#[derive(Default)]
pub(super) struct Digests {
    digests: Mutex<HashSet<u64>>,
}

/// Digests that are remembered.
const MOST: usize = 100_000;

impl Digests {
    /// Whether something of this digest was noted.
    pub(super) fn contains(&self, digest: u64) -> bool {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest)
    }

    /// Notes more.
    pub(super) fn extend(&self, more: impl IntoIterator<Item = u64>) {
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        if digests.len() >= MOST {
            digests.clear();
        }
        digests.extend(more);
    }
}
