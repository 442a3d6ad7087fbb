//! A web in memory, for tests.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use oidc_core::{BodyLimit, HttpTransport, TransportError, TransportErrorKind};
use oidc_testkit::ManualClock;
use tokio::sync::watch;

use super::fetch::Web;

/// What is found at which URL, until it is changed. Clones are one.
#[derive(Clone)]
pub(crate) struct FakeWeb(Arc<Inner>);

struct Inner {
    pages: Mutex<HashMap<String, Page>>,
    requests: Mutex<Vec<String>>,
    open: watch::Sender<bool>,
}

/// What is found at a URL.
#[derive(Clone)]
pub(crate) enum Page {
    Answer(u16, Vec<(&'static str, String)>, Bytes),
    Failure(TransportErrorKind),
    Panic,
}

impl FakeWeb {
    /// A web with nothing in it: every URL is a 404.
    pub(crate) fn new() -> Self {
        let open = watch::Sender::new(true);
        Self(Arc::new(Inner { pages: Mutex::default(), requests: Mutex::default(), open }))
    }

    /// Puts a 200 at `url`.
    pub(crate) fn put(&self, url: &str, body: impl ToString) {
        self.put_page(url, Page::Answer(200, Vec::new(), body.to_string().into()));
    }

    /// Puts another status at `url`.
    pub(crate) fn put_status(&self, url: &str, status: u16) {
        self.put_page(url, Page::Answer(status, Vec::new(), Bytes::from_static(b"{}")));
    }

    pub(crate) fn put_page(&self, url: &str, page: Page) {
        self.0.pages.lock().unwrap().insert(url.to_owned(), page);
    }

    /// Holds answers back, or lets them go.
    pub(crate) fn set_open(&self, open: bool) {
        self.0.open.send_replace(open);
    }

    /// The URLs that were asked for since the last look.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.0.requests.lock().unwrap())
    }

    pub(super) fn with(&self, clock: &ManualClock) -> Web {
        Web { transport: Arc::new(self.clone()), clock: Arc::new(clock.clone()) }
    }
}

#[async_trait]
impl HttpTransport for FakeWeb {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        assert_eq!((request.method().as_str(), request.body().len()), ("GET", 0));
        assert!(request.headers().keys().all(|name| name == http::header::ACCEPT), "{:?}", request.headers());
        assert!(request.extensions().get::<BodyLimit>().is_some());
        let url = request.uri().to_string();
        self.0.requests.lock().unwrap().push(url.clone());
        self.0.open.subscribe().wait_for(|open| *open).await.unwrap();
        let page = self.0.pages.lock().unwrap().get(&url).cloned();
        match page.unwrap_or(Page::Answer(404, Vec::new(), Bytes::new())) {
            Page::Answer(status, headers, body) => {
                let mut response = Response::new(body);
                *response.status_mut() = status.try_into().unwrap();
                for (name, value) in headers {
                    let value = HeaderValue::from_str(&value).unwrap();
                    response.headers_mut().insert(HeaderName::from_static(name), value);
                }
                Ok(response)
            }
            Page::Failure(kind) => Err(TransportError::maybe_sent(kind)),
            Page::Panic => panic!("the transport panics"),
        }
    }
}

impl fmt::Debug for FakeWeb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeWeb")
    }
}
