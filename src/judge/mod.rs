//! Reads transcripts and says what became of each check. Never prints, never opens a socket.

mod always;
mod challenge;
mod compare;
mod context;
mod dialect;
mod excerpt;
mod fill;
mod invariant;
mod loss;
mod probe;
mod steps;
mod traffic;

pub use always::{broken, watch};
pub use context::{Context, Judged, fold};
pub use excerpt::excerpt;
pub use invariant::{INVARIANTS, invariant};
pub use probe::{PROBES, Setting, follows_specification, probe, probe_uses_tools};
pub use steps::run_steps;
pub use traffic::{Heard, Traffic};
