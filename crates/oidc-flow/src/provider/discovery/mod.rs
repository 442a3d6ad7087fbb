//! Finding the discovery document, and what the first one fixes.

mod document;
mod pin;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use oidc_core::Issuer;
use url::Url;

pub(super) use self::pin::Pin;
use super::{
    Provider, ProviderError, ProviderErrorKind, ProviderMetadata,
    fetch::{Document, Web},
    remembered::{Fetch, Fetched},
};
use crate::json::Limits;

/// How long a document is taken for new.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// Gets the document of `provider` and holds it against `pin`, or fixes it there.
pub(super) fn discover(
    provider: &Provider,
    issuer: &Issuer,
    web: &Web,
    pin: &Arc<OnceLock<Pin>>,
) -> Fetch<ProviderMetadata> {
    let (provider, issuer, web, pin) = (provider.clone(), issuer.clone(), web.clone(), Arc::clone(pin));
    Box::pin(async move {
        let document = find(&issuer, &web).await?;
        let metadata = document::read(&document.body, &provider, pin.get())?;
        pin.get_or_init(|| Pin::of(&metadata));
        Ok(Fetched { value: Arc::new(metadata), max_age: MAX_AGE })
    })
}

/// The document from the first of the two places that has one.
async fn find(issuer: &Issuer, web: &Web) -> Result<Document, ProviderError> {
    let [first, second] = locations(issuer)?;
    let refused = match web.get(&first, Limits::METADATA.bytes).await {
        Err(error) if matches!(error.kind(), ProviderErrorKind::Refused { .. }) => error,
        answer => return answer,
    };
    match web.get(&second, Limits::METADATA.bytes).await {
        Err(error) if matches!(error.kind(), ProviderErrorKind::Refused { .. }) => Err(refused),
        answer => answer,
    }
}

/// Where OIDC Discovery §4 puts the document, and where RFC 8414 §3 does.
fn locations(issuer: &Issuer) -> Result<[Url; 2], ProviderErrorKind> {
    let text = issuer.as_str();
    let bare = text.strip_suffix('/').unwrap_or(text);
    let parse = |text: &str| {
        Url::parse(text).map_err(|_| ProviderErrorKind::Malformed { reason: "an issuer that is no URL" })
    };
    let appended = parse(&format!("{bare}/.well-known/openid-configuration"))?;
    let mut inserted = parse(bare)?;
    let path = inserted.path().strip_suffix('/').unwrap_or(inserted.path()).to_owned();
    inserted.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    Ok([appended, inserted])
}
