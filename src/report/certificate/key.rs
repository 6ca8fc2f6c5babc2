//! Keys for signing and verifying: Ed25519 and ECDSA on P-256, in PEM files. The cryptography is `ring`'s.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};

use super::statement::sha256;

/// A private key.
pub struct SigningKey(Pair);

enum Pair {
    Ed25519(Ed25519KeyPair),
    EcdsaP256(EcdsaKeyPair),
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: Kind,
    point: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ed25519,
    EcdsaP256,
}

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A private key is needed.
    #[error("no private key in PKCS#8 PEM, unencrypted (`openssl pkcs8 -topk8 -nocrypt` makes one of other forms)")]
    NotPrivate,
    /// A public key is needed.
    #[error("no key in PEM, neither `PUBLIC KEY` nor `PRIVATE KEY`")]
    NotPublic,
    /// The algorithm.
    #[error("neither an Ed25519 nor an ECDSA key on P-256")]
    Algorithm,
    /// The system's source of randomness, which ECDSA needs.
    #[error("the system gives no random numbers")]
    Random,
}

impl SigningKey {
    /// Reads an unencrypted PKCS#8 PEM file.
    pub fn read(pem: &[u8]) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| KeyError::NotPrivate)?;
        let der = der.secret_pkcs8_der();
        // OpenSSL leaves the public half of Ed25519 keys out; it follows from the private one.
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            return Ok(Self(Pair::Ed25519(pair)));
        }
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &SystemRandom::new());
        pair.map(|pair| Self(Pair::EcdsaP256(pair))).map_err(|_| KeyError::Algorithm)
    }

    /// Signs bytes; ECDSA signatures are in DER.
    pub fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.0 {
            Pair::Ed25519(pair) => Ok(pair.sign(bytes).as_ref().to_vec()),
            Pair::EcdsaP256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), bytes).map_err(|_| KeyError::Random)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        let (kind, point) = match &self.0 {
            Pair::Ed25519(pair) => (Kind::Ed25519, pair.public_key().as_ref()),
            Pair::EcdsaP256(pair) => (Kind::EcdsaP256, pair.public_key().as_ref()),
        };
        PublicKey { kind, point: point.to_vec() }
    }
}

/// What stands before the point in a DER-encoded `SubjectPublicKeyInfo` (RFC 8410, RFC 5480), and the length of the point.
const FORMS: [(Kind, &[u8], usize); 2] = [
    (Kind::Ed25519, &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00], 32),
    (
        Kind::EcdsaP256,
        &[
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
            0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ],
        65,
    ),
];

impl PublicKey {
    /// Reads a PEM file: a public key, or a private one, whose public half is taken.
    pub fn read(pem: &[u8]) -> Result<Self, KeyError> {
        let Ok(der) = SubjectPublicKeyInfoDer::from_pem_slice(pem) else {
            return SigningKey::read(pem).map(|key| key.public()).map_err(|error| match error {
                KeyError::NotPrivate => KeyError::NotPublic,
                error => error,
            });
        };
        let of_form = |(kind, prefix, length): &(Kind, &[u8], usize)| {
            let point = der.as_ref().strip_prefix(*prefix).filter(|point| point.len() == *length)?;
            Some(Self { kind: *kind, point: point.to_vec() })
        };
        FORMS.iter().find_map(of_form).ok_or(KeyError::Algorithm)
    }

    /// Whether a signature over bytes is of this key.
    pub fn signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        match self.kind {
            Kind::Ed25519 => UnparsedPublicKey::new(&ED25519, &self.point).verify(bytes, signature),
            Kind::EcdsaP256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point).verify(bytes, signature),
        }
        .is_ok()
    }

    /// The SHA-256 of its DER form, in hexadecimal.
    pub fn id(&self) -> String {
        sha256(&self.der())
    }

    /// The key as a PEM file.
    pub fn pem(&self) -> String {
        let text = BASE64_STANDARD.encode(self.der());
        // Base64 is ASCII, so that bytes are characters.
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    fn der(&self) -> Vec<u8> {
        let form = FORMS.iter().find(|(kind, ..)| *kind == self.kind);
        let prefix = form.map_or(&[][..], |(_, prefix, _)| prefix);
        [prefix, &self.point].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two new private keys as PEM files.
    fn keys() -> [String; 2] {
        let random = SystemRandom::new();
        let pem = |der: &[u8]| {
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64_STANDARD.encode(der))
        };
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        let ecdsa = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        [pem(ed25519.as_ref()), pem(ecdsa.as_ref())]
    }

    #[test]
    fn what_a_key_signs_its_public_half_verifies_and_no_other() {
        let files = keys();
        let keys = files.each_ref().map(|pem| SigningKey::read(pem.as_bytes()).expect("a key"));
        for (key, other) in [(&keys[0], &keys[1]), (&keys[1], &keys[0])] {
            let signature = key.sign(b"bytes").expect("signs");
            let public = PublicKey::read(key.public().pem().as_bytes()).expect("a key");
            assert_eq!(public, key.public());
            assert!(public.signed(b"bytes", &signature));
            assert!(!public.signed(b"other", &signature));
            assert!(!other.public().signed(b"bytes", &signature));
        }
        assert_eq!(PublicKey::read(files[1].as_bytes()), Ok(keys[1].public()), "of a private key the public half");
        assert_eq!(SigningKey::read(b"no key").err(), Some(KeyError::NotPrivate));
        assert_eq!(SigningKey::read(keys[0].public().pem().as_bytes()).err(), Some(KeyError::NotPrivate));
        assert_eq!(PublicKey::read(b"no key"), Err(KeyError::NotPublic));
    }
}
