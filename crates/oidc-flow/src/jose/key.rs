//! Public keys.

use std::sync::Arc;

use aws_lc_rs::{digest, signature::ParsedPublicKey};
use openidconnect::{
    JsonWebKey, JsonWebKeyAlgorithm, JsonWebKeyId, SignatureVerificationError,
    core::{CoreJsonWebKeyType, CoreJsonWebKeyUse},
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, IgnoredAny},
};

use super::{SigningAlgorithm, material};

/// A public key that verifies signatures: openidconnect's `JsonWebKey` on aws-lc-rs.
///
/// Ten times as fast as the keys that openidconnect brings, takes P-521 and RSA up to 8192 bits, and refuses what those take: weak
/// RSA keys, keys for other purposes, keys that were published with their private half.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    jwk: Arc<Jwk>,
    id: Option<JsonWebKeyId>,
    kind: CoreJsonWebKeyType,
    algorithm: Option<SigningAlgorithm>,
    /// The key, parsed once for each algorithm that it may be used with.
    verifiers: Arc<[(SigningAlgorithm, ParsedPublicKey)]>,
}

/// The members of a JWK that are looked at (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Jwk {
    pub(super) kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_ops: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) y: Option<String>,
    /// What is private in it, or shared: only that it is there.
    #[serde(flatten, skip_serializing)]
    private: Private,
}

/// The private and the shared members of all types of key (RFC 7518 §6.2.2, 6.3.2, 6.4.1).
#[derive(Clone, Debug, Default, Deserialize)]
struct Private {
    d: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
    oth: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
}

impl Private {
    fn is_there(&self) -> bool {
        [&self.d, &self.dp, &self.dq, &self.k, &self.oth, &self.p, &self.q, &self.qi]
            .into_iter()
            .any(Option::is_some)
    }
}

/// Why a JWK is no key for signatures. No text of the JWK is in it.
type Unusable = &'static str;

impl Key {
    fn new(jwk: Jwk) -> Result<Self, Unusable> {
        // What is private, or shared, is known to more than one.
        if jwk.private.is_there() {
            tracing::warn!("the provider publishes a private key; it is not used");
            return Err("a private or a shared key");
        }
        if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err("not for signatures");
        }
        if jwk.key_ops.as_ref().is_some_and(|operations| !operations.iter().any(|one| one == "verify")) {
            return Err("not for verifying");
        }
        let algorithm: Option<SigningAlgorithm> = match &jwk.alg {
            None => None,
            Some(name) => Some(name.parse().map_err(|_| "for another algorithm")?),
        };
        let (kind, verifiers) = material::parse(&jwk, algorithm)?;
        Ok(Self {
            id: jwk.kid.clone().map(JsonWebKeyId::new),
            kind,
            algorithm,
            verifiers: verifiers.into(),
            jwk: Arc::new(jwk),
        })
    }

    /// Whether signatures of this algorithm can be verified with the key.
    pub(crate) fn can_verify(&self, algorithm: SigningAlgorithm) -> bool {
        self.verifier(algorithm).is_some()
    }

    fn verifier(&self, algorithm: SigningAlgorithm) -> Option<&ParsedPublicKey> {
        self.verifiers.iter().find(|(known, _)| *known == algorithm).map(|(_, key)| key)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let jwk = Jwk::deserialize(reader).map_err(|_| D::Error::custom("not a JWK"))?;
        Self::new(jwk).map_err(D::Error::custom)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        self.jwk.serialize(writer)
    }
}

impl JsonWebKey for Key {
    type KeyUse = CoreJsonWebKeyUse;
    type SigningAlgorithm = SigningAlgorithm;

    fn key_id(&self) -> Option<&JsonWebKeyId> {
        self.id.as_ref()
    }

    fn key_type(&self) -> &CoreJsonWebKeyType {
        &self.kind
    }

    /// A key for anything else was not taken in the first place.
    fn key_use(&self) -> Option<&CoreJsonWebKeyUse> {
        None
    }

    fn signing_alg(&self) -> JsonWebKeyAlgorithm<&SigningAlgorithm> {
        self.algorithm.as_ref().map_or(JsonWebKeyAlgorithm::Unspecified, JsonWebKeyAlgorithm::Algorithm)
    }

    /// No symmetric key is ever used: this one verifies nothing.
    fn new_symmetric(_: Vec<u8>) -> Self {
        Self {
            jwk: Arc::default(),
            id: None,
            kind: CoreJsonWebKeyType::Symmetric,
            algorithm: None,
            verifiers: Arc::new([]),
        }
    }

    fn verify_signature(
        &self,
        algorithm: &SigningAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureVerificationError> {
        let key = self
            .verifier(*algorithm)
            .ok_or_else(|| SignatureVerificationError::InvalidKey("for another algorithm".to_owned()))?;
        key.verify_sig(message, signature)
            .map_err(|_| SignatureVerificationError::CryptoError("bad signature".to_owned()))
    }

    fn hash_bytes(&self, bytes: &[u8], algorithm: &SigningAlgorithm) -> Result<Vec<u8>, String> {
        Ok(digest::digest(algorithm.digest(), bytes).as_ref().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::jose::signing::TestKey;

    fn read(jwk: Value) -> Result<Key, String> {
        Key::deserialize(jwk).map_err(|error| error.to_string())
    }

    fn with(mut jwk: Value, name: &str, value: Value) -> Value {
        jwk[name] = value;
        jwk
    }

    // JWK-15
    #[test]
    fn every_algorithm_verifies_what_it_signed_and_nothing_else() {
        for algorithm in SigningAlgorithm::ALL {
            let signer = TestKey::shared(algorithm);
            let key = read(signer.jwk(Some("a"))).unwrap();
            let signature = signer.sign(algorithm, b"message");
            assert_eq!(key.verify_signature(&algorithm, b"message", &signature), Ok(()), "{algorithm}");
            assert!(key.verify_signature(&algorithm, b"massage", &signature).is_err(), "{algorithm}");
            for other in SigningAlgorithm::ALL.into_iter().filter(|other| *other != algorithm) {
                assert!(
                    key.verify_signature(&other, b"message", &signature).is_err(),
                    "{algorithm} as {other}"
                );
            }
            for at in [0, signature.len() / 2, signature.len() - 1] {
                let mut bent = signature.clone();
                bent[at] ^= 1;
                assert!(key.verify_signature(&algorithm, b"message", &bent).is_err(), "{algorithm}");
            }
            for length in [0, 1, signature.len() - 1] {
                assert!(
                    key.verify_signature(&algorithm, b"message", &signature[..length]).is_err(),
                    "{algorithm}"
                );
            }
            let longer = [&signature[..], &[0]].concat();
            assert!(key.verify_signature(&algorithm, b"message", &longer).is_err(), "{algorithm}");
        }
    }

    // JWK-08
    #[test]
    fn keys_for_other_purposes_are_no_keys() {
        let jwk = || TestKey::rsa().jwk(None);
        for (name, good) in [
            ("use", json!("sig")),
            ("use", json!(null)),
            ("key_ops", json!(["verify"])),
            ("key_ops", json!(["sign", "verify"])),
            ("alg", json!("PS384")),
            ("alg", json!(null)),
            ("kid", json!("")),
            ("x5c", json!(["not looked at"])),
            ("nbf", json!("not looked at")),
        ] {
            assert!(read(with(jwk(), name, good.clone())).is_ok(), "{name} {good}");
        }
        for (name, bad) in [
            ("use", json!("enc")),
            ("use", json!("SIG")),
            ("use", json!(["sig"])),
            ("key_ops", json!(["encrypt"])),
            ("key_ops", json!([])),
            ("key_ops", json!("verify")),
            ("alg", json!("RSA-OAEP")),
            ("alg", json!("ES256")),
            ("alg", json!("EdDSA")),
            ("alg", json!("HS256")),
            ("alg", json!("none")),
            ("alg", json!("RS1")),
            ("alg", json!(256)),
            ("kid", json!(1)),
            ("kty", json!("rsa")),
            ("kty", json!("EC")),
            ("kty", json!("oct")),
            ("kty", json!(null)),
        ] {
            assert!(read(with(jwk(), name, bad.clone())).is_err(), "{name} {bad}");
        }
    }

    // JWK-08
    #[test]
    fn a_key_does_its_own_algorithm_only() {
        let key = read(with(TestKey::rsa().jwk(None), "alg", json!("PS256"))).unwrap();
        for algorithm in SigningAlgorithm::ALL {
            assert_eq!(key.can_verify(algorithm), algorithm == SigningAlgorithm::Ps256, "{algorithm}");
        }
    }

    // JWK-09
    #[test]
    fn private_and_shared_keys_are_no_keys_and_are_not_shown() {
        const MARK: &str = "cHJpdmF0ZQ";
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            let refused = read(with(TestKey::rsa().jwk(None), name, json!(MARK))).unwrap_err();
            assert!(!refused.contains(MARK), "{refused}");
        }
        assert!(read(json!({"kty": "oct", "k": MARK, "alg": "HS256"})).is_err());
        let symmetric = <Key as JsonWebKey>::new_symmetric(MARK.into());
        assert!(SigningAlgorithm::ALL.iter().all(|algorithm| !symmetric.can_verify(*algorithm)));
        assert!(!format!("{symmetric:?}").contains(MARK));
    }

    #[test]
    fn a_key_is_written_as_it_is_read() {
        for algorithm in SigningAlgorithm::ALL {
            let jwk = with(TestKey::shared(algorithm).jwk(Some("a")), "use", json!("sig"));
            assert_eq!(serde_json::to_value(read(jwk.clone()).unwrap()).unwrap(), jwk);
        }
    }

    #[test]
    fn what_is_not_a_jwk_is_no_key() {
        for text in
            [json!(null), json!([]), json!("RSA"), json!({}), json!({"kty": "RSA"}), json!([{"kty": "RSA"}])]
        {
            assert!(read(text.clone()).is_err(), "{text}");
        }
    }
}
