//! The layer and its settings.

use oidc_core::TokenSource;
use tower_layer::Layer;

use crate::{
    Bearer, ExistingHeader, GrpcLayer, Origins, PerRequest, ReplayEmpty,
    shared::{Config, Shared},
};

/// Puts a token on every request to the origins that it is meant for, and renews it when an API refuses it.
///
/// `S` is where the tokens come from, `R` which requests are sent again after a 401 (see [`Replay`](crate::Replay)). The
/// [front page](crate) says what happens to a request.
#[derive(Clone, Debug)]
pub struct BearerLayer<S, R = ReplayEmpty> {
    source: S,
    config: Config<R>,
}

impl<S: TokenSource + Clone> BearerLayer<S> {
    /// A layer that sends the tokens of `source` to `origins` and nowhere else. An `Arc` of any source is a source.
    pub fn new(source: S, origins: Origins) -> Self {
        let config =
            Config { origins, existing: ExistingHeader::Keep, retry_unauthorized: true, replay: ReplayEmpty };
        Self { source, config }
    }
}

impl BearerLayer<PerRequest> {
    /// A layer without a source of its own: every request brings one, as [`UseSource`](crate::UseSource). One that does not
    /// fails as a request of a user who is not logged in does, with
    /// [`TokenErrorKind::ReauthRequired`](oidc_core::TokenErrorKind::ReauthRequired).
    pub fn per_request(origins: Origins) -> Self {
        Self::new(PerRequest, origins)
    }
}

impl<S, R> BearerLayer<S, R> {
    /// What to do where the caller has set `Authorization`. The default is [`ExistingHeader::Keep`].
    ///
    /// With another setting every request is marked, which costs two allocations: a second layer, put on the stack by
    /// mistake, has to know the header for its sibling's.
    #[must_use]
    pub fn existing_header(mut self, existing: ExistingHeader) -> Self {
        self.config.existing = existing;
        self
    }

    /// Whether a request is sent once more, with a renewed token, after a 401. The default is `true`.
    ///
    /// With `false` the answer is handed back, and the next call gets another token.
    #[must_use]
    pub fn retry_unauthorized(mut self, retry: bool) -> Self {
        self.config.retry_unauthorized = retry;
        self
    }

    /// Which requests can be sent once more. The default is [`ReplayEmpty`].
    #[must_use]
    pub fn with_replay<Other: Clone>(self, replay: Other) -> BearerLayer<S, Other> {
        let Config { origins, existing, retry_unauthorized, replay: _ } = self.config;
        let config = Config { origins, existing, retry_unauthorized, replay };
        BearerLayer { source: self.source, config }
    }
}

impl<S, R> BearerLayer<S, R> {
    /// The same for gRPC clients: trailers are read as well.
    ///
    /// A gRPC server that has begun to answer says `UNAUTHENTICATED` in the trailers. What was streamed is not sent again, but with
    /// this the next call has another token. Answers get a body of another type for it, [`GrpcBody`](crate::GrpcBody). Without, such a
    /// token is used until its time has come; a status in the headers counts either way.
    ///
    /// Generated clients name no server in their requests, so [`Origins::for_relative`] has to:
    ///
    /// ```
    /// # use oidc_core::TokenSource;
    /// use oidc_tower::{BearerLayer, Origins};
    /// # fn layer(tokens: impl TokenSource + Clone) -> Result<(), oidc_core::ConfigError> {
    /// let layer = BearerLayer::new(tokens, Origins::for_relative("https://grpc.bank.example")?).for_grpc();
    /// // let client = AccountsClient::new(layer.layer(channel));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn for_grpc(self) -> GrpcLayer<S, R> {
        GrpcLayer(self)
    }
}

impl<Svc, S: Clone, R: Clone> Layer<Svc> for BearerLayer<S, R> {
    type Service = Bearer<Svc, S, R>;

    fn layer(&self, inner: Svc) -> Self::Service {
        let shared = Shared { source: self.source.clone(), config: self.config.clone() };
        Bearer::new(inner, shared)
    }
}
