//! What a target offers in each revision that it speaks. Judges nothing.

use serde_json::Value;

use super::circumstances::way_out;
use super::reach::{Reached, reach, why};
use super::runner::{RunError, Settings, server_info, worth_running};
use crate::outcome::ServerInfo;
use crate::protocol::Revision;
use crate::session::Opened;
use crate::survey::offer;
use crate::wire::TransportKind;

/// What a target offers in one revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Offered {
    /// The revision.
    pub revision: Revision,
    /// The transport over which it was asked.
    pub transport: TransportKind,
    /// What the server says it is.
    pub server: ServerInfo,
    /// All that it offers; see [`offer`].
    pub offer: Value,
}

/// What a target offers in every revision that it speaks, or was asked for.
pub async fn offers(settings: &Settings) -> Result<Vec<Offered>, RunError> {
    let revisions = if settings.revisions.is_empty() { Revision::ALL.to_vec() } else { settings.revisions.clone() };
    let Reached { openings, .. } = reach(&settings.target, &revisions, settings.limits, settings.start_timeout).await?;
    let mut offered = Vec::new();
    for mut opening in worth_running(settings, openings)? {
        let revision = opening.asked;
        let read = if opening.outcome == Opened::Yes {
            offer(&mut opening.session, &settings.calls, settings.timeout).await
        } else {
            Err(why(&opening.outcome))
        };
        let (server, transport) = (server_info(&opening), opening.session.kind());
        let transcript = opening.session.close().await;
        let offer = read.map_err(|reason| RunError::Unread { revision, reason: reason + &way_out(&transcript) })?;
        offered.push(Offered { revision, transport, server, offer });
    }
    Ok(offered)
}
