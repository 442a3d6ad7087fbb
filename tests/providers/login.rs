//! Logins, and who the user is.

use oidc_flow::{Callback, OidcClient, Prompt, Session};
use url::Url;

use crate::{
    browser::{Browser, REDIRECT_URI},
    report::Broken,
    site::{Registered, Site},
};

/// The user at the provider.
const USER: &str = "alice";

/// A login gives verified claims, the scopes that were asked for, and a refresh token.
pub(crate) async fn logs_in(site: &Site, who: Registered) -> Result<(), Broken> {
    let (client, _) = site.client(who)?;
    let session = log_in(&client, &mut Browser::new()?).await?;
    let subject = session.claims.as_ref().map(|claims| claims.subject());
    Broken::unless(subject == Some(USER), "the ID token is another user's")?;
    Broken::unless(session.tokens.refresh().is_some(), "no refresh token came")?;
    let scopes = session.tokens.access().and_then(|access| access.scopes());
    let read = scopes.is_some_and(|scopes| scopes.iter().any(|scope| scope == "read"));
    Broken::unless(read, "the access token lacks the scope `read`")
}

/// The userinfo endpoint tells about the user of the ID token.
pub(crate) async fn userinfo(site: &Site) -> Result<(), Broken> {
    let (client, _) = site.client(Registered::Public)?;
    let session = log_in(&client, &mut Browser::new()?).await?;
    let access = session.tokens.access().ok_or_else(|| Broken::new("no access token came"))?;
    let info = client.userinfo(&session.key, access).await?;
    Broken::unless(info.subject() == USER, "userinfo is about another user")?;
    let email: Option<String> = info.claim("email");
    Broken::unless(email.as_deref() == Some("alice@example.org"), "userinfo lacks the e-mail address")
}

/// Logs the user in, in a browser of their own.
pub(crate) async fn log_in(client: &OidcClient, browser: &mut Browser) -> Result<Session, Broken> {
    let start = start(client).await?;
    let callback = callback(browser, &start.url).await?;
    let answer = start.pending.check(&Callback::parse(callback.query().unwrap_or_default())?)?;
    Ok(client.finish_login(start.pending, answer).await?)
}

/// Starts a login with everything that the flows need.
pub(crate) async fn start(client: &OidcClient) -> Result<oidc_flow::LoginStart, Broken> {
    // The provider gives a refresh token only to a user who was asked.
    let login = client.login().scopes(["email", "read"]).offline_access().prompt(Prompt::Consent);
    Ok(login.start().await?)
}

/// The user's part of a login: the URL that the browser is sent back with.
pub(crate) async fn callback(browser: &mut Browser, url: &Url) -> Result<Url, Broken> {
    browser.visit(url, REDIRECT_URI).await
}
