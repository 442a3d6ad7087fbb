//! Certificates, which nobody can talk the transport out of checking.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::Request;
use oidc_core::{HttpTransport, TransportErrorKind as Kind};
use oidc_transport::ReqwestTransport;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use reqwest::{Certificate, ClientBuilder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// A server with a certificate of its own making for `localhost`.
struct Server {
    address: SocketAddr,
    certificate: Certificate,
}

impl Server {
    async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// A server whose certificate is changed before it is signed.
    async fn with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        let certificate = Certificate::from_der(made.der()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nsafe").await;
            }
        });
        Self { address, certificate }
    }

    async fn ask(&self, host: &str, client: ClientBuilder) -> Result<Bytes, (Kind, bool)> {
        let transport = ReqwestTransport::builder(client).allow_loopback().build().unwrap();
        let url = format!("https://{host}:{}/", self.address.port());
        let answer = transport.send(Request::get(url).body(Bytes::new()).unwrap()).await;
        answer.map(|answer| answer.into_body()).map_err(|error| (error.kind(), error.may_have_been_sent()))
    }
}

// NET-03
#[tokio::test]
async fn a_certificate_is_good_for_its_names_and_only_if_its_root_is_known() {
    let server = Server::start().await;
    let knowing = || reqwest::Client::builder().tls_certs_merge([server.certificate.clone()]);
    assert_eq!(server.ask("localhost", knowing()).await.unwrap(), "safe");
    assert_eq!(server.ask("127.0.0.1", knowing()).await, Err((Kind::Tls, false)));
    assert_eq!(server.ask("localhost", reqwest::Client::builder()).await, Err((Kind::Tls, false)));
}

// NET-03
#[tokio::test]
async fn a_client_builder_that_accepts_everything_changes_nothing() {
    let server = Server::start().await;
    let lax = || {
        let client = reqwest::Client::builder().tls_danger_accept_invalid_certs(true);
        client.tls_danger_accept_invalid_hostnames(true)
    };
    assert_eq!(server.ask("localhost", lax()).await, Err((Kind::Tls, false)));
    let knowing = lax().tls_certs_merge([server.certificate.clone()]);
    assert_eq!(server.ask("127.0.0.1", knowing).await, Err((Kind::Tls, false)));
}

// NET-03
#[tokio::test]
async fn a_certificate_is_good_in_its_time() {
    type Time = fn(&mut CertificateParams);
    let ended: Time = |params| params.not_after = date_time_ymd(2020, 1, 1);
    let to_come: Time = |params| params.not_before = date_time_ymd(4000, 1, 1);
    for time in [ended, to_come] {
        let server = Server::with(time).await;
        let knowing = reqwest::Client::builder().tls_certs_merge([server.certificate.clone()]);
        assert_eq!(server.ask("localhost", knowing).await, Err((Kind::Tls, false)));
    }
}

// NET-03
#[tokio::test]
async fn an_alert_in_the_handshake_is_a_failure_of_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server { address, certificate: Server::start().await.certificate };
    let (answer, _stream) = tokio::join!(server.ask("localhost", reqwest::Client::builder()), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        // Fatal: handshake_failure (RFC 8446 section 6.2).
        stream.write_all(&[21, 3, 3, 0, 2, 2, 40]).await.unwrap();
        stream
    });
    assert_eq!(answer, Err((Kind::Tls, false)));
}
