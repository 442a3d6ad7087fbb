//! Ending the user's session at the provider.

use std::fmt;

use oidc_core::{ConfigError, Secret};
use url::Url;

use crate::{
    EndpointError, OidcClient,
    provider::{Endpoint, ProviderErrorKind},
    query::Query,
    redirect,
};

/// A logout URL in the making (OpenID Connect RP-Initiated Logout §2). [`build`](Self::build) gives the URL to send the user to.
#[must_use]
pub struct LogoutUrl {
    client: OidcClient,
    id_token_hint: Option<Secret>,
    return_to: Option<String>,
    state: Option<String>,
    ui_locales: Option<String>,
}

impl LogoutUrl {
    pub(crate) fn new(client: OidcClient) -> Self {
        Self { client, id_token_hint: None, return_to: None, state: None, ui_locales: None }
    }

    /// Sets whose session ends: the ID token of the login ([`TokenSet::id_token`](oidc_core::TokenSet::id_token)). Without it, many
    /// providers ask the user.
    pub fn id_token_hint(mut self, id_token: &Secret) -> Self {
        self.id_token_hint = Some(id_token.clone());
        self
    }

    /// Sets where the provider sends the user back to, exactly as it is registered. Take it from the configuration, never from a
    /// request.
    pub fn post_logout_redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.return_to = Some(uri.into());
        self
    }

    /// Sets what the provider hands back with the user, to know the answer by.
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// Sets the languages of the provider's pages, best first, as BCP 47 tags separated by spaces.
    pub fn ui_locales(mut self, locales: impl Into<String>) -> Self {
        self.ui_locales = Some(locales.into());
        self
    }

    /// Finishes the URL; asks for the provider's metadata if it is not known yet. The URL may hold the ID token: do not log it.
    ///
    /// # Errors
    /// [`EndpointError::Config`] for a return address that is none, or a state without one; [`EndpointError::Provider`] where the
    /// provider cannot be used or has no such endpoint.
    pub async fn build(self) -> Result<Url, EndpointError> {
        if let Some(uri) = &self.return_to {
            redirect::check("post_logout_redirect_uri", uri)?;
        } else if self.state.is_some() {
            return Err(ConfigError::Missing { field: "post_logout_redirect_uri" }.into());
        }
        let metadata = self.client.0.provider.metadata().await?;
        let field = Endpoint::EndSession.field();
        let missing = || EndpointError::Provider(ProviderErrorKind::MissingEndpoint { field }.into());
        let mut url = metadata.end_session_endpoint().cloned().ok_or_else(missing)?;
        let mut query = Query::after(url.query());
        query.add_some("id_token_hint", self.id_token_hint.as_ref().map(Secret::expose));
        query.add("client_id", self.client.client_id());
        query.add_some("post_logout_redirect_uri", self.return_to.as_deref());
        query.add_some("state", self.state.as_deref());
        query.add_some("ui_locales", self.ui_locales.as_deref());
        url.set_query(Some(query.as_str()));
        Ok(url)
    }
}

impl fmt::Debug for LogoutUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogoutUrl").field("return_to", &self.return_to).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{client, oauth_provider, provider};

    #[tokio::test]
    async fn the_url_names_who_leaves_and_where_to() {
        let (client, ..) = client(provider());
        let full = client
            .logout_url()
            .id_token_hint(&Secret::from("a.b.c"))
            .post_logout_redirect_uri("https://app.example/bye?x=1")
            .state("s p")
            .ui_locales("de en");
        assert_eq!(
            full.build().await.unwrap().as_str(),
            "https://id.example/logout?ui=1&id_token_hint=a.b.c&client_id=my%20client\
             &post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye%3Fx%3D1&state=s%20p&ui_locales=de%20en"
        );
        let bare = client.logout_url().build().await.unwrap();
        assert_eq!(bare.as_str(), "https://id.example/logout?ui=1&client_id=my%20client");
    }

    // LGO-07
    #[tokio::test]
    async fn users_are_sent_back_to_safe_places_only() {
        let (client, ..) = client(provider());
        for uri in ["http://evil.example/", "javascript:alert(1)", "/bye", ""] {
            let refused = client.logout_url().post_logout_redirect_uri(uri).build().await;
            assert!(matches!(refused, Err(EndpointError::Config(_))), "{uri}");
        }
        let lone_state = client.logout_url().state("s").build().await;
        assert!(matches!(lone_state, Err(EndpointError::Config(_))));
    }

    // LGO-08
    #[test]
    fn debug_shows_no_id_token() {
        let (client, ..) = client(oauth_provider());
        let logout = client.logout_url().id_token_hint(&Secret::from("canary")).state("canary");
        assert!(!format!("{logout:?}").contains("canary"));
    }
}
