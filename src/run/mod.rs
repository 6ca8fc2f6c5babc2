//! From a catalogue and a target to events: plan, jobs, one channel. Never prints.

mod ailing;
mod authorization;
mod baseline;
mod circumstances;
mod comparison;
mod conduct;
mod excuse;
mod ledger;
mod needs;
mod offers;
mod own_end;
mod plan;
mod proof;
mod reach;
mod rerun;
mod runner;
mod selection;

pub use baseline::Baseline;
pub use comparison::{Comparison, Update};
pub use ledger::Ledger;
pub use offers::{Offered, offers};
pub use plan::{Plan, PlannedCheck, checks_of, proves};
pub use proof::{Proofs, Proved};
pub use runner::{RunError, Settings, TranscriptSink, run};
pub use selection::{PatternError, Selection, Shard, ShardError};
