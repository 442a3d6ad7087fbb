//! The page to which a browser on this machine comes back.

use axum::{Router, extract::RawQuery, response::Html, routing::get};
use tokio::{net::TcpListener, sync::mpsc};

use crate::Error;

/// Listens at `redirect_uri`, an `http` URL on this machine, and gives the query of the first request to it that has one. Whether
/// it belongs to the login is for the login to check.
pub async fn wait_for_callback(redirect_uri: &str) -> Result<String, Error> {
    let url = url::Url::parse(redirect_uri)?;
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err("the redirect URI has no host".into());
    };
    let (sender, mut queries) = mpsc::channel(1);
    let page = get(|RawQuery(query): RawQuery| async move {
        if let Some(query) = query {
            let _ = sender.try_send(query);
        }
        Html("<!doctype html><title>Logged in</title><p>You may close this page and go back to the program.")
    });
    let listener = TcpListener::bind((host.trim_matches(['[', ']']), port)).await?;
    let server = axum::serve(listener, Router::new().route(url.path(), page));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = server.with_graceful_shutdown(async move { drop(stopped.await) });
    let server = tokio::spawn(server.into_future());
    let query = queries.recv().await.ok_or("the listener stopped")?;
    let _ = stop.send(());
    server.await??;
    Ok(query)
}
