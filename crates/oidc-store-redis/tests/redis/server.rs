//! A Redis server of its own for each place.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use oidc_core::{Clock, SystemClock, TokenStore};
use oidc_store_redis::{RedisStore, RedisStoreBuilder};
use oidc_testkit::contract::{Sharing, StorePlace};
use tempfile::TempDir;

/// Ends with the value.
pub(crate) struct Server {
    process: Child,
    port: u16,
    settings: Vec<String>,
    folder: TempDir,
}

impl Server {
    /// A server with these settings beside the usual ones, once it answers.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let settings: Vec<_> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        for _ in 0..5 {
            // Somebody else may take the port before the server does.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let folder = tempfile::tempdir().unwrap();
            let process = launch(port, &settings, &folder);
            let mut server = Self { process, port, settings: settings.clone(), folder };
            if server.answers().await {
                return server;
            }
        }
        panic!("redis-server does not start");
    }

    /// Starts the server again, with what it had on its disk.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        self.process = launch(self.port, &self.settings, &self.folder);
        assert!(self.answers().await, "redis-server does not start again");
    }

    /// Waits until the server answers, and no other one.
    async fn answers(&mut self) -> bool {
        let clock = SystemClock::new();
        let own = format!("process_id:{}\r", self.process.id());
        for _ in 0..500 {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            let said = self.cli(&["info", "server"]);
            if said.contains(&own) || said.contains("NOAUTH") {
                return true;
            }
            clock.sleep_until(clock.boot().after(std::time::Duration::from_millis(10))).await;
        }
        false
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn store(&self) -> RedisStoreBuilder {
        RedisStore::builder(&self.url())
    }

    /// Sends a command with `redis-cli`, and gives what it prints.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let port = self.port.to_string();
        let output = Command::new("redis-cli").args(["-p", &port]).args(arguments).output();
        String::from_utf8(output.expect("redis-cli starts; Debian has it in redis-tools").stdout).unwrap()
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn launch(port: u16, settings: &[String], folder: &TempDir) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"])
        .args(["--maxmemory-policy", "noeviction"])
        .args(settings)
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server starts; Debian has it in the package redis-server")
}

/// A part of a server that nobody else uses.
pub(crate) struct Place {
    server: Arc<Server>,
    prefix: String,
    cluster: bool,
}

impl Place {
    pub(crate) fn new(server: Arc<Server>, cluster: bool) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self { server, prefix: format!("test{}", LAST.fetch_add(1, Ordering::Relaxed)), cluster }
    }
}

#[async_trait]
impl StorePlace for Place {
    async fn open(&self) -> Arc<dyn TokenStore> {
        let store = self.server.store().prefix(&self.prefix);
        let store = if self.cluster { store.cluster([self.server.url()]) } else { store };
        Arc::new(store.build().unwrap())
    }

    fn sharing(&self) -> Sharing {
        Sharing::Processes
    }
}
