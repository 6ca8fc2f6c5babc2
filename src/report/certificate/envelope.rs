//! DSSE envelopes (<https://github.com/secure-systems-lab/dsse>): a payload, its type, and signatures over both.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::key::{KeyError, PublicKey, SigningKey};

/// What the payload of every certificate is.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A signed payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Signature {
    keyid: String,
    sig: String,
}

impl Envelope {
    /// Signs a payload.
    pub(super) fn sign(payload: &[u8], key: &SigningKey) -> Result<Self, KeyError> {
        let sig = BASE64_STANDARD.encode(key.sign(&encoded(PAYLOAD_TYPE, payload))?);
        let signatures = vec![Signature { keyid: key.public().id(), sig }];
        Ok(Self { payload: BASE64_STANDARD.encode(payload), payload_type: PAYLOAD_TYPE.to_owned(), signatures })
    }

    /// Whether it holds this payload, signed by this key. Says what is wrong.
    pub(super) fn verify(&self, payload: &[u8], key: &PublicKey) -> Result<(), String> {
        if self.payload_type != PAYLOAD_TYPE || self.payload != BASE64_STANDARD.encode(payload) {
            return Err("it holds another statement than the one beside it".to_owned());
        }
        let bytes = encoded(&self.payload_type, payload);
        let signed = |signature: &Signature| {
            BASE64_STANDARD.decode(&signature.sig).is_ok_and(|signature| key.signed(&bytes, &signature))
        };
        if self.signatures.iter().any(signed) {
            Ok(())
        } else {
            Err(format!("no signature in it is of the key {}", key.id()))
        }
    }
}

/// What is signed: DSSE's pre-authentication encoding.
fn encoded(kind: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_that_of_the_specification() {
        assert_eq!(
            encoded("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }
}
