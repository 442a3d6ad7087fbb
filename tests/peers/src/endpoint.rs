//! A token endpoint inside this process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::request::token;

/// Gives tokens after some time, and counts who asks. Clones are the same endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    life: Arc<AtomicUsize>,
    takes: Arc<AtomicUsize>,
    is_down: Arc<AtomicBool>,
    requests: Arc<AtomicUsize>,
}

/// What an endpoint that is down says.
#[derive(Debug)]
pub struct Down;

impl std::fmt::Display for Down {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("503")
    }
}

impl std::error::Error for Down {}

impl Endpoint {
    /// Gives tokens that live for `life`, at once.
    pub fn giving(life: Duration) -> Self {
        let life = Arc::new(AtomicUsize::new(life.as_secs() as usize));
        Self { life, takes: Arc::default(), is_down: Arc::default(), requests: Arc::default() }
    }

    /// From now on a token lives for an hour, an answer takes so many milliseconds, and is none if the endpoint `is_down`. Requests are
    /// counted anew.
    pub fn change(&self, milliseconds: usize, is_down: bool) {
        self.life.store(3_600, Relaxed);
        self.takes.store(milliseconds, Relaxed);
        self.is_down.store(is_down, Relaxed);
        self.requests.store(0, Relaxed);
    }

    /// How many requests there were.
    pub fn requests(&self) -> usize {
        self.requests.load(Relaxed)
    }

    /// One token request; the life of the token.
    pub async fn ask(&self) -> Result<Duration, Down> {
        self.requests.fetch_add(1, Relaxed);
        let takes = self.takes.load(Relaxed);
        if takes > 0 {
            tokio::time::sleep(Duration::from_millis(takes as u64)).await;
        }
        if self.is_down.load(Relaxed) {
            Err(Down)
        } else {
            Ok(Duration::from_secs(self.life.load(Relaxed) as u64))
        }
    }

    /// One token request; the answer as JSON.
    pub async fn answer(&self) -> Result<String, Down> {
        let life = self.ask().await?.as_secs();
        Ok(format!(r#"{{"token_type":"Bearer","expires_in":{life},"access_token":"{}"}}"#, token()))
    }
}
