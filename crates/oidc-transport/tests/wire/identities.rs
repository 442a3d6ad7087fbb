//! Clients that show certificates of their own.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::Request;
use oidc_core::{HttpTransport, TransportErrorKind as Kind};
use oidc_transport::ReqwestTransport;
use rcgen::{CertifiedKey, KeyPair};
use reqwest::{Certificate, Identity};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
        server::WebPkiClientVerifier,
    },
};

fn made(name: &str) -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap()
}

/// A server that knows two clients, and keeps connections; it notes who asked on each of them.
struct Server {
    address: SocketAddr,
    certificate: Certificate,
    clients: [CertifiedKey<KeyPair>; 2],
    connections: Arc<Mutex<Vec<Option<usize>>>>,
}

impl Server {
    async fn start() -> Self {
        let (own, clients) = (made("localhost"), [made("one"), made("two")]);
        let mut roots = RootCertStore::empty();
        for client in &clients {
            roots.add(client.cert.der().clone()).unwrap();
        }
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let config = ServerConfig::builder()
            .with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            certificate: Certificate::from_der(own.cert.der()).unwrap(),
            clients,
            connections: Arc::default(),
        };
        let known: Vec<_> = server.clients.iter().map(|client| client.cert.der().clone()).collect();
        let (acceptor, connections) = (TlsAcceptor::from(Arc::new(config)), server.connections.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).cloned();
                let client = known.iter().position(|known| Some(known) == shown.as_ref());
                connections.lock().unwrap().push(client);
                tokio::spawn(async move {
                    while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                        let body = client.map_or("?".to_owned(), |number| number.to_string());
                        let answer =
                            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                        let _ = stream.write_all(answer.as_bytes()).await;
                    }
                });
            }
        });
        server
    }

    fn transport(&self, client: Option<usize>) -> ReqwestTransport {
        let mut builder = reqwest::Client::builder().tls_certs_only([self.certificate.clone()]);
        if let Some(client) = client.map(|number| &self.clients[number]) {
            let pem = format!("{}{}", client.cert.pem(), client.signing_key.serialize_pem());
            builder = builder.identity(Identity::from_pem(pem.as_bytes()).unwrap());
        }
        ReqwestTransport::builder(builder).allow_loopback().build().unwrap()
    }

    /// Which client the server takes `transport` for.
    async fn ask(&self, transport: &ReqwestTransport) -> Result<Bytes, Kind> {
        let url = format!("https://localhost:{}/", self.address.port());
        let answer = transport.send(Request::get(url).body(Bytes::new()).unwrap()).await;
        answer.map(|answer| answer.into_body()).map_err(|error| error.kind())
    }
}

// NET-14
#[tokio::test]
async fn clients_with_certificates_of_their_own_share_neither_connections_nor_sessions() {
    let server = Server::start().await;
    let transports = [server.transport(Some(0)), server.transport(Some(1))];
    for _ in 0..3 {
        for (number, transport) in transports.iter().enumerate() {
            assert_eq!(server.ask(transport).await.unwrap(), number.to_string());
        }
    }
    assert_eq!(*server.connections.lock().unwrap(), [Some(0), Some(1)]);
    // Connections of another transport, which nobody is let in by without a certificate, help nobody.
    assert!(server.ask(&server.transport(None)).await.is_err());
    assert_eq!(server.connections.lock().unwrap().len(), 2);
}
