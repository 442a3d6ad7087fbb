//! How logins end.

use http::StatusCode;
use oidc_core::{Cause, TokenError};
use oidc_flow::Session;

use crate::{
    browser::{Browser, SIGNED_OUT_URI},
    login::log_in,
    refresh,
    report::Broken,
    site::{Api, Registered, Site},
};

/// A login that was revoked is dead at once, and callers are told to log in again.
pub(crate) async fn revocation(site: &Site) -> Result<(), Broken> {
    let (client, _) = site.client(Registered::Post)?;
    let session = log_in(&client, &mut Browser::new()?).await?;
    let api = site.sign_in(&client, &session).await?;
    client.revoke(&session.tokens).await?;
    is_dead(site, api).await
}

/// The provider ends the session of the ID token, and sends the user back with the state.
pub(crate) async fn logout_url(site: &Site) -> Result<(), Broken> {
    let (client, _) = site.client(Registered::Public)?;
    let mut browser = Browser::new()?;
    let Session { tokens, .. } = log_in(&client, &mut browser).await?;
    let id_token = tokens.id_token().ok_or_else(|| Broken::new("no ID token came"))?;
    let url =
        client.logout_url().id_token_hint(id_token).post_logout_redirect_uri(SIGNED_OUT_URI).state("bye");
    let back = browser.submit(&url.build().await?, "logout", SIGNED_OUT_URI).await?;
    Broken::unless(back.query() == Some("state=bye"), "the provider does not hand the state back")
}

/// Whether the layer says that the refresh token is refused: beside the 401 of the call that finds out, and as the error of the next.
pub(crate) async fn is_dead(site: &Site, api: Api) -> Result<(), Broken> {
    let url = site.endpoint("userinfo_endpoint")?;
    let answer = refresh::call(api.clone(), url.clone()).await.map_err(Broken::boxed)?;
    let said = answer.extensions.get().and_then(TokenError::reauth_cause);
    let named = answer.status == StatusCode::UNAUTHORIZED && said == Some(Cause::GrantRejected);
    Broken::unless(named, format_args!("the login lives on: {}, {said:?}", answer.status))?;
    match refresh::call(api, url).await {
        Ok(answer) => Err(Broken::new(format!("the dead login was used: {}", answer.status))),
        Err(error) => match error.downcast_ref().and_then(TokenError::reauth_cause) {
            Some(Cause::GrantRejected) => Ok(()),
            _ => Err(Broken::boxed(error)),
        },
    }
}
