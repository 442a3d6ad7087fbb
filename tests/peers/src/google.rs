//! google-cloud-auth 1: the credentials of a user, whose task gets every token ahead of time.

use std::{fmt::Debug, time::Duration};

use google_cloud_auth::credentials::{CacheableResource, Credentials, user_account::Builder};
use http::{Extensions, HeaderValue, header::AUTHORIZATION};
use serde_json::json;

use crate::{endpoint::Endpoint, peer::Peer, server::serve};

pub struct Google(Credentials);

impl Peer for Google {
    const NAME: &'static str = "google-cloud-auth 1";
    // Refreshed by its task 240 s before its end: about when the storm begins.
    const WINDOW: (Duration, Duration) = (Duration::from_secs(245), Duration::from_millis(4_995));

    async fn new(endpoint: Endpoint) -> Self {
        let user = json!({
            "type": "authorized_user",
            "client_id": "client",
            "client_secret": "secret",
            "refresh_token": "refresh",
            "token_uri": serve(endpoint),
        });
        Self(Builder::new(user).build().expect("credentials"))
    }

    async fn header(&self) -> Result<HeaderValue, Box<dyn Debug + Send>> {
        let headers = self.0.headers(Extensions::new()).await;
        match headers.map_err(|error| Box::new(error) as Box<dyn Debug + Send>)? {
            CacheableResource::New { mut data, .. } => Ok(data.remove(AUTHORIZATION).expect("the header")),
            CacheableResource::NotModified => unreachable!("nothing was there to be modified"),
        }
    }
}
