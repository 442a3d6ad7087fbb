//! hyper's client, as a service would use it, and a transport over it.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use oidc_core::{HttpTransport, TransportError, TransportErrorKind};

/// hyper's client for plain HTTP.
pub type Http = Client<HttpConnector, Full<Bytes>>;

/// A new client.
pub fn http_client() -> Http {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.enforce_http(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// A transport for plain HTTP.
#[derive(Clone, Debug)]
pub struct PlainTransport(Http);

impl PlainTransport {
    /// Over a client of its own.
    pub fn new() -> Self {
        Self(http_client())
    }
}

impl Default for PlainTransport {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl HttpTransport for PlainTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let answer =
            self.0.request(request.map(Full::new)).await.map_err(|error| match error.is_connect() {
                true => TransportError::not_sent(TransportErrorKind::Connect),
                false => TransportError::maybe_sent(TransportErrorKind::Interrupted),
            })?;
        let (head, body) = answer.into_parts();
        let body =
            body.collect().await.map_err(|_| TransportError::maybe_sent(TransportErrorKind::Interrupted))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}
