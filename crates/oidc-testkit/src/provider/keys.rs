//! The keys that ID tokens are signed with, and the key set that is published.

use std::{io, iter, sync::OnceLock};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{JsonObject, odd::BadIdToken};

/// With which algorithm ID tokens are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 and a key of 2048 bits.
    #[default]
    Rs256,
    /// ECDSA with P-256 and SHA-256.
    Es256,
}

impl SigningAlgorithm {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// The provider's keys, and those that it published before.
#[derive(Debug)]
pub(super) struct Keys {
    current: Pairs,
    earlier: Vec<Pairs>,
}

impl Keys {
    pub(super) fn generate() -> io::Result<Self> {
        Ok(Self { current: Pairs::generate(1)?, earlier: Vec::new() })
    }

    /// Signs with new keys from now on; the earlier ones stay published.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        let new = Pairs::generate(self.current.number.saturating_add(1))?;
        self.earlier.push(std::mem::replace(&mut self.current, new));
        Ok(())
    }

    /// Publishes only the keys that are signed with now.
    pub(super) fn retire(&mut self) {
        self.earlier.clear();
    }

    /// The key set (RFC 7517).
    pub(super) fn document(&self) -> io::Result<Value> {
        let published = iter::once(&self.current).chain(self.earlier.iter().rev());
        let keys = published.map(Pairs::public).collect::<io::Result<Vec<_>>>()?;
        Ok(json!({ "keys": keys.concat() }))
    }

    /// The claims as a signed token, or as `bad` as they are asked to be.
    pub(super) fn sign(
        &self,
        algorithm: SigningAlgorithm,
        claims: JsonObject,
        bad: Option<BadIdToken>,
    ) -> io::Result<String> {
        let claims = &claims.into_value();
        let kid = self.current.kid(algorithm);
        match bad {
            Some(BadIdToken::AlgorithmNone) => Ok(format!("{}.", message("none", &kid, claims))),
            Some(BadIdToken::UnknownKey) => {
                let stranger = Pairs::generate(u64::MAX)?;
                stranger.token(algorithm, &stranger.kid(algorithm), claims, |_| {})
            }
            Some(BadIdToken::ForgedKey) => Pairs::generate(0)?.token(algorithm, &kid, claims, |_| {}),
            Some(BadIdToken::Signature) => self.current.token(algorithm, &kid, claims, |signature| {
                if let Some(byte) = signature.first_mut() {
                    *byte ^= 1;
                }
            }),
            _ => self.current.token(algorithm, &kid, claims, |_| {}),
        }
    }
}

/// One key of each algorithm. The RSA key is made when it is first needed: it takes a good part of a second,
/// and many tests never look at an ID token.
#[derive(Debug)]
struct Pairs {
    number: u64,
    rsa: OnceLock<RsaKeyPair>,
    ec: EcdsaKeyPair,
}

impl Pairs {
    fn generate(number: u64) -> io::Result<Self> {
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(io::Error::other)?;
        Ok(Self { number, rsa: OnceLock::new(), ec })
    }

    fn rsa(&self) -> io::Result<&RsaKeyPair> {
        if let Some(key) = self.rsa.get() {
            return Ok(key);
        }
        let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(io::Error::other)?;
        Ok(self.rsa.get_or_init(|| key))
    }

    fn kid(&self, algorithm: SigningAlgorithm) -> String {
        format!("{}-{}", algorithm.name().to_ascii_lowercase(), self.number)
    }

    fn public(&self) -> io::Result<[Value; 2]> {
        let key = self.rsa()?.public_key();
        let rsa = json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid(SigningAlgorithm::Rs256),
            "n": base64url(key.modulus().big_endian_without_leading_zero()),
            "e": base64url(key.exponent().big_endian_without_leading_zero()),
        });
        // An uncompressed point: a 4, and the two coordinates of 32 bytes each (SEC 1 §2.3.3).
        let point = self.ec.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
        let ec = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid(SigningAlgorithm::Es256),
            "x": base64url(x), "y": base64url(y),
        });
        Ok([rsa, ec])
    }

    /// A signed token whose signature was spoiled before it was put in.
    fn token(
        &self,
        algorithm: SigningAlgorithm,
        kid: &str,
        claims: &Value,
        spoil: impl FnOnce(&mut [u8]),
    ) -> io::Result<String> {
        let message = message(algorithm.name(), kid, claims);
        let random = SystemRandom::new();
        let mut signature = match algorithm {
            SigningAlgorithm::Rs256 => {
                let mut signature = vec![0; self.rsa()?.public_modulus_len()];
                self.rsa()?
                    .sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature)
                    .map_err(io::Error::other)?;
                signature
            }
            SigningAlgorithm::Es256 => {
                self.ec.sign(&random, message.as_bytes()).map_err(io::Error::other)?.as_ref().to_vec()
            }
        };
        spoil(&mut signature);
        Ok(format!("{message}.{}", base64url(&signature)))
    }
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn message(algorithm: &str, kid: &str, claims: &Value) -> String {
    let header = json!({ "alg": algorithm, "kid": kid, "typ": "JWT" }).to_string();
    format!("{}.{}", base64url(header.as_bytes()), base64url(claims.to_string().as_bytes()))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
    };

    use super::*;

    fn bytes(value: &Value) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
    }

    /// Whether the token is signed by one of the published keys, found by `kid`.
    fn verifies(keys: &Keys, token: &str) -> bool {
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let header = URL_SAFE_NO_PAD.decode(message.split('.').next().unwrap()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        let document = keys.document().unwrap();
        let Some(key) = document["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"])
        else {
            return false;
        };
        match header["alg"].as_str().unwrap() {
            "RS256" => RsaPublicKeyComponents { n: bytes(&key["n"]), e: bytes(&key["e"]) }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature)
                .is_ok(),
            "ES256" => {
                let point = [vec![4], bytes(&key["x"]), bytes(&key["y"])].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                    .verify(message.as_bytes(), &signature)
                    .is_ok()
            }
            _ => false,
        }
    }

    #[test]
    fn tokens_verify_under_the_published_keys_unless_they_are_bad() {
        let keys = Keys::generate().unwrap();
        let mut claims = JsonObject::default();
        claims.set("sub", "alice");
        for algorithm in [SigningAlgorithm::Rs256, SigningAlgorithm::Es256] {
            assert!(verifies(&keys, &keys.sign(algorithm, claims.clone(), None).unwrap()));
            for bad in [
                BadIdToken::Signature,
                BadIdToken::AlgorithmNone,
                BadIdToken::UnknownKey,
                BadIdToken::ForgedKey,
            ] {
                assert!(
                    !verifies(&keys, &keys.sign(algorithm, claims.clone(), Some(bad)).unwrap()),
                    "{bad:?}"
                );
            }
        }
    }

    #[test]
    fn earlier_keys_are_published_until_they_are_retired() {
        let mut keys = Keys::generate().unwrap();
        let old = keys.sign(SigningAlgorithm::Es256, JsonObject::default(), None).unwrap();
        keys.rotate().unwrap();
        let new = keys.sign(SigningAlgorithm::Es256, JsonObject::default(), None).unwrap();
        assert!(verifies(&keys, &old) && verifies(&keys, &new));
        keys.retire();
        assert!(!verifies(&keys, &old) && verifies(&keys, &new));
    }
}
