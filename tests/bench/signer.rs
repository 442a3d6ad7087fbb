//! The provider's signing keys, and what verifies with them when nothing else is checked.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use oidc_flow::SigningAlgorithm;
use serde_json::{Value, json};

/// A key pair that ID tokens are signed with.
pub(crate) enum Signer {
    /// RS256, 2,048 bits.
    Rsa(RsaKeyPair),
    /// ES256.
    Ec(EcdsaKeyPair),
}

impl Signer {
    pub(crate) fn rs256() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"))
    }

    pub(crate) fn es256() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    pub(crate) fn algorithm(&self) -> SigningAlgorithm {
        match self {
            Self::Rsa(_) => SigningAlgorithm::Rs256,
            Self::Ec(_) => SigningAlgorithm::Es256,
        }
    }

    /// The key set with the public key, and one more of the other kind, as providers have them.
    pub(crate) fn key_set(&self) -> Value {
        match self {
            Self::Rsa(_) => json!({ "keys": [Self::es256().public(), self.public()] }),
            Self::Ec(_) => json!({ "keys": [Self::rs256().public(), self.public()] }),
        }
    }

    fn public(&self) -> Value {
        match self {
            Self::Rsa(pair) => {
                let key = pair.public_key();
                let n = base64url(key.modulus().big_endian_without_leading_zero());
                let e = base64url(key.exponent().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "rsa", "n": n, "e": e })
            }
            Self::Ec(pair) => {
                // An uncompressed point: a 4, and two coordinates of 32 bytes each (SEC 1 §2.3.3).
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let (x, y) = (base64url(x), base64url(y));
                json!({ "kty": "EC", "use": "sig", "alg": "ES256", "kid": "ec", "crv": "P-256", "x": x, "y": y })
            }
        }
    }

    /// A signed token with these claims.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let (message, signature) = self.signed(claims);
        format!("{message}.{}", base64url(&signature))
    }

    /// The two parts of such a token: what is signed, and the signature.
    pub(crate) fn signed(&self, claims: &Value) -> (String, Vec<u8>) {
        let (alg, kid) = match self {
            Self::Rsa(_) => ("RS256", "rsa"),
            Self::Ec(_) => ("ES256", "ec"),
        };
        let header = json!({ "alg": alg, "kid": kid, "typ": "JWT" }).to_string();
        let message =
            format!("{}.{}", base64url(header.as_bytes()), base64url(claims.to_string().as_bytes()));
        let signature = self.sign(message.as_bytes());
        (message, signature)
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("a signature");
                signature
            }
            Self::Ec(pair) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
        }
    }

    /// What verifies a signature and nothing else, the key parsed beforehand.
    pub(crate) fn bare(&self) -> ParsedPublicKey {
        let parsed = match self {
            Self::Rsa(pair) => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key()),
            Self::Ec(pair) => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key()),
        };
        parsed.expect("a public key")
    }
}

pub(crate) fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
