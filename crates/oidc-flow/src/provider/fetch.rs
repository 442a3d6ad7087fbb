//! Getting a document from a provider.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use oidc_core::{BodyLimit, Clock, HttpTransport};
use url::Url;

use super::{ProviderError, ProviderErrorKind};
use crate::token_endpoint::retry_after;

/// A document as it came.
pub(super) struct Document {
    pub(super) body: Bytes,
    pub(super) headers: HeaderMap,
}

/// The means to get documents.
#[derive(Clone, Debug)]
pub(super) struct Web {
    pub(super) transport: Arc<dyn HttpTransport>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Web {
    /// Gets a public document of at most `limit` bytes. Nothing secret is sent along.
    ///
    /// # Errors
    /// [`ProviderError`] for anything but a 200.
    pub(super) async fn get(&self, url: &Url, limit: usize) -> Result<Document, ProviderError> {
        let mut request = Request::get(url.as_str())
            .header(header::ACCEPT, HeaderValue::from_static("application/json"))
            .body(Bytes::new())
            .map_err(|_| ProviderErrorKind::Malformed { reason: "a URL that cannot be requested" })?;
        request.extensions_mut().insert(BodyLimit(limit));
        let (head, body) = self.transport.send(request).await.map_err(ProviderError::no_answer)?.into_parts();
        match head.status {
            StatusCode::OK => {
                if !is_json(&head.headers) {
                    tracing::debug!("the provider does not call its document JSON");
                }
                Ok(Document { body: without_mark(body), headers: head.headers })
            }
            status if status.is_redirection() => Err(ProviderErrorKind::Redirected.into()),
            status if is_refusal(status) => {
                Err(ProviderErrorKind::Refused { status: status.as_u16() }.into())
            }
            _ => {
                let wait = retry_after(&head.headers, self.clock.wall());
                Err(ProviderError::new(ProviderErrorKind::Unreachable).with_retry_after(wait))
            }
        }
    }
}

/// Whether the answer says that it is JSON, of whatever kind. That it is decides the reader.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence =
        kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

/// A 4xx, but for those that only ask for patience.
fn is_refusal(status: StatusCode) -> bool {
    let patience = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    status.is_client_error() && !patience.contains(&status)
}

/// Leaves out a byte order mark, which some file servers put before JSON (RFC 8259 §8.1 allows to ignore it).
fn without_mark(mut body: Bytes) -> Bytes {
    match body.starts_with(b"\xef\xbb\xbf") {
        true => body.split_off(3),
        false => body,
    }
}
