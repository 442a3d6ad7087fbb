//! The claims that the protocol is about, and what has to be true of them.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use oidc_core::Secret;
use serde_json::{Map, Value};

use super::{IdTokenChecks, IdTokenError};
use crate::jose::SigningAlgorithm;

/// The claims of OIDC Core §2 and RFC 7519 §4.1 that are checked, each of its type. One of another type refuses the token: a check
/// that cannot be made is not a check that passed.
#[derive(Debug)]
pub(super) struct ProtocolClaims<'a> {
    pub(super) issuer: &'a str,
    pub(super) audiences: Vec<&'a str>,
    subject: &'a str,
    expires_at: f64,
    issued_at: f64,
    not_before: Option<f64>,
    auth_time: Option<f64>,
    authorized_party: Option<&'a str>,
    acr: Option<&'a str>,
    access_token_hash: Option<&'a str>,
    code_hash: Option<&'a str>,
}

impl<'a> ProtocolClaims<'a> {
    /// Reads them.
    ///
    /// # Errors
    /// The [`IdTokenError`] of the claim that is missing or of another type.
    pub(super) fn read(claims: &'a Map<String, Value>) -> Result<Self, IdTokenError> {
        check_kind(claims)?;
        text(claims, "nonce", IdTokenError::Nonce)?;
        Ok(Self {
            issuer: text(claims, "iss", IdTokenError::Issuer)?.ok_or(IdTokenError::Issuer)?,
            audiences: audiences(claims)?,
            subject: text(claims, "sub", IdTokenError::Subject)?.ok_or(IdTokenError::Subject)?,
            expires_at: time(claims, "exp")?.ok_or(IdTokenError::Malformed("without exp"))?,
            issued_at: time(claims, "iat")?.ok_or(IdTokenError::Malformed("without iat"))?,
            not_before: time(claims, "nbf")?,
            auth_time: time(claims, "auth_time")?,
            authorized_party: text(claims, "azp", IdTokenError::AuthorizedParty)?,
            acr: text(claims, "acr", IdTokenError::Acr)?,
            access_token_hash: text(claims, "at_hash", IdTokenError::AccessTokenHash)?,
            code_hash: text(claims, "c_hash", IdTokenError::CodeHash)?,
        })
    }

    /// Checks what can be checked without keys. `sub`, `azp`, `nbf`, `iat`, `auth_time`, `acr`, `at_hash` and `c_hash` nobody checks but
    /// this; `aud` and `exp` openidconnect checks again when it verifies the signature.
    ///
    /// # Errors
    /// The [`IdTokenError`] of the first claim that is not as it has to be.
    pub(super) fn check(
        &self,
        checks: &IdTokenChecks<'_>,
        algorithm: SigningAlgorithm,
        now: SystemTime,
    ) -> Result<(), IdTokenError> {
        self.check_audiences(checks)?;
        self.check_authorized_party(checks.client_id)?;
        self.check_subject(checks.subject)?;
        self.check_times(checks, seconds(now)).map_err(|fault| self.or_clock_skew(fault, checks, now))?;
        self.check_auth_time(checks, seconds(now))?;
        if !checks.acr_values.is_empty()
            && !checks.acr_values.iter().any(|one| Some(one.as_str()) == self.acr)
        {
            return Err(IdTokenError::Acr);
        }
        if !fits(self.access_token_hash, checks.access_token, algorithm) {
            return Err(IdTokenError::AccessTokenHash);
        }
        if !fits(self.code_hash, checks.code, algorithm) {
            return Err(IdTokenError::CodeHash);
        }
        Ok(())
    }

    /// OIDC Core §3.1.3.7, 3.
    fn check_audiences(&self, checks: &IdTokenChecks<'_>) -> Result<(), IdTokenError> {
        let is_trusted = |audience: &&str| {
            *audience == checks.client_id
                || checks.trusted_audiences.iter().any(|trusted| trusted == audience)
        };
        match self.audiences.contains(&checks.client_id) && self.audiences.iter().all(is_trusted) {
            true => Ok(()),
            false => Err(IdTokenError::Audience),
        }
    }

    fn check_subject(&self, expected: Option<&str>) -> Result<(), IdTokenError> {
        // OIDC Core §2: at most 255 ASCII characters.
        let is_subject = (1..=255).contains(&self.subject.len());
        match is_subject && expected.is_none_or(|expected| expected == self.subject) {
            true => Ok(()),
            false => Err(IdTokenError::Subject),
        }
    }

    /// OIDC Core §3.1.3.7, 4 and 5.
    fn check_authorized_party(&self, client_id: &str) -> Result<(), IdTokenError> {
        let for_others_too = self.audiences.iter().any(|audience| *audience != client_id);
        match self.authorized_party {
            Some(party) if party == client_id => Ok(()),
            None if !for_others_too => Ok(()),
            _ => Err(IdTokenError::AuthorizedParty),
        }
    }

    fn check_times(&self, checks: &IdTokenChecks<'_>, now: f64) -> Result<(), IdTokenError> {
        let leeway = checks.leeway().as_secs_f64();
        if now - leeway >= self.expires_at {
            return Err(IdTokenError::Expired);
        }
        if self.not_before.is_some_and(|not_before| not_before > now + leeway) {
            return Err(IdTokenError::NotBefore);
        }
        let oldest = checks.max_iat_age.map(|age| now - leeway - age.as_secs_f64());
        if self.issued_at > now + leeway || oldest.is_some_and(|oldest| self.issued_at < oldest) {
            return Err(IdTokenError::IssuedAt);
        }
        Ok(())
    }

    /// OIDC Core §3.1.3.7, 13.
    fn check_auth_time(&self, checks: &IdTokenChecks<'_>, now: f64) -> Result<(), IdTokenError> {
        let Some(max_age) = checks.max_age else { return Ok(()) };
        let leeway = checks.leeway().as_secs_f64();
        let oldest = now - leeway - max_age.as_secs_f64();
        match self.auth_time {
            Some(auth_time) if auth_time >= oldest && auth_time <= now + leeway => Ok(()),
            _ => Err(IdTokenError::AuthTime),
        }
    }

    /// Whether it is not the token that is wrong but this machine's clock: by the time of the provider, the token would pass.
    fn or_clock_skew(
        &self,
        fault: IdTokenError,
        checks: &IdTokenChecks<'_>,
        now: SystemTime,
    ) -> IdTokenError {
        let Some(server_time) = checks.server_time else { return fault };
        let (estimate, ahead) = match now.duration_since(server_time) {
            Ok(ahead) => (ahead, true),
            Err(behind) => (behind.duration(), false),
        };
        match estimate > checks.leeway() && self.check_times(checks, seconds(server_time)).is_ok() {
            true => IdTokenError::ClockSkew { estimate, ahead },
            false => fault,
        }
    }
}

/// Each kind of token is taken only in its place: logout tokens and other security events (RFC 8417 §2.2) have `events`; some
/// providers name the kind of their tokens in a claim.
fn check_kind(claims: &Map<String, Value>) -> Result<(), IdTokenError> {
    let other_use = claims.get("token_use").is_some_and(|usage| usage != "id");
    let other_type = claims.get("typ").and_then(Value::as_str).is_some_and(is_other_type);
    match claims.contains_key("events") || other_use || other_type {
        false => Ok(()),
        true => Err(IdTokenError::Malformed("another kind of token")),
    }
}

/// What Keycloak writes into the claim `typ` of tokens that are no ID tokens.
fn is_other_type(name: &str) -> bool {
    ["Bearer", "DPoP", "Logout", "Offline", "Refresh"].iter().any(|other| name.eq_ignore_ascii_case(other))
}

fn text<'a>(
    claims: &'a Map<String, Value>,
    name: &str,
    otherwise: IdTokenError,
) -> Result<Option<&'a str>, IdTokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(otherwise),
    }
}

/// Seconds since 1970 (RFC 7519 §2). Beyond the year 9999 no time is meant.
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, IdTokenError> {
    const LATEST: f64 = 253_402_300_799.0;
    let Some(claim) = claims.get(name) else { return Ok(None) };
    match claim.as_f64().filter(|_| claim.is_number()) {
        Some(seconds) if (0.0..=LATEST).contains(&seconds) => Ok(Some(seconds)),
        _ => Err(IdTokenError::Malformed("a time is not a number of seconds since 1970")),
    }
}

/// One audience, or a list of them; at least one, and nothing but text.
fn audiences(claims: &Map<String, Value>) -> Result<Vec<&str>, IdTokenError> {
    let audiences: Option<Vec<&str>> = match claims.get("aud") {
        Some(Value::String(one)) => Some(vec![one]),
        Some(Value::Array(list)) => list.iter().map(Value::as_str).collect(),
        _ => None,
    };
    audiences.filter(|list| !list.is_empty()).ok_or(IdTokenError::Audience)
}

/// Whether `hash`, where there is one, is the left half of the hash of `value`, where that is known (OIDC Core §3.1.3.6).
fn fits(hash: Option<&str>, value: Option<&Secret>, algorithm: SigningAlgorithm) -> bool {
    let (Some(hash), Some(value)) = (hash, value) else { return true };
    let digest = digest::digest(algorithm.digest(), value.expose().as_bytes());
    let half = digest.as_ref().len() / 2;
    digest.as_ref().get(..half).is_some_and(|half| BASE64_URL_SAFE_NO_PAD.encode(half) == hash)
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}
