//! Checks as data: the scenario language and its loader. Runs nothing.

mod broken;
mod catalogue;
mod load;
mod model;
mod read;

pub use broken::{Broken, HttpPatch, Moment};
pub use catalogue::{Catalogue, LoadError};
pub use load::{Names, load_broken, load_scenario};
pub use model::{
    Alive, Body, Case, Close, Expect, HttpCall, Message, Needs, Raw, RawBytes, Reply, Scenario, SessionUse, Step,
    StepKind, Subject, Watch, When,
};
