//! Answers that end in the middle.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use oidc_core::{
    AccessToken, BootTime, Clock, Grant, GrantError, GrantErrorKind, HttpTransport, Issuer, Lifetime,
    SendGate, SystemClock, Target, TokenSet,
};
use oidc_flow::{
    OidcClient,
    provider::{IdTokens, Profile, Provider, ProviderMetadata},
};
use oidc_transport::ReqwestTransport;
use tests::{http_transport, reqwest_builder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const BODY: &str = r#"{"access_token":"a","token_type":"Bearer","expires_in":300,"refresh_token":"r2"}"#;

/// The same answer, whose end is told by a length, by the last chunk, and by the end of the connection.
fn answers() -> [Vec<u8>; 3] {
    let length = BODY.len();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    [
        format!("{head}content-length: {length}\r\n\r\n{BODY}"),
        format!("{head}transfer-encoding: chunked\r\n\r\n{length:x}\r\n{BODY}\r\n0\r\n\r\n"),
        format!("{head}connection: close\r\n\r\n{BODY}"),
    ]
    .map(String::into_bytes)
}

/// A token endpoint that gives as much of its answer as it is told, and cuts the connection then.
struct Endpoint {
    url: String,
    answer: Arc<std::sync::Mutex<Vec<u8>>>,
    requests: Arc<AtomicUsize>,
}

impl Endpoint {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (answer, requests) = <(Arc<std::sync::Mutex<Vec<u8>>>, Arc<AtomicUsize>)>::default();
        let endpoint = Self { url, answer: answer.clone(), requests: requests.clone() };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                read_request(&mut stream).await;
                requests.fetch_add(1, SeqCst);
                let answer = answer.lock().unwrap().clone();
                stream.write_all(&answer).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        endpoint
    }

    fn client(&self, transport: impl HttpTransport) -> OidcClient {
        let issuer = Issuer::insecure_loopback(&self.url).unwrap();
        let metadata = ProviderMetadata::builder(issuer).allow_insecure_loopback();
        let metadata = metadata.token_endpoint(format!("{}/token", self.url)).unwrap().build().unwrap();
        let profile = Profile::default().with_id_tokens(IdTokens::Never);
        let provider = Provider::by_hand(metadata).with_profile(profile).allow_insecure_loopback();
        OidcClient::builder(provider, "app").build(transport).unwrap()
    }
}

async fn read_request(stream: &mut TcpStream) {
    let mut read = Vec::new();
    while !is_whole(&String::from_utf8_lossy(&read)) {
        assert!(stream.read_buf(&mut read).await.unwrap() > 0, "no whole request");
    }
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length")).unwrap().1;
    body.len() == length.parse::<usize>().unwrap()
}

async fn refresh(client: &OidcClient) -> Result<TokenSet, GrantError> {
    let clock = SystemClock::new();
    let access = AccessToken::bearer("old".into(), Lifetime::new(clock.wall(), None)).unwrap();
    let current = TokenSet::new(access).with_refresh_token("r1".into());
    let gate = SendGate::new(Arc::new(clock), BootTime::NEVER);
    client.refresh_grant().obtain(&Target::granted(), Some(&current), &gate).await
}

async fn is_cut_everywhere(transport: impl HttpTransport) {
    let endpoint = Endpoint::start().await;
    let client = endpoint.client(transport);
    let mut sent = 0;
    for whole in answers() {
        for length in 0..=whole.len() {
            whole[..length].clone_into(&mut endpoint.answer.lock().unwrap());
            let outcome = refresh(&client).await;
            sent += 1;
            assert_eq!(endpoint.requests.load(SeqCst), sent, "one request each, cut at {length}");
            match outcome {
                Ok(tokens) => {
                    assert_eq!(length, whole.len(), "tokens from a part of the answer");
                    assert_eq!(tokens.refresh().unwrap().expose(), "r2");
                }
                Err(error) => {
                    assert_ne!(length, whole.len(), "{error:?}");
                    assert_eq!(error.kind(), GrantErrorKind::OutcomeUnknown, "cut at {length}");
                    assert!(error.salvage().is_none(), "cut at {length}");
                }
            }
        }
    }
}

// REF-14, REF-15
#[tokio::test]
async fn an_answer_that_reqwest_gets_in_part_is_lost() {
    is_cut_everywhere(ReqwestTransport::builder(reqwest_builder()).allow_loopback().build().unwrap()).await;
}

// REF-14, REF-15
#[tokio::test]
async fn an_answer_that_hyper_gets_in_part_is_lost() {
    is_cut_everywhere(http_transport()).await;
}
