//! hyper's client and reqwest's, as a service would use them.

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::TokioExecutor,
};
use oidc_transport::TowerTransport;

/// hyper's client for plain HTTP.
pub type Http = Client<HttpConnector, Full<Bytes>>;

/// A new client.
pub fn http_client() -> Http {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build(connector)
}

/// A transport over a new client.
pub fn http_transport() -> TowerTransport<Http> {
    TowerTransport::new(http_client())
        .not_sent_when(|error| error.downcast_ref::<Error>().is_some_and(Error::is_connect))
}

/// What builds a reqwest client for plain HTTP: without the system's root certificates, because reading them takes longer than
/// most tests.
pub fn reqwest_builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().tls_certs_only([]).no_proxy()
}
