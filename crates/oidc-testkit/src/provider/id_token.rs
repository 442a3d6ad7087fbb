//! ID tokens (OpenID Connect Core §2).

use std::{
    io,
    time::{Duration, SystemTime},
};

use aws_lc_rs::digest;

use super::{
    JsonObject,
    keys::base64url,
    ledger::Login,
    odd::BadIdToken,
    state::{Shared, State},
};

/// An ID token for this login; `None` where it has no user or did not ask for `openid`.
pub(super) fn issue(
    shared: &Shared,
    state: &mut State,
    login: &Login,
    access: &str,
    nonce: Option<&str>,
    bad: Option<BadIdToken>,
) -> io::Result<Option<String>> {
    let Some(subject) = login.subject.as_deref().filter(|_| login.has_scope("openid")) else {
        return Ok(None);
    };
    let mut claims = claims(shared, login, subject, access, nonce);
    if let Some(bad) = bad {
        bad.apply(&mut claims);
    }
    let token = state.keys.sign(shared.config.signing, claims, bad)?;
    state.id_tokens.push((token.clone(), login.client.clone()));
    Ok(Some(token))
}

fn claims(shared: &Shared, login: &Login, subject: &str, access: &str, nonce: Option<&str>) -> JsonObject {
    let now = shared.config.clock.wall();
    let ends = now.checked_add(shared.config.id_token_lifetime).unwrap_or(now);
    let mut claims = JsonObject::default();
    claims.set("iss", &shared.issuer);
    claims.set("sub", subject);
    claims.set("aud", &login.client);
    claims.set("iat", seconds(now));
    claims.set("exp", seconds(ends));
    claims.set("auth_time", seconds(login.auth_time));
    claims.set("at_hash", half_hash(access));
    if let Some(nonce) = nonce {
        claims.set("nonce", nonce);
    }
    if let Some(acr) = &login.acr {
        claims.set("acr", acr);
    }
    if shared.config.authorized_party {
        claims.set("azp", &login.client);
    }
    claims
}

/// The left half of the SHA-256 hash (OpenID Connect Core §3.1.3.6, for RS256 and ES256).
fn half_hash(access: &str) -> String {
    let hash = digest::digest(&digest::SHA256, access.as_bytes());
    base64url(hash.as_ref().get(..16).unwrap_or_default())
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    // OpenID Connect Core, Appendix A.3
    #[test]
    fn the_hash_of_an_access_token_is_the_one_of_the_specification() {
        assert_eq!(half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
