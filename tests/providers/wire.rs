//! A transport that counts: which refresh tokens went over the wire.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use oidc_core::{HttpTransport, TransportError};
use oidc_transport::ReqwestTransport;

/// The real transport, and a list of what it was given.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    inner: Arc<ReqwestTransport>,
    spent: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    pub(crate) fn new(inner: ReqwestTransport) -> Self {
        Self { inner: Arc::new(inner), spent: Arc::default() }
    }

    /// Every refresh token that was sent in a refresh, in order.
    pub(crate) fn spent(&self) -> Vec<String> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl HttpTransport for Wire {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let form = url::form_urlencoded::parse(request.body());
        if let Some((_, token)) = form.into_iter().find(|(name, _)| name == "refresh_token") {
            self.spent.lock().unwrap_or_else(PoisonError::into_inner).push(token.into_owned());
        }
        self.inner.send(request).await
    }
}
