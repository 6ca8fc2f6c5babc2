//! Signs the state that a client carries from one round trip to the next, so that only what was issued, for this call, is taken back.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use rustls::crypto::tls13::OkmBlock;

use super::clock;

/// How long a state may be carried, in milliseconds.
const LIFETIME: u64 = 600_000;

/// Any process of the server takes the states of any other. A server that guards something would keep its key to itself.
const KEY: &[u8; 32] = b"the built-in server guards none.";

/// A state for this purpose (the call that it belongs to), to be opened within its lifetime.
pub(super) fn seal(purpose: &str) -> String {
    let until = (clock::now() + LIFETIME).to_string();
    let signature = sign(&until, purpose);
    format!("{until}.{signature}")
}

/// Whether a state was sealed for this purpose, and has not expired.
pub(super) fn opens(state: &str, purpose: &str) -> bool {
    let Some((until, signature)) = state.split_once('.') else { return false };
    let fresh = until.parse().is_ok_and(|until: u64| clock::now() <= until);
    fresh && sign(until, purpose) == signature
}

fn sign(until: &str, purpose: &str) -> String {
    let suite = rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let suite = suite.tls13().expect("the suite is one of TLS 1.3, by its name");
    let tag = suite.hkdf_provider.hmac_sign(&OkmBlock::new(KEY), format!("{until}\n{purpose}").as_bytes());
    BASE64.encode(tag.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_for_the_purpose_opens() {
        let state = seal("a");
        assert!(opens(&state, "a"));
        assert!(!opens(&state, "b"));
        assert!(!opens(&format!("{state}x"), "a"));
        assert!(!opens(&format!("9{state}"), "a"));
        assert!(!opens("", "a"));
        let expired = format!("1.{}", sign("1", "a"));
        assert!(!opens(&expired, "a"));
    }
}
