//! Aritma ID: a web app logs users in as a confidential client and shows the companies that a user can access.
//!
//! `cargo run --example aritma` plays everything: a provider with Aritma's endpoints, the API, the web app, and a browser that logs in
//! and looks at the page. With `ARITMA_ID_URL`, `ARITMA_API_URL`, `ARITMA_CLIENT_ID` and `ARITMA_CLIENT_SECRET` set it serves the
//! web app for real at `http://localhost:8401` (register `http://localhost:8401/callback`) until it is stopped.

mod app;
mod offline;

use std::env;

use examples::{Outcome, Stopwatch};
use oidc_kit::{ClientAuth, Issuer, OidcClient, Origins, ReqwestTransport, Secret, provider::aritma_id};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Outcome {
    let watch = Stopwatch::start();
    match env::var("ARITMA_ID_URL") {
        Ok(base) => real(&watch, base).await,
        Err(_) => offline::play(&watch).await,
    }
}

async fn real(watch: &Stopwatch, base: String) -> Outcome {
    let api = env::var("ARITMA_API_URL")?;
    let client = OidcClient::builder(aritma_id(Issuer::new(base)?)?, env::var("ARITMA_CLIENT_ID")?)
        .auth(ClientAuth::secret_post(Secret::from(env::var("ARITMA_CLIENT_SECRET")?)))
        .redirect_uri("http://localhost:8401/callback")
        .build(ReqwestTransport::new()?)?;
    let app = app::App::new(client, &api, Origins::only([api.as_str()])?)?;
    let listener = TcpListener::bind("127.0.0.1:8401").await?;
    watch.say("open http://localhost:8401 in your browser; Ctrl-C ends");
    let server = axum::serve(listener, app.router());
    Ok(server.with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) }).await?)
}
