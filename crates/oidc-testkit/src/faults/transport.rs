//! A transport that loses requests and answers.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use oidc_core::{HttpTransport, TransportError, TransportErrorKind};

use super::script::Script;

/// Sends through another transport, and fails where the script says so.
///
/// ```
/// use oidc_core::{HttpTransport, TransportErrorKind};
/// use oidc_testkit::{FaultTransport, TransportFault};
///
/// # async fn example(transport: impl HttpTransport, request: http::Request<bytes::Bytes>) {
/// let transport = FaultTransport::new(transport);
/// transport.fail_next(TransportFault::LoseAnswer(TransportErrorKind::Interrupted));
/// let error = transport.send(request).await.unwrap_err();
/// assert!(error.may_have_been_sent());
/// assert_eq!((transport.sends(), transport.delivered()), (1, 1));
/// # }
/// ```
#[derive(Debug)]
pub struct FaultTransport<T> {
    inner: T,
    script: Script<(), TransportFault>,
    delivered: AtomicU64,
}

/// What goes wrong with one send.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TransportFault {
    /// The request does not leave, and the error says so.
    NotSent(TransportErrorKind),
    /// The request is lost on its way; the error says that it may have been sent.
    LoseRequest(TransportErrorKind),
    /// The request is sent and its answer dropped; the error says that it may have been sent.
    LoseAnswer(TransportErrorKind),
    /// The request goes no further, and this comes back, as from a proxy on the way.
    Answer(Response<Bytes>),
    /// The request is sent, and this comes back in place of its answer.
    ReplaceAnswer(Response<Bytes>),
}

impl<T> FaultTransport<T> {
    /// Wraps `inner`; without a script everything passes.
    pub fn new(inner: T) -> Self {
        Self { inner, script: Script::new(), delivered: AtomicU64::new(0) }
    }

    /// Lets the send with this number fail, counted from 1 over the life of the transport.
    pub fn fail_nth(&self, number: u64, fault: TransportFault) {
        self.script.fail_nth(number, fault);
    }

    /// Lets the next send fail. Called several times: the next ones, in this order.
    pub fn fail_next(&self, fault: TransportFault) {
        self.script.fail_next((), fault);
    }

    /// How many requests were to be sent.
    pub fn sends(&self) -> u64 {
        self.script.total()
    }

    /// How many requests the inner transport was given.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// How many faults still wait for their send.
    pub fn pending_faults(&self) -> usize {
        self.script.pending()
    }

    /// The inner transport.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }
}

impl<T: HttpTransport> FaultTransport<T> {
    async fn deliver(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.delivered.fetch_add(1, Ordering::Relaxed);
        self.inner.send(request).await
    }
}

#[async_trait]
impl<T: HttpTransport> HttpTransport for FaultTransport<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        match self.script.enter(()) {
            Some(TransportFault::NotSent(kind)) => Err(TransportError::not_sent(kind)),
            Some(TransportFault::LoseRequest(kind)) => Err(TransportError::maybe_sent(kind)),
            Some(TransportFault::Answer(answer)) => Ok(answer),
            Some(TransportFault::LoseAnswer(kind)) => {
                drop(self.deliver(request).await);
                Err(TransportError::maybe_sent(kind))
            }
            Some(TransportFault::ReplaceAnswer(replacement)) => {
                drop(self.deliver(request).await);
                Ok(replacement)
            }
            None => self.deliver(request).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Teapot;

    #[async_trait]
    impl HttpTransport for Teapot {
        async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
            Ok(Response::builder().status(418).body(Bytes::new()).unwrap())
        }
    }

    async fn status(transport: &FaultTransport<Teapot>) -> Result<u16, TransportError> {
        transport.send(Request::new(Bytes::new())).await.map(|answer| answer.status().as_u16())
    }

    #[tokio::test]
    async fn each_fault_hits_the_send_it_was_meant_for() {
        let transport = FaultTransport::new(Teapot);
        transport.fail_nth(2, TransportFault::LoseAnswer(TransportErrorKind::Timeout));
        transport.fail_next(TransportFault::NotSent(TransportErrorKind::Connect));
        transport.fail_next(TransportFault::ReplaceAnswer(Response::new(Bytes::new())));
        transport.fail_next(TransportFault::LoseRequest(TransportErrorKind::Interrupted));
        transport.fail_next(TransportFault::Answer(Response::new(Bytes::new())));

        let error = status(&transport).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_been_sent()), (TransportErrorKind::Connect, false));
        let error = status(&transport).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_been_sent()), (TransportErrorKind::Timeout, true));
        assert_eq!(transport.pending_faults(), 3);
        assert_eq!(status(&transport).await.unwrap(), 200);
        assert_eq!((transport.sends(), transport.delivered()), (3, 2));
        let error = status(&transport).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_been_sent()), (TransportErrorKind::Interrupted, true));
        assert_eq!(status(&transport).await.unwrap(), 200);
        assert_eq!((transport.sends(), transport.delivered(), transport.pending_faults()), (5, 2, 0));
        assert_eq!(status(&transport).await.unwrap(), 418);
    }
}
