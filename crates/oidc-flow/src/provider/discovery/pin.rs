//! What the first good document fixes for those that follow.

use std::collections::BTreeSet;

use oidc_core::Issuer;
use url::Url;

use super::super::{ProviderErrorKind, ProviderMetadata};

/// The issuer and the origins of the first good document. A later one that moves an endpoint elsewhere is refused: whoever can
/// change the document for a moment must not get at client secrets (RFC 9700 §4.4).
#[derive(Debug)]
pub(crate) struct Pin {
    issuer: Issuer,
    origins: BTreeSet<String>,
}

impl Pin {
    pub(super) fn of(metadata: &ProviderMetadata) -> Self {
        let issuer = Url::parse(metadata.authority.as_str()).ok();
        let origins = metadata.endpoints.values().chain(issuer.as_ref()).map(origin).collect();
        Self { issuer: metadata.authority.clone(), origins }
    }

    pub(super) fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    pub(super) fn check(&self, metadata: &ProviderMetadata) -> Result<(), ProviderErrorKind> {
        match metadata.endpoints.iter().find(|(_, url)| !self.origins.contains(&origin(url))) {
            None => Ok(()),
            Some((endpoint, _)) => Err(ProviderErrorKind::EndpointMoved { field: endpoint.field() }),
        }
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
