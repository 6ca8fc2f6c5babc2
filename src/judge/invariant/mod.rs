//! Invariants: relations between the messages of one transcript that no schema can say.
//!
//! One file each; a line in [`INVARIANTS`] makes it known to `invariant: <name>`.

mod cancellation;
mod capabilities;
mod completion;
mod exchanges;
mod extensions;
mod handshake;
mod http;
mod http_sse;
mod ids;
mod logging;
mod metadata;
mod mirrored;
mod names;
mod pages;
mod pings;
mod resources;
mod scopes;
mod sizes;
mod stateless;
mod subscriptions;
mod survives;
mod tasks;
mod text;
mod tools;
mod undeclared;

use super::context::{Context, Judged};
use super::traffic::Traffic;
use crate::scenario::{Body, Scenario};

/// An invariant: reads the traffic of one transcript, and says what became of each requirement that it proves.
pub(super) type Invariant = fn(&Scenario, &Context, &Traffic<'_>) -> Vec<Judged>;

/// Every invariant by name.
pub const INVARIANTS: &[(&str, Invariant)] = &[
    ("cancellation", cancellation::judge),
    ("capabilities", capabilities::judge),
    ("completion", completion::judge),
    ("extensions", extensions::judge),
    ("handshake", handshake::judge),
    ("http", http::judge),
    ("http-sse", http_sse::judge),
    ("ids", ids::judge),
    ("logging", logging::judge),
    ("metadata", metadata::judge),
    ("mirrored", mirrored::judge),
    ("names", names::judge),
    ("pages", pages::judge),
    ("pings", pings::judge),
    ("resources", resources::judge),
    ("scopes", scopes::judge),
    ("sizes", sizes::judge),
    ("stateless", stateless::judge),
    ("subscriptions", subscriptions::judge),
    ("survives", survives::judge),
    ("tasks", tasks::judge),
    ("text", text::judge),
    ("tools", tools::judge),
    ("undeclared", undeclared::judge),
];

/// The invariant of a name.
pub fn invariant(name: &str) -> Option<Invariant> {
    INVARIANTS.iter().find(|(known, _)| *known == name).map(|(_, invariant)| *invariant)
}

/// What a scenario says that its invariant proves.
fn proves(scenario: &Scenario) -> &[String] {
    match &scenario.body {
        Body::Invariant { proves, .. } => proves,
        _ => &[],
    }
}
