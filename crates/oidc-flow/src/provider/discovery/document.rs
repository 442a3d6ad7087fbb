//! Reading a discovery document.

use oidc_core::Issuer;
use serde_json::{Map, Value};
use url::Url;

use super::{
    super::{
        Provider, ProviderErrorKind, ProviderMetadata,
        endpoint::{Endpoint, EndpointFault},
    },
    Pin,
};
use crate::json::{self, Limits};

/// Reads a document: strictly what matters, patiently what does not.
pub(super) fn read(
    document: &[u8],
    provider: &Provider,
    pin: Option<&Pin>,
) -> Result<ProviderMetadata, ProviderErrorKind> {
    let members = json::object(document, Limits::METADATA)?;
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
        Some(pin) => std::slice::from_ref(pin.issuer()),
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
