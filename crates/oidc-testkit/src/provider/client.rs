//! The clients that the provider knows.

use url::{Host, Url};

/// A client as it is registered at the provider.
///
/// ```
/// use oidc_testkit::TestClient;
///
/// let app = TestClient::public("app").redirect_uri("http://127.0.0.1/callback");
/// let web = TestClient::confidential("web", "secret").redirect_uri("https://web.example/callback");
/// ```
#[derive(Clone, Debug)]
pub struct TestClient {
    id: String,
    secret: Option<String>,
    authentication: Option<ClientAuthentication>,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
}

/// How a confidential client shows who it is (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// `client_secret_basic`: both parts form-encoded, as the RFC demands.
    Basic,
    /// `client_secret_post`.
    Post,
}

impl TestClient {
    /// A client without a secret.
    pub fn public(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            secret: None,
            authentication: None,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
        }
    }

    /// A client with a secret, which may also use the client credentials grant.
    pub fn confidential(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { secret: Some(secret.into()), ..Self::public(id) }
    }

    /// Demands this way of showing the secret; without, a confidential client may use either.
    #[must_use]
    pub fn authentication(mut self, authentication: ClientAuthentication) -> Self {
        self.authentication = Some(authentication);
        self
    }

    /// Adds a redirect URI. It is compared character by character, but for the port of `http://127.0.0.1` and
    /// `http://[::1]`, which may be any (RFC 8252 §7.3).
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(uri.into());
        self
    }

    /// Adds a URI to which users are sent after logout; compared like a redirect URI.
    #[must_use]
    pub fn post_logout_redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.post_logout_redirect_uris.push(uri.into());
        self
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn is_public(&self) -> bool {
        self.secret.is_none()
    }

    pub(super) fn accepts(&self, authentication: ClientAuthentication, secret: &str) -> bool {
        self.secret.as_deref() == Some(secret)
            && self.authentication.is_none_or(|demanded| demanded == authentication)
    }

    /// The redirect URI to use: the one that was sent, if it is registered, or the only one there is.
    pub(super) fn redirect_target(&self, sent: Option<&str>) -> Option<String> {
        match (sent, self.redirect_uris.as_slice()) {
            (Some(sent), registered) => is_registered(registered, sent).then(|| sent.to_owned()),
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
        }
    }

    pub(super) fn may_return_to(&self, uri: &str) -> bool {
        is_registered(&self.post_logout_redirect_uris, uri)
    }
}

fn is_registered(registered: &[String], uri: &str) -> bool {
    registered.iter().any(|one| one == uri || same_but_for_the_port(one, uri) == Some(true))
}

fn same_but_for_the_port(registered: &str, sent: &str) -> Option<bool> {
    let (mut registered, mut sent) = (Url::parse(registered).ok()?, Url::parse(sent).ok()?);
    let loopback = match registered.host()? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(_) => false,
    };
    registered.set_port(None).ok()?;
    sent.set_port(None).ok()?;
    Some(loopback && registered.scheme() == "http" && registered == sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_port_of_a_loopback_address_may_differ() {
        let client = TestClient::public("app")
            .redirect_uri("http://127.0.0.1/callback")
            .redirect_uri("https://app.example/callback");
        for good in
            ["http://127.0.0.1/callback", "http://127.0.0.1:4711/callback", "https://app.example/callback"]
        {
            assert_eq!(client.redirect_target(Some(good)).as_deref(), Some(good));
        }
        for bad in [
            "http://127.0.0.1:4711/callback2",
            "http://127.0.0.1:4711/callback?a=b",
            "https://127.0.0.1:4711/callback",
            "http://localhost/callback",
            "https://app.example:444/callback",
            "https://app.example/callback/",
            "",
        ] {
            assert_eq!(client.redirect_target(Some(bad)), None, "{bad}");
        }
        assert_eq!(client.redirect_target(None), None);
    }

    #[test]
    fn a_redirect_uri_may_be_left_out_where_there_is_only_one() {
        let client = TestClient::public("app").redirect_uri("app://callback");
        assert_eq!(client.redirect_target(None).as_deref(), Some("app://callback"));
    }

    #[test]
    fn a_secret_is_accepted_only_the_way_that_is_demanded() {
        let any = TestClient::confidential("web", "s");
        let post = any.clone().authentication(ClientAuthentication::Post);
        assert!(
            any.accepts(ClientAuthentication::Basic, "s") && any.accepts(ClientAuthentication::Post, "s")
        );
        assert!(
            post.accepts(ClientAuthentication::Post, "s") && !post.accepts(ClientAuthentication::Basic, "s")
        );
        assert!(!any.accepts(ClientAuthentication::Basic, "t"));
        assert!(!TestClient::public("app").accepts(ClientAuthentication::Post, ""));
    }
}
