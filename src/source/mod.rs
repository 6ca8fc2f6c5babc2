//! Files that people wrote, and text that is shown to them: places, mistakes, harmless printing. Knows no checks.

mod diagnostic;
mod node;
mod printable;
mod secrets;
mod span;
mod toml;
mod yaml;

pub use diagnostic::Diagnostic;
pub use node::{Member, Node, NodeKind};
pub use printable::{printable, printable_bytes};
pub use secrets::Secrets;
pub use span::{Position, Source, Span};
pub use toml::read_toml;
pub use yaml::Document;
