//! Opens a connection to whatever the target is. Knows the transports by name only.

use super::target::{Connection, Limits, Target, TransportError};
use super::{http, memory, stdio};

impl Connection {
    /// Connects to the target: starts the program, makes the server in this process, or sees
    /// that the URL can be used (a socket is opened with the first request). Must be called within a runtime.
    pub fn open(target: &Target, limits: Limits) -> Result<Self, TransportError> {
        match target {
            Target::Command(command) => stdio::open(command, limits),
            Target::Url(url) => http::open(url, limits),
            Target::Memory(make) => Ok(memory::open(make(), limits)),
        }
    }
}
