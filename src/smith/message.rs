//! Puts messages together as a revision wants them.

use serde_json::{Value, json};

use super::{Piece, World};
use crate::protocol::Era;

/// A request with all that the revision demands. Its id is rewritten by whoever sends it.
pub(super) fn request(world: &World, method: &str, params: &Value) -> Value {
    let mut message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    if world.revision.era() == Era::Stateless {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": world.revision,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": client_info(),
        });
        message["params"]["_meta"] = meta;
    }
    message
}

/// A message as a piece.
pub(super) fn piece(message: &Value) -> Piece {
    Piece::message(message.to_string())
}

fn client_info() -> Value {
    json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")})
}
