//! What came of it: verdicts, check ids, and the events that carry them to reports. Plain data; decides nothing.

mod check_id;
mod event;
mod verdict;

pub use check_id::{CheckId, CheckIdError};
pub use event::{CheckResult, Event, RunInfo, ServerInfo, Summary, TargetInfo, profile_of};
pub use verdict::{Evidence, Level, Verdict, Witness};
