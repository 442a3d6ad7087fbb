//! Keys that sign, for tests.

use std::sync::LazyLock;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::SigningAlgorithm;

/// A private key. Its algorithm is that of the token, so that one RSA key signs in six ways.
pub(crate) enum TestKey {
    Rsa(RsaKeyPair),
    Elliptic(&'static str, EcdsaKeyPair),
    Edwards(Ed25519KeyPair),
}

impl TestKey {
    /// A new key for this algorithm. RSA keys are slow to make: see [`rsa`](Self::rsa).
    pub(crate) fn new(algorithm: SigningAlgorithm) -> Self {
        let elliptic = |curve, algorithm| Self::Elliptic(curve, EcdsaKeyPair::generate(algorithm).unwrap());
        match algorithm {
            SigningAlgorithm::Es256 => elliptic("P-256", &signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            SigningAlgorithm::Es384 => elliptic("P-384", &signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            SigningAlgorithm::Es512 => elliptic("P-521", &signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            SigningAlgorithm::EdDsa => Self::Edwards(Ed25519KeyPair::generate().unwrap()),
            _ => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        }
    }

    /// The RSA key that all tests share.
    pub(crate) fn rsa() -> &'static Self {
        static KEY: LazyLock<TestKey> = LazyLock::new(|| TestKey::new(SigningAlgorithm::Rs256));
        &KEY
    }

    /// A key for this algorithm that all tests share.
    pub(crate) fn shared(algorithm: SigningAlgorithm) -> &'static Self {
        use SigningAlgorithm as Alg;
        static KEYS: LazyLock<[TestKey; 4]> =
            LazyLock::new(|| [Alg::Es256, Alg::Es384, Alg::Es512, Alg::EdDsa].map(TestKey::new));
        match algorithm {
            Alg::Es256 => &KEYS[0],
            Alg::Es384 => &KEYS[1],
            Alg::Es512 => &KEYS[2],
            Alg::EdDsa => &KEYS[3],
            _ => Self::rsa(),
        }
    }

    /// The public half.
    pub(crate) fn jwk(&self, kid: Option<&str>) -> Value {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match self {
            Self::Rsa(key) => {
                let [n, e] = integers(key.public_key().as_ref());
                json!({"kty": "RSA", "n": encode(n), "e": encode(e)})
            }
            Self::Elliptic(curve, key) => {
                let (x, y) =
                    key.public_key().as_ref()[1..].split_at((key.public_key().as_ref().len() - 1) / 2);
                json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)})
            }
            Self::Edwards(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().as_ref())})
            }
        };
        if let Some(kid) = kid {
            jwk["kid"] = kid.into();
        }
        jwk
    }

    pub(crate) fn sign(&self, algorithm: SigningAlgorithm, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                let encoding: &'static dyn signature::RsaEncoding = match algorithm {
                    SigningAlgorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
                    SigningAlgorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
                    SigningAlgorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
                    SigningAlgorithm::Ps256 => &signature::RSA_PSS_SHA256,
                    SigningAlgorithm::Ps384 => &signature::RSA_PSS_SHA384,
                    SigningAlgorithm::Ps512 => &signature::RSA_PSS_SHA512,
                    other => panic!("an RSA key does not do {other}"),
                };
                let mut signed = vec![0; key.public_modulus_len()];
                key.sign(encoding, &SystemRandom::new(), message, &mut signed).unwrap();
                signed
            }
            Self::Elliptic(_, key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Edwards(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// A token with this header, to which `alg` is added, and these claims.
    pub(crate) fn token(&self, algorithm: SigningAlgorithm, mut header: Value, claims: &Value) -> String {
        header["alg"] = algorithm.as_str().into();
        self.token_of(algorithm, &header.to_string(), &claims.to_string())
    }

    /// A token with exactly this header and payload.
    pub(crate) fn token_of(&self, algorithm: SigningAlgorithm, header: &str, payload: &str) -> String {
        let input =
            format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(payload));
        let signed = self.sign(algorithm, input.as_bytes());
        format!("{input}.{}", BASE64_URL_SAFE_NO_PAD.encode(signed))
    }
}

/// The two integers of a DER `SEQUENCE { INTEGER n, INTEGER e }`, without leading zeros.
fn integers(der: &[u8]) -> [&[u8]; 2] {
    let (0x30, sequence, _) = element(der) else { panic!("not a sequence") };
    let (0x02, n, rest) = element(sequence) else { panic!("not an integer") };
    let (0x02, e, _) = element(rest) else { panic!("not an integer") };
    [n, e].map(|number| &number[number.iter().take_while(|byte| **byte == 0).count()..])
}

/// Tag, content, and what follows.
fn element(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let (tag, length, content) = match der[1] {
        short @ 0..=0x7f => (der[0], usize::from(short), &der[2..]),
        long => {
            let (bytes, content) = der[2..].split_at(usize::from(long & 0x7f));
            (der[0], bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), content)
        }
    };
    let (content, rest) = content.split_at(length);
    (tag, content, rest)
}
