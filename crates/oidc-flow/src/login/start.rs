//! The URL that starts a login.

use std::{fmt, time::Duration};

use oauth2::CsrfToken;
use oidc_core::{Scopes, Secret, Subject};
use url::Url;

use super::{PendingLogin, pkce};
use crate::{
    LoginError, OidcClient,
    provider::{Endpoint, ProviderErrorKind, ProviderMetadata},
    query::Query,
};

/// A login that was started: send the user to the URL, and keep the rest until the user comes back.
///
/// `Debug` shows neither.
#[non_exhaustive]
pub struct LoginStart {
    /// Where the user's browser goes. It holds the state and the nonce: do not log it.
    pub url: Url,
    /// What has to be remembered until the callback.
    pub pending: PendingLogin,
}

impl fmt::Debug for LoginStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginStart")
            .field("host", &self.url.host_str())
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

/// A login request that was checked.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) redirect_uri: Option<String>,
    pub(super) subject: Option<Subject>,
    pub(super) scopes: Vec<String>,
    pub(super) max_age: Option<Duration>,
    pub(super) has_nonce: bool,
    pub(super) resources: Vec<String>,
    pub(super) parameters: Vec<(String, String)>,
}

impl Plan {
    pub(super) fn start(
        self,
        client: &OidcClient,
        metadata: &ProviderMetadata,
    ) -> Result<LoginStart, LoginError> {
        let endpoint = metadata.authorization_endpoint().ok_or(LoginError::Provider(
            ProviderErrorKind::MissingEndpoint { field: Endpoint::Authorization.field() }.into(),
        ))?;
        let (verifier, challenge) = pkce::new_pair();
        let clock = client.0.provider.clock();
        let pending = PendingLogin {
            authority: client.provider().authority().clone(),
            client: client.client_id().to_owned(),
            state: random(),
            verifier,
            nonce: self.has_nonce.then(random),
            max_age: self.max_age,
            subject: self.subject.clone(),
            scopes: Scopes::parse(&self.scopes.join(" ")),
            resources: self.resources.clone(),
            redirect_uri: self.redirect_uri.clone(),
            issuer: metadata.issuer().cloned(),
            issuer_required: metadata.authorization_response_iss_parameter_supported(),
            started: clock.wall(),
            started_boot: Some(clock.boot()),
        };
        Ok(LoginStart { url: self.url(endpoint, &pending, &challenge), pending })
    }

    /// The endpoint with its own query and ours. Spaces are `%20`, and nothing has to be encoded again on the way.
    fn url(&self, endpoint: &Url, pending: &PendingLogin, challenge: &str) -> Url {
        let mut query = Query::after(endpoint.query());
        query.add("response_type", "code");
        query.add("client_id", &pending.client);
        query.add_some("redirect_uri", self.redirect_uri.as_deref());
        query.add_scopes(&self.scopes);
        query.add("state", pending.state.expose());
        query.add_some("nonce", pending.nonce.as_ref().map(Secret::expose));
        query.add("code_challenge", challenge);
        query.add("code_challenge_method", "S256");
        self.resources.iter().for_each(|resource| query.add("resource", resource));
        self.parameters.iter().for_each(|(name, value)| query.add(name, value));
        let mut url = endpoint.clone();
        url.set_query(Some(query.as_str()));
        url
    }
}

/// 32 random bytes as 43 characters.
fn random() -> Secret {
    Secret::from(CsrfToken::new_random_len(32).into_secret())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::fake::{client, provider};

    // The documents that providers give to developers demand spaces as %20.
    #[tokio::test]
    async fn the_url_is_written_as_the_documents_write_it() {
        let (client, ..) = client(provider());
        let start =
            client.login().scopes(["banking/read", "banking/write"]).offline_access().start().await.unwrap();
        let (state, nonce) = (start.pending.state.expose(), start.pending.nonce.as_ref().unwrap().expose());
        let challenge =
            start.url.query_pairs().find(|(name, _)| name == "code_challenge").unwrap().1.into_owned();
        let expected = format!(
            "https://id.example/authorize?tenant=a%20b&response_type=code&client_id=my%20client\
             &redirect_uri=https%3A%2F%2Fapp.example%2Fcallback%3Fa%3Db\
             &scope=openid%20offline_access%20banking/read%20banking/write\
             &state={state}&nonce={nonce}&code_challenge={challenge}&code_challenge_method=S256"
        );
        assert_eq!(start.url.as_str(), expected);
    }

    // AUT-14
    #[tokio::test]
    async fn nothing_random_repeats() {
        let (client, ..) = client(provider());
        let mut seen = HashSet::new();
        for _ in 0..1_000 {
            let pending = client.login().start().await.unwrap().pending;
            for secret in [&pending.state, &pending.verifier, pending.nonce.as_ref().unwrap()] {
                assert_eq!(secret.expose().len(), 43);
                assert!(seen.insert(secret.expose().to_owned()));
            }
        }
    }

    // AUT-14, LEA-01
    #[tokio::test]
    async fn debug_shows_nothing_of_it_and_the_url_no_verifier() {
        let (client, ..) = client(provider());
        let start = client.login().start().await.unwrap();
        let shown = format!("{start:#?}");
        for secret in [&start.pending.state, &start.pending.verifier, start.pending.nonce.as_ref().unwrap()] {
            assert!(!shown.contains(&secret.expose()[..8]));
        }
        assert!(!start.url.as_str().contains(start.pending.verifier.expose()));
    }
}
