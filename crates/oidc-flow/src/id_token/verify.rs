//! The way of an ID token through its checks.

use std::{str::FromStr, time::SystemTime};

use oidc_core::{Issuer, Secret};
use openidconnect::{
    ClaimsVerificationError, ClientId, EmptyAdditionalClaims, GenderClaim, IdToken, IdTokenVerifier,
    IssuerUrl, JsonWebKeySet, JweContentEncryptionAlgorithm, Nonce, SignatureVerificationError,
    core::CoreJsonWebKeyType,
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

use super::{IdTokenChecks, IdTokenClaims, IdTokenError, NonceCheck, protocol::ProtocolClaims};
use crate::{
    jose::{Compact, CompactError, Header, HeaderError, Key, SigningAlgorithm},
    provider::{Keys, NotNow, ProviderErrorKind, ProviderMetadata, ProviderState},
};

type Token = IdToken<EmptyAdditionalClaims, AnyGender, NoEncryption, SigningAlgorithm>;

impl ProviderState {
    /// Verifies an ID token (OIDC Core §3.1.3.7). Sends nothing but for metadata and keys that are not known yet.
    ///
    /// What needs no keys is checked first, so that a token that fails anyway causes no request.
    ///
    /// # Errors
    /// [`IdTokenError`].
    pub(crate) async fn verify_id_token(
        &self,
        compact: &Secret,
        checks: &IdTokenChecks<'_>,
    ) -> Result<IdTokenClaims, IdTokenError> {
        let token = Compact::parse(compact.expose())?;
        let claims = ProtocolClaims::read(&token.payload)?;
        let metadata = self.metadata().await.map_err(IdTokenError::Provider)?;
        let issuer = expected_issuer(&metadata)?;
        // openidconnect takes an `iss` that is no URL for an unreadable token.
        if claims.issuer != issuer.as_str() {
            return Err(IdTokenError::Issuer);
        }
        let allowed = match checks.algorithms {
            [] => metadata.id_token_signing_alg_values_supported(),
            chosen => chosen,
        };
        let header = Header::read(&token.header, allowed)?;
        let now = self.clock().wall();
        claims.check(checks, header.algorithm, now)?;
        let verification = Verification { compact, issuer, header: &header, checks, now };
        self.verify_with_keys(&metadata, &verification).await?;
        let audiences = claims.audiences.iter().map(|audience| (*audience).to_owned()).collect();
        Ok(IdTokenClaims::new(issuer.clone(), audiences, token.payload))
    }

    /// Verifies with the keys that are known, and where none of them is the token's, once more with newer ones.
    async fn verify_with_keys(
        &self,
        metadata: &ProviderMetadata,
        verification: &Verification<'_>,
    ) -> Result<(), IdTokenError> {
        let keys = self.keys(metadata).await.map_err(|error| match error.retry_after() {
            Some(retry_after) => IdTokenError::KeysNotYetAvailable { retry_after, source: Some(error) },
            None => IdTokenError::Provider(error),
        })?;
        let verified = verification.verify(&keys);
        // Keys without names can be told apart only by trying them: a signature that fits none may be that of a newer one.
        let may_be_newer = match &verified {
            Err(IdTokenError::UnknownKey) => true,
            Err(IdTokenError::BadSignature) => verification.header.key_id.is_none(),
            _ => false,
        };
        if !may_be_newer || keys.are_new() {
            return verified;
        }
        match (self.newer_keys(keys).await, verified) {
            (Ok(newer), _) => verification.verify(&newer),
            (Err(NotNow { retry_after, source }), Err(IdTokenError::UnknownKey)) => {
                Err(IdTokenError::KeysNotYetAvailable { retry_after, source })
            }
            (Err(_), verified) => verified,
        }
    }
}

/// What openidconnect verifies of one token: `iss`, `aud`, the signature, `exp`, and the nonce.
struct Verification<'a> {
    compact: &'a Secret,
    issuer: &'a Issuer,
    header: &'a Header,
    checks: &'a IdTokenChecks<'a>,
    now: SystemTime,
}

impl Verification<'_> {
    /// Tries the keys that the token may be signed with. openidconnect gives up where there are several, so it is given one by one.
    fn verify(&self, keys: &Keys) -> Result<(), IdTokenError> {
        let token = Token::from_str(self.compact.expose()).map_err(|_| {
            IdTokenError::Malformed("a standard claim is of another type than OpenID Connect gives it")
        })?;
        let mut verified = Err(IdTokenError::UnknownKey);
        for key in keys.set().candidates(self.header) {
            verified = self.verify_with(&token, key);
            if !matches!(verified, Err(IdTokenError::BadSignature)) {
                break;
            }
        }
        verified
    }

    fn verify_with(&self, token: &Token, key: &Key) -> Result<(), IdTokenError> {
        let issuer = IssuerUrl::new(self.issuer.as_str().to_owned()).map_err(|_| IdTokenError::Issuer)?;
        let client = ClientId::new(self.checks.client_id.to_owned());
        // Its calendar ends in a panic, far before ours. The other end is out of reach: `exp` was checked against it.
        let time = self.now.max(SystemTime::UNIX_EPOCH);
        let time = time.checked_sub(self.checks.leeway()).unwrap_or(time);
        let verifier =
            IdTokenVerifier::new_public_client(client, issuer, JsonWebKeySet::new(vec![key.clone()]))
                // `typ` was looked at in the header, and more strictly.
                .allow_all_jose_types()
                .set_allowed_algs([self.header.algorithm])
                .set_time_fn(move || time.into())
                .set_other_audience_verifier_fn(|other| {
                    self.checks.trusted_audiences.iter().any(|trusted| *trusted == **other)
                });
        match token.claims(&verifier, |claimed: Option<&Nonce>| self.check_nonce(claimed)) {
            Ok(_) => Ok(()),
            Err(error) => Err(refusal(&error)),
        }
    }

    fn check_nonce(&self, claimed: Option<&Nonce>) -> Result<(), String> {
        let passes = match (self.checks.nonce, claimed) {
            (NonceCheck::Sent(sent), Some(claimed)) => Secret::from(claimed.secret().as_str()) == *sent,
            (NonceCheck::Sent(_), None) => false,
            (NonceCheck::Unknown, _) => true,
        };
        if passes { Ok(()) } else { Err("nonce".to_owned()) }
    }
}

fn expected_issuer(metadata: &ProviderMetadata) -> Result<&Issuer, IdTokenError> {
    metadata
        .issuer()
        .ok_or_else(|| IdTokenError::Provider(ProviderErrorKind::MissingEndpoint { field: "issuer" }.into()))
}

fn refusal(error: &ClaimsVerificationError) -> IdTokenError {
    match error {
        ClaimsVerificationError::Expired(_) => IdTokenError::Expired,
        ClaimsVerificationError::InvalidAudience(_) => IdTokenError::Audience,
        ClaimsVerificationError::InvalidIssuer(_) => IdTokenError::Issuer,
        ClaimsVerificationError::InvalidNonce(_) => IdTokenError::Nonce,
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::DisallowedAlg(_)) => {
            IdTokenError::AlgNotAllowed
        }
        ClaimsVerificationError::SignatureVerification(_) => IdTokenError::BadSignature,
        _ => IdTokenError::Malformed("not an ID token"),
    }
}

/// Encrypted tokens are not taken, so there is no name of an algorithm to look for.
#[derive(Clone, Debug, Serialize)]
enum NoEncryption {}

impl<'de> Deserialize<'de> for NoEncryption {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("not encrypted"))
    }
}

impl JweContentEncryptionAlgorithm for NoEncryption {
    type KeyType = CoreJsonWebKeyType;

    fn key_type(&self) -> Result<CoreJsonWebKeyType, String> {
        match *self {}
    }
}

/// `gender` may be anything: nothing is done with it here.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct AnyGender(Value);

impl GenderClaim for AnyGender {}

impl From<CompactError> for IdTokenError {
    fn from(error: CompactError) -> Self {
        match error {
            CompactError::Malformed(reason) => Self::Malformed(reason),
            CompactError::TooLarge => Self::TooLarge,
            CompactError::Unsigned => Self::AlgNotAllowed,
        }
    }
}

impl From<HeaderError> for IdTokenError {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::AlgNotAllowed => Self::AlgNotAllowed,
            HeaderError::Malformed(reason) => Self::Malformed(reason),
        }
    }
}
