//! A real provider and a real API, named by environment variables.

use std::env;

use http::Uri;
use oidc_kit::{
    Callback, ClientAuth, Issuer, OidcClient, Origins, Provider, ReqwestTransport, Secret, flow::Session,
};

use crate::{Error, Stopwatch, loopback};

/// What the variables name: `OIDC_ISSUER`, `OIDC_CLIENT_ID`, `OIDC_CLIENT_SECRET` (for a confidential client), `OIDC_SCOPES` (if any),
/// `OIDC_REDIRECT_URI` (on this machine, default `http://127.0.0.1:8400/callback`) and `API_URL`.
pub struct Real {
    /// The client, as it is registered.
    pub client: OidcClient,
    /// What to call.
    pub api_url: String,
    /// Where tokens may go: the origin of `api_url`.
    pub origins: Origins,
    scopes: Vec<String>,
    redirect_uri: String,
}

impl Real {
    /// Reads the variables; nothing where `OIDC_ISSUER` is not set.
    pub fn from_env() -> Result<Option<Self>, Error> {
        let Ok(issuer) = env::var("OIDC_ISSUER") else { return Ok(None) };
        let default_redirect = || "http://127.0.0.1:8400/callback".to_owned();
        let redirect_uri = env::var("OIDC_REDIRECT_URI").unwrap_or_else(|_| default_redirect());
        let auth = match env::var("OIDC_CLIENT_SECRET") {
            Ok(secret) => ClientAuth::secret_basic(Secret::from(secret)),
            Err(_) => ClientAuth::none(),
        };
        let provider = Provider::discover(Issuer::new(issuer)?);
        let client = OidcClient::builder(provider, env::var("OIDC_CLIENT_ID")?)
            .auth(auth)
            .redirect_uri(&redirect_uri)
            .build(ReqwestTransport::new()?)?;
        let api_url = env::var("API_URL")?;
        let uri: Uri = api_url.parse()?;
        let origin =
            format!("{}://{}", uri.scheme_str().unwrap_or(""), uri.authority().ok_or("API_URL has no host")?);
        let scopes = env::var("OIDC_SCOPES").unwrap_or_default();
        let scopes = scopes.split_ascii_whitespace().map(str::to_owned).collect();
        Ok(Some(Self { client, api_url, origins: Origins::only([origin])?, scopes, redirect_uri }))
    }

    /// The scopes that were asked for.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// Has the user log in with a browser on this machine.
    pub async fn log_in(&self, watch: &Stopwatch) -> Result<Session, Error> {
        let login = self.client.login().offline_access().scopes(&self.scopes).start().await?;
        watch.say(format_args!("open this in your browser: {}", login.url));
        let query = loopback::wait_for_callback(&self.redirect_uri).await?;
        let callback = login.pending.check(&Callback::parse(&query)?)?;
        Ok(self.client.finish_login(login.pending, callback).await?)
    }
}
