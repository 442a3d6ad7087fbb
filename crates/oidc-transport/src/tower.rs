//! The transport over any tower service.

use std::{
    error::Error,
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use oidc_core::{BodyLimit, Clock, HttpTransport, TransportError, TransportErrorKind};
use tower_service::Service;

use crate::{body, deadline::Deadline};

type BoxError = Box<dyn Error + Send + Sync>;

/// An [`HttpTransport`] over a tower [`Service`]: hyper-util's client, or a stack of one's own.
///
/// It adds a bounded body and one deadline, over readiness, answer and body (by default 30 s). Each request
/// gets a clone of the service, which is polled until it is ready and then called once. What else the
/// contract of [`HttpTransport`] asks for is up to the service: it must check certificates, and must not
/// follow redirects, send anything twice, or log secrets. It decides itself which addresses it connects to.
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use hyper_util::{
///     client::legacy::{Client, Error, connect::HttpConnector},
///     rt::TokioExecutor,
/// };
/// use oidc_transport::TowerTransport;
///
/// // For https, take the connector of hyper-rustls in place of this one.
/// let client: Client<HttpConnector, Full<Bytes>> =
///     Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build_http();
/// let transport = TowerTransport::new(client)
///     .not_sent_when(|error| error.downcast_ref::<Error>().is_some_and(Error::is_connect));
/// ```
pub struct TowerTransport<S> {
    service: Mutex<S>,
    deadline: Deadline,
    not_sent: Arc<NotSent>,
}

type NotSent = dyn Fn(&(dyn Error + 'static)) -> bool + Send + Sync;

impl<S> TowerTransport<S> {
    /// Sends through `service`.
    pub fn new(service: S) -> Self {
        Self { service: Mutex::new(service), deadline: Deadline::default(), not_sent: Arc::new(|_| false) }
    }

    /// Sets how long an exchange may take in all; by default 30 s.
    #[must_use]
    pub fn deadline(mut self, total: Duration) -> Self {
        self.deadline.total = total;
        self
    }

    /// Sets the clock that the deadline is measured by; by default the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.deadline.clock = clock;
        self
    }

    /// Says which errors of the service prove that no byte of the request was sent, such as a refused
    /// connection. Those become [`TransportErrorKind::Connect`]. By default none does: every request whose
    /// answer is an error may have been sent.
    #[must_use]
    pub fn not_sent_when(
        mut self,
        proves: impl Fn(&(dyn Error + 'static)) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.not_sent = Arc::new(proves);
        self
    }

    fn failed(&self, error: BoxError) -> TransportError {
        let failure = if (self.not_sent)(&*error) {
            TransportError::not_sent(TransportErrorKind::Connect)
        } else {
            TransportError::maybe_sent(TransportErrorKind::Interrupted)
        };
        failure.with_source(error)
    }
}

#[async_trait]
impl<S, B> HttpTransport for TowerTransport<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body + Send,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let end = self.deadline.end();
        let limit = BodyLimit::of(&request);
        let mut service = self.service.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ready = poll_fn(|context| service.poll_ready(context).map_err(Into::<BoxError>::into));
        match self.deadline.until(end, ready).await {
            None => return Err(TransportError::not_sent(TransportErrorKind::Timeout)),
            Some(Err(error)) => {
                return Err(TransportError::not_sent(TransportErrorKind::Connect).with_source(error));
            }
            Some(Ok(())) => {}
        }
        let exchange = async {
            let response =
                service.call(request.map(Full::new)).await.map_err(|error| self.failed(error.into()))?;
            body::collect(response, limit, |error| {
                TransportError::maybe_sent(TransportErrorKind::Interrupted).with_source(error)
            })
            .await
        };
        match self.deadline.until(end, exchange).await {
            Some(answer) => answer,
            None => Err(TransportError::maybe_sent(TransportErrorKind::Timeout)),
        }
    }
}

impl<S> fmt::Debug for TowerTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerTransport").field("deadline", &self.deadline.total).finish_non_exhaustive()
    }
}
