//! Names that lead to this machine.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header::HOST};
use oidc_core::{HttpTransport, TransportError, TransportErrorKind};
use oidc_transport::TowerTransport;

use crate::{Http, http_transport};

/// A transport for which `https` origins are servers on this machine, so that providers are met under the URLs that they have
/// in the world. The server sees the name in `Host`. Every other origin is one that nobody answers at.
#[derive(Clone, Debug)]
pub struct Routed {
    inner: Arc<TowerTransport<Http>>,
    routes: Arc<BTreeMap<String, String>>,
}

impl Routed {
    /// Without any routes.
    pub fn new() -> Self {
        Self { inner: Arc::new(http_transport()), routes: Arc::default() }
    }

    /// Sends what is for the origin `https://HOST` to the server at `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn route(mut self, origin: &str, server: &str) -> Self {
        Arc::make_mut(&mut self.routes).insert(origin.to_owned(), server.to_owned());
        self
    }

    /// Opens a page, as a browser does that follows no redirect.
    ///
    /// # Errors
    /// Where nobody answers at the URL.
    pub async fn open(&self, url: &str) -> Result<Response<Bytes>, TransportError> {
        self.send(Request::get(url).body(Bytes::new()).unwrap()).await
    }
}

impl Default for Routed {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl HttpTransport for Routed {
    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let uri = request.uri();
        let host = uri.authority().map(ToString::to_string).unwrap_or_default();
        let origin = format!("{}://{host}", uri.scheme_str().unwrap_or_default());
        let Some(server) = self.routes.get(&origin) else {
            return Err(TransportError::not_sent(TransportErrorKind::Connect));
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let target: Uri = format!("{server}{path}").parse().unwrap();
        *request.uri_mut() = target;
        request.headers_mut().insert(HOST, HeaderValue::from_str(&host).unwrap());
        self.inner.send(request).await
    }
}
