//! Checks as data: the scenario language and its loader. Runs nothing.

mod broken;
mod catalogue;
mod error;
mod facts;
mod files;
mod form;
mod lint;
mod load;
mod meaning;
mod model;
mod placeholder;
mod read;
mod suggest;

pub use broken::{Broken, HttpPatch, Moment};
pub use catalogue::Catalogue;
pub use error::LoadError;
pub use facts::{FACTS, Fact};
pub use lint::{LintReport, lint};
pub use load::{Names, load_broken, load_scenario};
pub use model::{
    Alive, Body, Case, Close, Expect, HttpCall, Message, Needs, Raw, RawBytes, Reply, Scenario, Schema, SessionUse,
    Step, StepKind, Subject, Watch, When,
};
pub use placeholder::{Placeholder, placeholders};
pub use suggest::nearest;
