//! Signature algorithms.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest;
use openidconnect::{JwsSigningAlgorithm, core::CoreJsonWebKeyType};
use serde::{Deserialize, Serialize};

/// A signature algorithm that is taken for ID tokens: asymmetric, and with at least 128 bits of strength for the hash
/// (RFC 7518 §3, RFC 8037). There is no `none`, and no HMAC, whose key a public client cannot keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// RSA PKCS #1 v1.5 with SHA-256, the default of OpenID Connect.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA PKCS #1 v1.5 with SHA-384.
    #[serde(rename = "RS384")]
    Rs384,
    /// RSA PKCS #1 v1.5 with SHA-512.
    #[serde(rename = "RS512")]
    Rs512,
    /// RSA PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSA PSS with SHA-384.
    #[serde(rename = "PS384")]
    Ps384,
    /// RSA PSS with SHA-512.
    #[serde(rename = "PS512")]
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// ECDSA on P-521 with SHA-512.
    #[serde(rename = "ES512")]
    Es512,
    /// EdDSA on edwards25519, by its old name `EdDSA` or by its own name `Ed25519` (RFC 9864). EdDSA on other curves is not taken.
    #[serde(rename = "EdDSA", alias = "Ed25519")]
    EdDsa,
}

impl SigningAlgorithm {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// The name in the `alg` member of JOSE headers and keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The hash of the algorithm, as `at_hash` and `c_hash` use it (OIDC Core §3.1.3.6); Ed25519 has SHA-512 inside.
    pub(crate) fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 => &digest::SHA256,
            Self::Rs384 | Self::Ps384 | Self::Es384 => &digest::SHA384,
            Self::Rs512 | Self::Ps512 | Self::Es512 | Self::EdDsa => &digest::SHA512,
        }
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SigningAlgorithm {
    type Err = UnknownAlgorithm;

    /// Reads the name of an algorithm; letter case counts (RFC 7515 §4.1.1).
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        let is_named =
            |algorithm: &Self| algorithm.as_str() == name || (*algorithm == Self::EdDsa && name == "Ed25519");
        Self::ALL.into_iter().find(is_named).ok_or(UnknownAlgorithm)
    }
}

/// The name is not one of a [`SigningAlgorithm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAlgorithm;

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown or unsafe signature algorithm")
    }
}

impl std::error::Error for UnknownAlgorithm {}

impl JwsSigningAlgorithm for SigningAlgorithm {
    type KeyType = CoreJsonWebKeyType;

    fn key_type(&self) -> Option<CoreJsonWebKeyType> {
        Some(match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                CoreJsonWebKeyType::RSA
            }
            Self::Es256 | Self::Es384 | Self::Es512 => CoreJsonWebKeyType::EllipticCurve,
            Self::EdDsa => CoreJsonWebKeyType::OctetKeyPair,
        })
    }

    fn uses_shared_secret(&self) -> bool {
        false
    }

    fn rsa_sha_256() -> Self {
        Self::Rs256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for algorithm in SigningAlgorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
            let json = serde_json::to_value(algorithm).unwrap();
            assert_eq!(json, algorithm.as_str());
            assert_eq!(serde_json::from_value::<SigningAlgorithm>(json).unwrap(), algorithm);
        }
        assert_eq!("Ed25519".parse(), Ok(SigningAlgorithm::EdDsa));
        assert_eq!(
            serde_json::from_value::<SigningAlgorithm>("Ed25519".into()).unwrap(),
            SigningAlgorithm::EdDsa
        );
    }

    // JOS-01, JOS-02
    #[test]
    fn nothing_weaker_has_a_name() {
        for name in [
            "", "none", "None", "nOnE", "HS256", "HS512", "rs256", "RS1", "ES256K", "Ed448", "RSA-OAEP",
            "dir", "RS256 ",
        ] {
            assert_eq!(name.parse::<SigningAlgorithm>(), Err(UnknownAlgorithm), "{name}");
            assert!(serde_json::from_value::<SigningAlgorithm>(name.into()).is_err(), "{name}");
        }
    }
}
