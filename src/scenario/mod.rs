//! Checks as data: the scenario language and its loader. Runs nothing.

mod broken;
mod model;

pub use broken::{Broken, HttpPatch, Moment};
pub use model::{
    Alive, Body, Case, Close, Expect, HttpCall, Message, Needs, Raw, RawBytes, Reply, Scenario, SessionUse, Step,
    StepKind, Subject, Watch, When,
};
