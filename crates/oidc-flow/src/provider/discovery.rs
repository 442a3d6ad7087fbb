//! Finding and reading the discovery document.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
    time::Duration,
};

use oidc_core::{HttpTransport, Issuer};
use serde_json::{Map, Value};
use url::{Origin, Url};

use super::{
    Provider, ProviderError, ProviderErrorKind, ProviderMetadata,
    endpoint::{Endpoint, EndpointFault},
    fetch,
    remembered::{Fetch, Fetched},
};
use crate::json::{self, Limits};

/// How long a document is taken for new.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// What the first good document fixes for those that follow.
#[derive(Debug)]
pub(super) struct Pin {
    issuer: Issuer,
    origins: BTreeSet<String>,
}

/// Gets the document of `provider` and holds it against `pin`, or fixes it there.
pub(super) fn discover(
    provider: &Provider,
    issuer: &Issuer,
    transport: &Arc<dyn HttpTransport>,
    pin: &Arc<OnceLock<Pin>>,
) -> Fetch<ProviderMetadata> {
    let (provider, issuer) = (provider.clone(), issuer.clone());
    let (transport, pin) = (Arc::clone(transport), Arc::clone(pin));
    Box::pin(async move {
        let document = find(&issuer, &transport).await?;
        let metadata = read(&document, &provider, pin.get())?;
        pin.get_or_init(|| Pin::of(&metadata));
        Ok(Fetched { value: Arc::new(metadata), max_age: MAX_AGE })
    })
}

/// The document from the first of the two places that has one.
async fn find(issuer: &Issuer, transport: &Arc<dyn HttpTransport>) -> Result<fetch::Document, ProviderError> {
    let [first, second] = locations(issuer)?;
    let refused = match fetch::get(transport, &first, Limits::METADATA.bytes).await {
        Err(error) if matches!(error.kind(), ProviderErrorKind::Refused { .. }) => error,
        answer => return answer,
    };
    match fetch::get(transport, &second, Limits::METADATA.bytes).await {
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

/// Reads a document: strictly what matters, patiently what does not.
fn read(
    document: &fetch::Document,
    provider: &Provider,
    pin: Option<&Pin>,
) -> Result<ProviderMetadata, ProviderErrorKind> {
    let members = json::object(&document.body, Limits::METADATA)?;
    let mut metadata = ProviderMetadata::empty(issuer(&members, provider, pin)?, true);
    for endpoint in Endpoint::ALL {
        if let Some(url) = endpoint_url(&members, endpoint, provider.insecure_loopback)? {
            metadata.endpoints.insert(endpoint, url);
        }
    }
    if let Some(pin) = pin {
        pin.check(&metadata)?;
    }
    metadata.iss_parameter = flag(&members, "authorization_response_iss_parameter_supported");
    metadata.code_challenge_methods = list(&members, "code_challenge_methods_supported");
    if metadata
        .code_challenge_methods
        .as_ref()
        .is_some_and(|methods| !methods.iter().any(|one| one == "S256"))
    {
        return Err(ProviderErrorKind::PkceUnsupported);
    }
    if let Some(names) = list(&members, "id_token_signing_alg_values_supported") {
        metadata.id_token_algorithms = names.iter().filter_map(|name| name.parse().ok()).collect();
    }
    if let Some(methods) = list(&members, "token_endpoint_auth_methods_supported") {
        metadata.token_auth_methods = methods;
    }
    Ok(metadata)
}

/// The issuer, which is exactly one that is expected.
fn issuer(
    members: &Map<String, Value>,
    provider: &Provider,
    pin: Option<&Pin>,
) -> Result<Issuer, ProviderErrorKind> {
    let Some(Value::String(found)) = members.get("issuer") else {
        return Err(ProviderErrorKind::Malformed { reason: "without an issuer" });
    };
    let expected = match pin {
        Some(pin) => std::slice::from_ref(&pin.issuer),
        None => provider.profile().issuers(),
    };
    let configured = pin.is_none().then(|| provider.authority());
    expected
        .iter()
        .chain(configured)
        .find(|issuer| issuer.as_str() == found)
        .cloned()
        .ok_or(ProviderErrorKind::IssuerMismatch)
}

/// The URL of an endpoint, if there is one: what is empty, of another type, or not even a URL counts as not said.
fn endpoint_url(
    members: &Map<String, Value>,
    endpoint: Endpoint,
    insecure_loopback: bool,
) -> Result<Option<Url>, ProviderErrorKind> {
    let Some(Value::String(text)) = members.get(endpoint.field()) else { return Ok(None) };
    if text.is_empty() {
        return Ok(None);
    }
    match endpoint.parse(text, insecure_loopback) {
        Ok(url) => Ok(Some(url)),
        Err(EndpointFault::NotAUrl) => Ok(None),
        Err(fault) => Err(fault.of_document(endpoint)),
    }
}

/// A flag; some providers write it as text.
fn flag(members: &Map<String, Value>, name: &str) -> bool {
    match members.get(name) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text == "true",
        _ => false,
    }
}

/// A list of names; some providers write a single one without the list. An empty list says nothing.
fn list(members: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let names: Vec<String> = match members.get(name)? {
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    };
    Some(names).filter(|names| !names.is_empty())
}

impl Pin {
    fn of(metadata: &ProviderMetadata) -> Self {
        let origins =
            metadata.endpoints.values().map(origin).chain([issuer_origin(&metadata.authority)]).collect();
        Self { issuer: metadata.authority.clone(), origins }
    }

    fn check(&self, metadata: &ProviderMetadata) -> Result<(), ProviderErrorKind> {
        match metadata.endpoints.iter().find(|(_, url)| !self.origins.contains(&origin(url))) {
            None => Ok(()),
            Some((endpoint, _)) => Err(ProviderErrorKind::EndpointMoved { field: endpoint.field() }),
        }
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn issuer_origin(issuer: &Issuer) -> String {
    Url::parse(issuer.as_str())
        .map_or_else(|_| Origin::new_opaque().ascii_serialization(), |url| origin(&url))
}
