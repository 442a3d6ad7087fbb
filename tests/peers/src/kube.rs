//! kube-client 5: the layer of its `Config`, with the token of a file as a pod has it. The file is read once a minute, so there is
//! neither a token request nor a storm.

use std::{convert::Infallible, fs};

use kube_client::{Config, client::ConfigExt};
use tower::{Layer, Service, ServiceExt};

use crate::request::{Answers, Body, token};

pub const NAME: &str = "kube-client 5 AuthLayer (token file)";

pub fn service() -> impl Service<http::Request<Body>, Response = http::Response<Body>> {
    let file = std::env::temp_dir().join(format!("oidc-peers-{}", std::process::id()));
    fs::write(&file, token()).expect("a token file");
    let mut config = Config::new(http::Uri::from_static("https://api.bank.example"));
    config.auth_info.token_file = Some(file.to_str().expect("a path in UTF-8").to_owned());
    let layer = config.auth_layer().expect("a token").expect("a layer");
    // It goes on with what it has read.
    fs::remove_file(&file).expect("the token file");
    // The layer wants errors of this type from the service that it wraps.
    layer.layer(Answers.map_err(|never: Infallible| -> tower::BoxError { match never {} }))
}
