//! A reqwest client with layers on it, used as reqwest is.

use std::{
    error::Error,
    fmt,
    future::{Ready, poll_fn, ready},
    task::{Context, Poll},
};

use http::{Extensions, Request, Response};
use reqwest::{Body, Method, RequestBuilder};
use tower_layer::Layer;
use tower_service::Service;

use super::{BuildError, ReqwestService, ReqwestServiceError};

/// A reqwest client with tower layers on it: requests are built with reqwest's own
/// [`RequestBuilder`](reqwest::RequestBuilder), and answers are reqwest's own [`Response`](reqwest::Response). Bodies stream in both
/// directions.
///
/// ```
/// use oidc_transport::{ReqwestClient, ReqwestService};
/// # use tower_layer::Layer;
/// # use tower_service::Service;
///
/// # async fn example<L>(layer: L) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
/// # where
/// #     L: Layer<ReqwestService>,
/// #     L::Service: Service<http::Request<reqwest::Body>, Response = http::Response<reqwest::Body>> + Clone,
/// #     <L::Service as Service<http::Request<reqwest::Body>>>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
/// # {
/// let api = ReqwestClient::new(reqwest::Client::builder(), layer)?;
/// let answer = api.send(api.get("https://api.example/accounts")).await?;
/// let text = answer.error_for_status()?.text().await?;
/// # Ok(())
/// # }
/// ```
///
/// A request goes through the layers only where it is [sent here](Self::send). Calling `send` of the builder itself, which would go
/// around them and carry no token, is an error before anything is sent.
///
/// It follows no redirects, for the reason that [`ReqwestService`] gives; a layer outside of the one that attaches tokens may. Clones
/// share the connections.
#[derive(Clone)]
pub struct ReqwestClient<S> {
    service: S,
    drafts: reqwest::Client,
    extensions: Extensions,
}

impl<S> ReqwestClient<S> {
    /// Builds the client, with redirects off, and puts `layer` on it.
    ///
    /// # Errors
    /// Where reqwest does not take the settings, or the system's root certificates cannot be read.
    pub fn new<L>(client: reqwest::ClientBuilder, layer: L) -> Result<Self, BuildError>
    where
        L: Layer<ReqwestService, Service = S>,
    {
        let service = layer.layer(ReqwestService::new(client)?);
        let drafts =
            reqwest::Client::builder().tls_certs_only([]).no_proxy().connector_layer(Refuse).build()?;
        Ok(Self { service, drafts, extensions: Extensions::new() })
    }

    /// A client whose requests have `extension` among their [`Extensions`], for the layers to see: this is how one client speaks for
    /// many users. It shares all else with this one.
    #[must_use]
    pub fn with<T: Clone + Send + Sync + 'static>(&self, extension: T) -> Self
    where
        S: Clone,
    {
        let mut with = self.clone();
        with.extensions.insert(extension);
        with
    }

    /// Starts a request; reqwest's own methods for `GET`, `POST` and so on have their namesakes here.
    pub fn request(&self, method: Method, url: impl reqwest::IntoUrl) -> RequestBuilder {
        self.drafts.request(method, url)
    }

    /// Starts a `GET` request.
    pub fn get(&self, url: impl reqwest::IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Starts a `POST` request.
    pub fn post(&self, url: impl reqwest::IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Starts a `PUT` request.
    pub fn put(&self, url: impl reqwest::IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Starts a `PATCH` request.
    pub fn patch(&self, url: impl reqwest::IntoUrl) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// Starts a `DELETE` request.
    pub fn delete(&self, url: impl reqwest::IntoUrl) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Starts a `HEAD` request.
    pub fn head(&self, url: impl reqwest::IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }
}

impl<S> ReqwestClient<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone,
    S::Error: Into<BoxError>,
{
    /// Sends a request through the layers, whatever client its builder came from.
    ///
    /// # Errors
    /// Those of the layers, and [`ReqwestServiceError`] where reqwest does not take the request or has no answer. Dropping the future
    /// gives the request up.
    pub async fn send(&self, request: RequestBuilder) -> Result<reqwest::Response, BoxError> {
        self.execute(request.build().map_err(ReqwestServiceError::from)?).await
    }

    /// Sends a request that was built before.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn execute(&self, request: reqwest::Request) -> Result<reqwest::Response, BoxError> {
        let mut request = Request::<Body>::try_from(request).map_err(ReqwestServiceError::from)?;
        request.extensions_mut().extend(self.extensions.clone());
        let mut service = self.service.clone();
        poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
        Ok(service.call(request).await.map_err(Into::into)?.into())
    }
}

impl<S: fmt::Debug> fmt::Debug for ReqwestClient<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestClient").field("service", &self.service).finish_non_exhaustive()
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

/// Connects the client that requests are drafted with to nothing at all.
#[derive(Clone, Copy)]
struct Refuse;

impl<S> Layer<S> for Refuse {
    type Service = Refused<S>;

    fn layer(&self, inner: S) -> Refused<S> {
        Refused(inner)
    }
}

#[derive(Clone)]
struct Refused<S>(S);

impl<S, T> Service<T> for Refused<S>
where
    S: Service<T, Error = BoxError>,
    S::Response: Send,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Ready<Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, _: T) -> Self::Future {
        ready(Err("a request of a ReqwestClient has to be sent with ReqwestClient::send".into()))
    }
}
