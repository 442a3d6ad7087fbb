//! What every store keeps, kept by `RedisStore`, on one server and in a Cluster.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::server::{Place, Server};

/// The server that all tests of this kind share while any of them runs.
fn shared(running: &Mutex<Weak<Server>>, start: impl AsyncFnOnce() -> Server) -> Arc<Server> {
    let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = running.upgrade() {
        return server;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = Arc::new(runtime.block_on(start()));
    *running = Arc::downgrade(&server);
    server
}

mod one {
    use super::*;

    fn place() -> Place {
        static RUNNING: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        Place::new(shared(&RUNNING, async || Server::start(&[]).await), false)
    }

    oidc_testkit::token_store_contract!(place());
}

// RED-06
mod cluster {
    use super::*;

    fn place() -> Place {
        static RUNNING: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let start = async || {
            let server = Server::start(&["--cluster-enabled", "yes"]).await;
            assert_eq!(server.cli(&["cluster", "addslotsrange", "0", "16383"]).trim(), "OK");
            while !server.cli(&["cluster", "info"]).contains("cluster_state:ok") {
                std::thread::yield_now();
            }
            server
        };
        Place::new(shared(&RUNNING, start), true)
    }

    oidc_testkit::token_store_contract!(place());
}
