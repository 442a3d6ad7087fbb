//! Authorization codes.

use aws_lc_rs::digest;
use oidc_core::BootTime;

use super::{Ledger, Login, LoginId, random};
use crate::provider::{judge::Judge, keys::base64url, oauth::Refusal};

/// What a code is bound to.
#[derive(Debug)]
pub(crate) struct CodeBinding {
    pub(crate) redirect_uri: Option<String>,
    /// The S256 challenge (RFC 7636 §4.2).
    pub(crate) challenge: String,
}

#[derive(Debug)]
pub(super) struct Code {
    login: Login,
    binding: CodeBinding,
    ends: BootTime,
    redeemed: Option<LoginId>,
}

impl Ledger {
    pub(crate) fn issue_code(&mut self, now: BootTime, login: Login, binding: CodeBinding) -> String {
        let code = random("code");
        let ends = now.after(self.rules.code_lifetime);
        self.codes.insert(code.clone(), Code { login, binding, ends, redeemed: None });
        code
    }

    /// Spends a code (RFC 6749 §4.1.3, RFC 7636 §4.6). A code that is used again ends the login it was used
    /// for.
    pub(crate) fn redeem_code(
        &mut self,
        now: BootTime,
        judge: &mut Judge,
        client: &str,
        code: &str,
        redirect_uri: Option<&str>,
        verifier: &str,
    ) -> Result<LoginId, Refusal> {
        let entry = self.codes.get(code).filter(|entry| entry.login.client == client);
        let entry = entry.ok_or(Refusal::invalid_grant("no such code for this client"))?;
        if let Some(login) = entry.redeemed {
            judge.codes_replayed += 1;
            self.end_family(login, judge);
            return Err(Refusal::invalid_grant("the code was used before"));
        }
        if now >= entry.ends {
            return Err(Refusal::invalid_grant("the code has expired"));
        }
        if entry.binding.redirect_uri.as_deref() != redirect_uri {
            return Err(Refusal::invalid_grant("redirect_uri is not the one of the authorization request"));
        }
        if !is_verifier(verifier) || challenge_of(verifier) != entry.binding.challenge {
            return Err(Refusal::invalid_grant("code_verifier does not match the challenge"));
        }
        let id = self.open_login(entry.login.clone());
        if let Some(entry) = self.codes.get_mut(code) {
            entry.redeemed = Some(id);
        }
        Ok(id)
    }
}

/// Whether it has the form of a code verifier or of an S256 challenge: 43 to 128 unreserved characters (RFC
/// 7636 §4.1).
pub(crate) fn is_verifier(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

fn challenge_of(verifier: &str) -> String {
    base64url(digest::digest(&digest::SHA256, verifier.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{at, ledger, login},
        *,
    };
    use crate::Rotation;

    // RFC 7636 Appendix B
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn a_code_is_good_once_for_whoever_can_show_the_verifier() {
        let mut ledger = ledger(Rotation::Strict);
        let mut judge = Judge::default();
        let uri = Some("app://cb");
        let binding = CodeBinding { redirect_uri: uri.map(str::to_owned), challenge: CHALLENGE.to_owned() };
        let code = ledger.issue_code(at(0), login(), binding);
        let mut redeem = |seconds, client, uri, verifier: &str| {
            ledger.redeem_code(at(seconds), &mut judge, client, &code, uri, verifier)
        };
        assert!(redeem(0, "other", uri, VERIFIER).is_err());
        assert!(redeem(0, "app", None, VERIFIER).is_err());
        assert!(redeem(0, "app", uri, &VERIFIER.to_lowercase()).is_err());
        assert!(redeem(0, "app", uri, CHALLENGE).is_err());
        assert!(redeem(60, "app", uri, VERIFIER).is_err());
        let login = redeem(59, "app", uri, VERIFIER).unwrap();
        assert!(redeem(59, "app", uri, VERIFIER).is_err());
        assert!(ledger.login(login).is_none());
        assert_eq!((judge.codes_replayed, judge.families_revoked), (1, 1));
    }
}
