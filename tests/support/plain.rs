//! hyper's client, as a service would use it.

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
