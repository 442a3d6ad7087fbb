//! yup-oauth2 12: `Authenticator` for a service account.

use std::{fmt::Debug, time::Duration};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderValue;
use serde_json::json;
use yup_oauth2::{
    DefaultHyperClientBuilder, HyperClientBuilder, ServiceAccountAuthenticator, authenticator::Authenticator,
};

use crate::{
    endpoint::Endpoint,
    peer::{Peer, bearer},
    server::serve,
};

pub struct Yup(Authenticator<<DefaultHyperClientBuilder as HyperClientBuilder>::Connector>);

impl Peer for Yup {
    const NAME: &'static str = "yup-oauth2 12";
    // Refreshed from 60 s before its end.
    const WINDOW: (Duration, Duration) = (Duration::from_secs(60), Duration::ZERO);

    async fn new(endpoint: Endpoint) -> Self {
        let key = json!({
            "type": "service_account",
            "client_email": "peers@id.example",
            "private_key": key(),
            "token_uri": serve(endpoint),
        });
        let key = serde_json::from_value(key).expect("the key of a service account");
        Self(ServiceAccountAuthenticator::builder(key).build().await.expect("an authenticator"))
    }

    async fn header(&self) -> Result<HeaderValue, Box<dyn Debug + Send>> {
        let token = self.0.token(&["https://api.bank.example/.default"]).await;
        let token = token.map_err(|error| Box::new(error) as Box<dyn Debug + Send>)?;
        Ok(bearer(token.token().expect("a token")))
    }
}

/// A new key, as PEM: nothing else knows it.
fn key() -> String {
    let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: Pkcs8V1Der<'_> = key.as_der().expect("its encoding");
    let text = BASE64_STANDARD.encode(der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}
