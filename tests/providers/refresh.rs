//! Logins that are kept alive, through the layer.

use std::{collections::BTreeSet, time::Duration};

use http::{Request, StatusCode, response::Parts};
use oidc_core::{Clock, SystemClock};
use oidc_tower::BoxError;
use tower::ServiceExt;

use crate::{
    browser::Browser,
    login::log_in,
    report::Broken,
    site::{Api, Registered, Site},
    wire::Wire,
};

const CALLERS: usize = 8;

/// Three times, the token ends while nobody calls; then eight callers come at once and share one refresh.
pub(crate) async fn across_three_expiries(site: &Site) -> Result<(), Broken> {
    let (client, wire) = site.client(Registered::Public)?;
    let session = log_in(&client, &mut Browser::new()?).await?;
    let lifetime = session.tokens.access().and_then(|access| access.lifetime().expires_in());
    let lifetime = lifetime.ok_or_else(|| Broken::new("the access token has no lifetime"))?;
    let api = site.sign_in(&client, &session).await?;
    let url = site.endpoint("userinfo_endpoint")?;
    for round in 1..=3 {
        pause(lifetime + Duration::from_millis(500)).await;
        let calls = (0..CALLERS).map(|_| tokio::spawn(call(api.clone(), url.clone())));
        for call in calls.collect::<Vec<_>>() {
            let status = call.await?.map_err(Broken::boxed)?.status;
            Broken::unless(status == StatusCode::OK, format_args!("{status} after expiry {round}"))?;
        }
    }
    let refreshes = refreshes(&wire)?;
    Broken::unless(refreshes == 3, format_args!("{refreshes} refreshes for three expiries"))
}

/// For three lifetimes somebody calls all the time, and never sees a token that has ended.
pub(crate) async fn under_steady_load(site: &Site) -> Result<(), Broken> {
    let (client, wire) = site.client(Registered::Basic)?;
    let session = log_in(&client, &mut Browser::new()?).await?;
    let api = site.sign_in(&client, &session).await?;
    let url = site.endpoint("userinfo_endpoint")?;
    for _ in 0..180 {
        let status = call(api.clone(), url.clone()).await.map_err(Broken::boxed)?.status;
        Broken::unless(status == StatusCode::OK, format_args!("{status} under load"))?;
        pause(Duration::from_millis(50)).await;
    }
    let refreshes = refreshes(&wire)?;
    Broken::unless((3..=5).contains(&refreshes), format_args!("{refreshes} refreshes in three lifetimes"))
}

/// Calls the API once; the answer's body does not matter.
pub(crate) async fn call(api: Api, url: String) -> Result<Parts, BoxError> {
    let request = Request::get(url).body(reqwest::Body::default())?;
    Ok(api.oneshot(request).await?.into_parts().0)
}

pub(crate) async fn pause(duration: Duration) {
    let clock = SystemClock::new();
    clock.sleep_until(clock.boot().after(duration)).await;
}

/// How often the login was refreshed. That no refresh token was sent twice is what everything here is about.
fn refreshes(wire: &Wire) -> Result<usize, Broken> {
    let spent = wire.spent();
    let distinct: BTreeSet<&String> = spent.iter().collect();
    Broken::unless(distinct.len() == spent.len(), "a refresh token was spent twice")?;
    Ok(spent.len())
}
