//! A service that signs in by itself.

use std::time::Duration;

use http::{
    Request,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use oidc_core::{Credential, TokenSource};
use oidc_refresh::RefreshingSource;
use serde_json::Value;

use crate::{
    refresh::pause,
    report::Broken,
    site::{Registered, SECRET, Site},
};

/// Longer than the provider's access tokens live.
const OVER: Duration = Duration::from_millis(3_500);

/// The provider knows the token that the service won, and another one after it has ended.
pub(crate) async fn client_credentials(site: &Site) -> Result<(), Broken> {
    let (client, _) = site.client(Registered::Service)?;
    let source = RefreshingSource::builder(client.client_credentials(["read"])?).build()?;
    let first = source.token().await?;
    Broken::unless(is_active(site, &first).await?, "the provider does not know the token")?;
    pause(OVER).await;
    Broken::unless(!is_active(site, &first).await?, "the token does not end")?;
    let second = source.token().await?;
    Broken::unless(!second.is_same_token(&first), "the source gave a token that has ended")?;
    Broken::unless(is_active(site, &second).await?, "the provider does not know the second token")
}

/// Whether the provider says that a token is alive (RFC 7662).
async fn is_active(site: &Site, credential: &Credential) -> Result<bool, Broken> {
    let mut request = Request::new(());
    credential.clone().apply(&mut request)?;
    let token =
        request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", "post")
        .append_pair("client_secret", SECRET)
        .append_pair("token", token.ok_or_else(|| Broken::new("the credential is no bearer token"))?)
        .finish();
    let http = reqwest::Client::builder().no_proxy().build()?;
    let question = http.post(site.endpoint("introspection_endpoint")?);
    let question = question.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
    let answer: Value = serde_json::from_slice(&question.send().await?.error_for_status()?.bytes().await?)?;
    answer.get("active").and_then(Value::as_bool).ok_or_else(|| Broken::new("the provider does not say"))
}
