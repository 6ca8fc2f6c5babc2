//! What the built-in server's tools can change: a counter, and whether the extras are there. Sends nothing.

/// The state behind the features.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct World {
    /// What the counter resource shows.
    pub(super) counter: u64,
    /// How many bytes texts have grown.
    pub(super) grown: usize,
    /// Whether the extra tool, resource and prompt are there.
    pub(super) extras: bool,
}
