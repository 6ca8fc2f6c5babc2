//! Looks whether a protected target shows any sign of the authorization that the specification describes.

use std::future::Future;
use std::pin::Pin;

use super::Setting;
use super::auth::{Door, shown};
use crate::judge::context::Judged;

const CONFORMS: &str = "auth.http.conform";

/// Judges which scheme it is (specification: basic/authorization#protocol-requirements). The signs were looked for before, since the
/// other checks hang on them.
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move {
        let shows_signs = setting.context.facts.get("authorization").is_some_and(|fact| fact.get("oauth").is_some());
        let mut door = match Door::of(setting) {
            Ok(door) => door,
            Err(judged) => return judged,
        };
        if shows_signs {
            return vec![Judged::pass(CONFORMS)];
        }
        vec![match door.knock(None).await {
            Ok(reply) => {
                let expected = "a challenge with resource_metadata, or metadata at a well-known address";
                door.fail(CONFORMS, reply.index, expected, format!("neither; {}", shown(&reply)))
            }
            Err(reason) => Judged::inconclusive(CONFORMS, reason, None),
        }]
    })
}
