//! What the examples share: a plain HTTP client, and the time.

pub mod loopback;
pub mod real;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use oidc_kit::{Clock, core::SystemClock};

/// Whatever goes wrong in an example.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What a `main` of an example returns.
pub type Outcome = Result<(), Error>;

/// hyper's client, as a service would use it.
pub type Http = Client<HttpConnector, Empty<Bytes>>;

/// A new hyper client for plain HTTP, as the test kit speaks it.
pub fn http_client() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

/// Time for people: how long the program has been running, and how to wait.
#[derive(Clone, Debug)]
pub struct Stopwatch {
    clock: Arc<SystemClock>,
    start: oidc_kit::core::BootTime,
}

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        let clock = Arc::new(SystemClock::new());
        Self { start: clock.boot(), clock }
    }

    /// How long ago it was started.
    pub fn elapsed(&self) -> Duration {
        self.clock.boot().since(self.start)
    }

    /// Waits.
    pub async fn pause(&self, duration: Duration) {
        self.clock.sleep_until(self.clock.boot().after(duration)).await;
    }

    /// Prints a line with the time before it.
    #[expect(clippy::print_stdout, reason = "examples speak to the person who runs them")]
    pub fn say(&self, text: impl std::fmt::Display) {
        println!("{:6.2} s  {text}", self.elapsed().as_secs_f64());
    }
}
