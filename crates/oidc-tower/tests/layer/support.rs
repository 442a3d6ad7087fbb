//! A source that a test drives, and the requests and answers of a made-up API.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::SystemTime,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, header::AUTHORIZATION};
use http_body::{Body, Frame, SizeHint};
use oidc_core::{
    AccessToken, Credential, Generation, Lifetime, Secret, TokenError, TokenErrorKind, TokenSource,
};
use oidc_tower::{BearerLayer, BoxError, Origins};
use tokio::sync::watch;
use tokio_test::assert_ready;
use tower::{Layer, Service};
use tower_test::mock::{self, Handle, Mock, SendResponse};

pub(crate) const API: &str = "https://api.bank.example/accounts";

/// A body, and whether it says that it has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Option<&'static str>);

impl Body for Text {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.0.take().map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.map_or(0, |text| text.len() as u64))
    }
}

pub(crate) type Client = Mock<Request<Text>, Response<Text>>;
pub(crate) type Server = Handle<Request<Text>, Response<Text>>;

/// A client and the server that it talks to.
pub(crate) fn client() -> (Client, Server) {
    mock::pair()
}

pub(crate) fn origins() -> Origins {
    Origins::only(["https://api.bank.example"]).unwrap()
}

pub(crate) fn layer(source: &Arc<Source>) -> BearerLayer<Arc<Source>> {
    BearerLayer::new(Arc::clone(source), origins())
}

/// A layered client whose source has token 1, and the server.
pub(crate) fn layered() -> (Arc<Source>, oidc_tower::Bearer<Client, Arc<Source>>, Server) {
    let source = Source::with_token();
    let (client, server) = client();
    let service = layer(&source).layer(client);
    (source, service, server)
}

pub(crate) fn get(uri: &str) -> Request<Text> {
    Request::get(uri).body(Text(None)).unwrap()
}

pub(crate) fn post(body: &'static str) -> Request<Text> {
    Request::post(API).header("x-kept", "kept").body(Text(Some(body))).unwrap()
}

pub(crate) fn answer(status: u16) -> Response<Text> {
    Response::builder().status(status).body(Text(None)).unwrap()
}

/// The request that the server has received. There is one, or the test fails.
pub(crate) fn received(server: &mut Server) -> (Request<Text>, SendResponse<Response<Text>>) {
    assert_ready!(server.poll_request()).expect("a request")
}

/// Answers the request that the server has received, and says what `Authorization` it had.
pub(crate) fn answer_next(server: &mut Server, answer: Response<Text>) -> Option<String> {
    let (request, respond) = received(server);
    respond.send_response(answer);
    authorization(&request)
}

/// The one `Authorization` header.
pub(crate) fn authorization<B>(request: &Request<B>) -> Option<String> {
    let mut values = request.headers().get_all(AUTHORIZATION).iter();
    let value = values.next()?;
    assert!(values.next().is_none(), "two headers");
    Some(value.to_str().unwrap().to_owned())
}

/// Makes `service` ready, and calls it.
pub(crate) fn call<S, B>(service: &mut S, request: Request<B>) -> tokio_test::task::Spawn<S::Future>
where
    S: Service<Request<B>>,
{
    let ready = tokio_test::task::spawn(()).enter(|cx, _| service.poll_ready(cx));
    assert!(matches!(ready, Poll::Ready(Ok(()))), "not ready");
    tokio_test::task::spawn(service.call(request))
}

/// A source whose renewals end when the test says so. Tokens are called `token-1`, `token-2` and so on.
#[derive(Debug)]
pub(crate) struct Source {
    name: &'static str,
    state: watch::Sender<State>,
    /// Which generation the token is called after, where it is not its own.
    named_after: AtomicU64,
    made: Mutex<BTreeMap<u64, Credential>>,
    log: Mutex<Log>,
}

#[derive(Clone, Debug)]
enum State {
    Valid(u64),
    Renewing { last: u64 },
    Failed { last: u64, error: TokenError },
}

/// What was asked of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    /// How many renewals were started.
    pub(crate) renewals: usize,
    /// Which credentials were reported by callers that did not wait.
    pub(crate) rejected: Vec<u64>,
}

impl Source {
    fn new(name: &'static str, state: State) -> Arc<Self> {
        Arc::new(Self {
            name,
            state: watch::Sender::new(state),
            named_after: AtomicU64::new(0),
            made: Mutex::default(),
            log: Mutex::default(),
        })
    }

    /// One that has token 1.
    pub(crate) fn with_token() -> Arc<Self> {
        Self::new("token", State::Valid(1))
    }

    /// One that has token 1 and calls it something else.
    pub(crate) fn named(name: &'static str) -> Arc<Self> {
        Self::new(name, State::Valid(1))
    }

    /// One that waits for token 1.
    pub(crate) fn without_token() -> Arc<Self> {
        Self::new("token", State::Renewing { last: 0 })
    }

    /// Has the next token, whether it was waited for or not.
    pub(crate) fn renewed(&self) {
        let next = 1 + self.last();
        self.state.send_replace(State::Valid(next));
    }

    /// Has got the token that it had, as the next one.
    pub(crate) fn renewed_in_vain(&self) {
        self.named_after.store(self.last(), Relaxed);
        self.renewed();
    }

    /// Has failed to get the next token.
    pub(crate) fn failed(&self, kind: TokenErrorKind) {
        let last = self.last();
        self.state.send_replace(State::Failed { last, error: TokenError::new(kind) });
    }

    pub(crate) fn log(&self) -> Log {
        self.log.lock().unwrap().clone()
    }

    fn last(&self) -> u64 {
        match *self.state.borrow() {
            State::Valid(last) | State::Renewing { last } | State::Failed { last, .. } => last,
        }
    }

    fn start_renewal(&self, rejected: u64) {
        self.state.send_if_modified(|state| {
            let started = matches!(state, State::Valid(last) if *last == rejected);
            if started {
                *state = State::Renewing { last: rejected };
                self.log.lock().unwrap().renewals += 1;
            }
            started
        });
    }

    fn credential(&self, number: u64) -> Credential {
        let named_after = Some(self.named_after.load(Relaxed)).filter(|number| *number > 0).unwrap_or(number);
        let made = || {
            let text = Secret::from(format!("{}-{named_after}", self.name).as_str());
            let token = AccessToken::bearer(text, Lifetime::new(SystemTime::UNIX_EPOCH, None)).unwrap();
            Credential::new(&token)
        };
        self.made.lock().unwrap().entry(named_after).or_insert_with(made).clone()
    }

    fn number(&self, generation: Generation) -> u64 {
        let made = self.made.lock().unwrap();
        let found = made.iter().find(|(_, credential)| credential.generation() == generation);
        *found.expect("one of this source").0
    }
}

#[async_trait]
impl TokenSource for Source {
    fn peek(&self) -> Option<Credential> {
        match *self.state.borrow() {
            State::Valid(number) => Some(self.credential(number)),
            _ => None,
        }
    }

    async fn token(&self) -> Result<Credential, TokenError> {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| !matches!(state, State::Renewing { .. })).await;
        match &*settled.expect("the source is there") {
            State::Failed { error, .. } => Err(error.clone()),
            State::Valid(last) | State::Renewing { last } => Ok(self.credential(*last)),
        }
    }

    async fn renew(&self, rejected: Generation) -> Result<Credential, TokenError> {
        self.start_renewal(self.number(rejected));
        self.token().await
    }

    fn reject(&self, rejected: Generation) {
        let rejected = self.number(rejected);
        self.log.lock().unwrap().rejected.push(rejected);
        self.start_renewal(rejected);
    }
}
