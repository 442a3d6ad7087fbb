//! How a store is set up.

use std::time::Duration;

use oidc_core::ConfigError;
use redis::{IntoConnectionInfo, cluster::ClusterClientBuilder};
use url::{Host, Url};

use crate::{
    RedisStore,
    link::{Link, Replicas},
};

/// Builds a [`RedisStore`].
#[derive(Clone)]
pub struct RedisStoreBuilder {
    urls: Vec<String>,
    cluster: bool,
    prefix: String,
    timeout: Duration,
    replicas: Option<Replicas>,
    keep_tombstones: Option<Duration>,
    unencrypted: bool,
}

impl RedisStoreBuilder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            urls: vec![url.to_owned()],
            cluster: false,
            prefix: "oidc".to_owned(),
            timeout: Duration::from_secs(2),
            replicas: None,
            keep_tombstones: None,
            unencrypted: false,
        }
    }

    /// The server is a node of a Cluster; `others` are more of its nodes, to ask where this one is down.
    #[must_use]
    pub fn cluster<U: Into<String>>(mut self, others: impl IntoIterator<Item = U>) -> Self {
        self.cluster = true;
        self.urls.extend(others.into_iter().map(Into::into));
        self
    }

    /// What the keys begin with. Default `oidc`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long the server may take to be reached, and to answer. Default 2 s, which is also what a refresh gives a store.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Has every write wait until `count` replicas have it, for `patience` at most (`WAIT`). Where fewer confirm it in time the
    /// operation fails as one whose outcome is unknown, and is repeated as the contract says. Default: no waiting. Not in a Cluster.
    #[must_use]
    pub fn wait_replicas(mut self, count: u32, patience: Duration) -> Self {
        self.replicas = Some(Replicas { count, patience });
        self
    }

    /// How long what is left of a signed-out login is kept: longer than any process runs that may remember the login, and than any
    /// late answer takes. Default: for ever.
    #[must_use]
    pub fn keep_tombstones(mut self, time: Duration) -> Self {
        self.keep_tombstones = Some(time);
        self
    }

    /// Allows a connection over the network that is not encrypted: for a network that is protected otherwise.
    #[must_use]
    pub fn allow_unencrypted(mut self) -> Self {
        self.unencrypted = true;
        self
    }

    /// The store. No I/O happens before the first use.
    ///
    /// # Errors
    /// [`ConfigError`] where a URL is none, or is not encrypted and not on loopback, where the prefix is empty or has braces, or where a
    /// Cluster is to wait for replicas.
    pub fn build(self) -> Result<RedisStore, ConfigError> {
        let invalid = |field, reason| Err(ConfigError::Invalid { field, reason });
        if self.prefix.is_empty() || self.prefix.contains(['{', '}']) {
            return invalid("prefix", "empty, or has braces, which decide where in a Cluster a key is");
        }
        if self.timeout.is_zero() {
            return invalid("timeout", "zero");
        }
        if self.cluster && self.replicas.is_some() {
            return invalid("wait_replicas", "not in a Cluster");
        }
        if self.keep_tombstones.is_some_and(|time| time < Duration::from_secs(3_600)) {
            return invalid("keep_tombstones", "below an hour");
        }
        for url in &self.urls {
            check(url, self.unencrypted)?;
        }
        let keep = self.keep_tombstones.map(|time| time.as_millis().min(1 << 50).to_string());
        Ok(RedisStore { link: self.link()?, prefix: self.prefix, keep_tombstones: keep.unwrap_or_default() })
    }

    fn link(&self) -> Result<Link, ConfigError> {
        if self.cluster {
            let client = ClusterClientBuilder::new(self.urls.iter().map(String::as_str))
                .connection_timeout(self.timeout)
                .response_timeout(self.timeout)
                .retries(1)
                .build();
            return Ok(Link::to_cluster(client.map_err(|_| no_url())?, self.replicas));
        }
        let url = self.urls.first().ok_or_else(no_url)?;
        let client = redis::Client::open(url.as_str()).map_err(|_| no_url())?;
        Ok(Link::to_one(client, self.timeout, self.replicas))
    }
}

impl std::fmt::Debug for RedisStoreBuilder {
    /// Without the URLs, which may have a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}

fn check(url: &str, unencrypted: bool) -> Result<(), ConfigError> {
    url.into_connection_info().map_err(|_| no_url())?;
    let parsed = Url::parse(url).map_err(|_| no_url())?;
    let is_local = match (parsed.scheme(), parsed.host()) {
        ("unix" | "redis+unix" | "rediss", _) => true,
        (_, Some(Host::Domain(name))) => name == "localhost",
        (_, Some(Host::Ipv4(address))) => address.is_loopback(),
        (_, Some(Host::Ipv6(address))) => address.is_loopback(),
        (_, None) => false,
    };
    // A scheme that is not special to URLs leaves addresses as names.
    let is_local = is_local || parsed.host_str().is_some_and(is_loopback);
    if is_local || unencrypted {
        return Ok(());
    }
    Err(ConfigError::Url { field: "redis", reason: "not encrypted, and not on loopback" })
}

fn is_loopback(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn no_url() -> ConfigError {
    ConfigError::Url { field: "redis", reason: "no URL of a Redis server" }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RED-08
    #[test]
    fn what_is_not_encrypted_stays_on_the_machine() {
        for (url, fine) in [
            ("redis://127.0.0.1:6379", true),
            ("redis://[::1]/1", true),
            ("redis://localhost", true),
            ("unix:///run/redis.sock", true),
            ("redis://10.0.0.7:6379", false),
            ("redis://redis.example", false),
            ("redis://localhost.example", false),
            ("redis://127.0.0.1.example", false),
            ("http://127.0.0.1", false),
            ("nonsense", false),
            ("", false),
        ] {
            assert_eq!(RedisStore::builder(url).build().is_ok(), fine, "{url}");
        }
        assert!(RedisStore::builder("redis://redis.example").allow_unencrypted().build().is_ok());
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let builder = || RedisStore::builder("redis://127.0.0.1");
        let patience = Duration::from_millis(100);
        assert!(builder().prefix("").build().is_err());
        assert!(builder().prefix("a{b}").build().is_err());
        assert!(builder().timeout(Duration::ZERO).build().is_err());
        assert!(builder().keep_tombstones(patience).build().is_err());
        assert!(builder().cluster(["redis://127.0.0.1:7001"]).wait_replicas(1, patience).build().is_err());
        assert!(builder().cluster(["redis://redis.example"]).build().is_err());
    }

    // LEA-01
    #[test]
    fn a_password_is_not_shown() {
        let builder = RedisStore::builder("redis://user:canary@127.0.0.1/");
        assert!(!format!("{builder:?} {:?}", builder.clone().build()).contains("canary"));
    }
}
