//! What the provider refuses, and what becomes of it.

use oidc_core::{Cause, GrantErrorKind};
use oidc_flow::{Callback, LoginError, OidcClient, PendingLogin, Session};
use url::Url;

use crate::{
    browser::Browser,
    ending::is_dead,
    login::{callback, log_in, start},
    report::Broken,
    site::{Registered, Site},
};

/// A code that was stolen is of no use in a login that has another verifier.
pub(crate) async fn wrong_verifier(site: &Site) -> Result<(), Broken> {
    let (client, _) = site.client(Registered::Public)?;
    let (stolen, other) = (start(&client).await?, start(&client).await?);
    let query = callback(&mut Browser::new()?, &stolen.url).await?;
    let query = query.query().unwrap_or_default().replace(stolen.pending.state(), other.pending.state());
    refused(finish(&client, other.pending, &query).await, GrantErrorKind::Refused(Cause::GrantRejected))
}

/// A code is good for once, and a provider that sees it twice ends the login that it began.
pub(crate) async fn replayed_code(site: &Site) -> Result<(), Broken> {
    let (client, _) = site.client(Registered::Public)?;
    let login = start(&client).await?;
    let copy = PendingLogin::from_secret(&login.pending.to_secret())?;
    let back: Url = callback(&mut Browser::new()?, &login.url).await?;
    let query = back.query().unwrap_or_default();
    let session = finish(&client, login.pending, query).await?;
    let api = site.sign_in(&client, &session).await?;
    refused(finish(&client, copy, query).await, GrantErrorKind::Refused(Cause::GrantRejected))?;
    is_dead(site, api).await
}

/// A wrong client secret is a mistake of the configuration and never looks like a dead login.
pub(crate) async fn wrong_secret(site: &Site) -> Result<(), Broken> {
    for who in [Registered::Basic, Registered::Post] {
        let (client, _) = site.client_with_secret(who, "another secret")?;
        let login = start(&client).await?;
        let back = callback(&mut Browser::new()?, &login.url).await?;
        let finished = finish(&client, login.pending, back.query().unwrap_or_default()).await;
        refused(finished, GrantErrorKind::Misconfigured)?;
    }
    // The right one still works.
    let (client, _) = site.client(Registered::Basic)?;
    log_in(&client, &mut Browser::new()?).await.map(drop)
}

async fn finish(client: &OidcClient, pending: PendingLogin, query: &str) -> Result<Session, LoginError> {
    let answer = pending.check(&Callback::parse(query)?)?;
    client.finish_login(pending, answer).await
}

fn refused(login: Result<Session, LoginError>, kind: GrantErrorKind) -> Result<(), Broken> {
    match login {
        Err(LoginError::Exchange(error)) if error.kind() == kind => Ok(()),
        Err(error) => Err(Broken::from(error)),
        Ok(_) => Err(Broken::new("the provider took it")),
    }
}
