//! Snapshots of what a server offers: files that a repository keeps, and what changed since. Asks no server.

mod change;
mod file;
mod normal;
mod schema;
mod shape;

pub use change::{Change, Class, changes};
pub use file::{Snapshot, difference};
pub use normal::normal;
