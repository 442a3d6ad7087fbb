//! The transport over reqwest.

mod builder;
mod client;
mod error;
mod proxy;
mod resolver;
mod service;

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use oidc_core::{BodyLimit, HttpTransport, TransportError, TransportErrorKind};

pub use self::{
    builder::ReqwestTransportBuilder,
    client::ReqwestClient,
    error::BuildError,
    service::{ReqwestFuture, ReqwestService, ReqwestServiceError},
};
use crate::{address::AddressPolicy, body, deadline::Deadline};

/// An [`HttpTransport`] over reqwest, on rustls.
///
/// ```no_run
/// use oidc_transport::ReqwestTransport;
///
/// # fn main() -> Result<(), oidc_transport::BuildError> {
/// let transport = ReqwestTransport::new()?;
/// // Or with settings of one's own, for a provider in the company's network.
/// let client = reqwest::Client::builder().user_agent("accounting/1.4");
/// let transport = ReqwestTransport::builder(client).allow_private_addresses().build()?;
/// # Ok(())
/// # }
/// ```
///
/// Whatever the settings say:
/// - **Redirects** are answers like any other.
/// - **Nothing is sent twice.** reqwest's own retries are off. One thing cannot be switched off, and need not
///   be: if a kept connection turns out to be closed before the first byte of the request was written to it,
///   hyper hands the request back whole, and it is sent on a new connection.
/// - **Proxies** of the environment are not used, unless [asked for](ReqwestTransportBuilder::system_proxy).
/// - **Bodies** are not decompressed, and read up to their [`BodyLimit`].
/// - **Time**: 5 s to connect, 30 s for the whole exchange, both [configurable](ReqwestTransportBuilder).
/// - **Certificates** are checked, with the system's roots unless the client builder says otherwise.
/// - **Addresses**: only public ones are connected to, unless others are
///   [opened](ReqwestTransportBuilder::allow_private_addresses). The address that is checked is the one that
///   is used, whether the URL has it or a name resolves to it; a name that resolves to both kinds is
///   connected to at the good ones. Everything else is [`TransportErrorKind::AddressDenied`], and nothing is
///   sent.
#[derive(Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    policy: AddressPolicy,
    deadline: Deadline,
}

impl ReqwestTransport {
    /// A transport with the defaults.
    ///
    /// # Errors
    /// Where the system's root certificates cannot be read.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder(reqwest::Client::builder()).build()
    }

    /// A transport with settings of one's own. What this transport promises overrides them: see
    /// [`ReqwestTransportBuilder`].
    pub fn builder(client: reqwest::ClientBuilder) -> ReqwestTransportBuilder {
        ReqwestTransportBuilder::new(client)
    }

    async fn exchange(
        &self,
        request: reqwest::Request,
        limit: BodyLimit,
    ) -> Result<Response<Bytes>, TransportError> {
        let response = self.client.execute(request).await.map_err(error::classify)?;
        body::collect(Response::<reqwest::Body>::from(response), limit, error::classify).await
    }
}

#[async_trait]
impl HttpTransport for ReqwestTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let end = self.deadline.end();
        let limit = BodyLimit::of(&request);
        let request = reqwest::Request::try_from(request).map_err(error::classify)?;
        // Names are checked when they are resolved; addresses in the URL never are.
        if address_of(request.url()).is_some_and(|address| !self.policy.allows(address)) {
            return Err(TransportError::not_sent(TransportErrorKind::AddressDenied));
        }
        match self.deadline.until(end, self.exchange(request, limit)).await {
            Some(answer) => answer,
            None => Err(TransportError::maybe_sent(TransportErrorKind::Timeout)),
        }
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport")
            .field("addresses", &self.policy)
            .field("deadline", &self.deadline.total)
            .finish_non_exhaustive()
    }
}

fn address_of(url: &url::Url) -> Option<std::net::IpAddr> {
    match url.host()? {
        url::Host::Ipv4(address) => Some(address.into()),
        url::Host::Ipv6(address) => Some(address.into()),
        url::Host::Domain(_) => None,
    }
}
