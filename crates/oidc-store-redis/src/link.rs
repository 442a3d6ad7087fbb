//! The connection, and one operation over it.

use std::{sync::Arc, time::Duration};

use oidc_core::{StoreError, store::WriteId};
use redis::{
    RedisError, Script, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
};
use tokio::sync::{Mutex, OnceCell};

use crate::{
    answer::{Answer, hex},
    fault::{fault, too_few_replicas},
};

/// One operation of the contract.
pub(crate) struct Operation {
    pub(crate) key: String,
    pub(crate) name: &'static str,
    pub(crate) writes: bool,
    pub(crate) arguments: Vec<Vec<u8>>,
}

/// A server or a Cluster, and the connection to it.
#[derive(Clone)]
pub(crate) struct Link(Arc<Inner>);

struct Inner {
    servers: Servers,
    script: Script,
    replicas: Option<Replicas>,
}

enum Servers {
    One { client: redis::Client, timeout: Duration, connection: OnceCell<ConnectionManager> },
    Cluster { client: ClusterClient, connection: Mutex<Option<ClusterConnection>> },
}

/// How many replicas have to confirm a write, and for how long they are waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replicas {
    pub(crate) count: u32,
    pub(crate) patience: Duration,
}

impl Link {
    pub(crate) fn to_one(client: redis::Client, timeout: Duration, replicas: Option<Replicas>) -> Self {
        Self::to(Servers::One { client, timeout, connection: OnceCell::new() }, replicas)
    }

    pub(crate) fn to_cluster(client: ClusterClient, replicas: Option<Replicas>) -> Self {
        Self::to(Servers::Cluster { client, connection: Mutex::default() }, replicas)
    }

    fn to(servers: Servers, replicas: Option<Replicas>) -> Self {
        Self(Arc::new(Inner { servers, script: Script::new(SCRIPT), replicas }))
    }

    pub(crate) async fn run(&self, operation: Operation) -> Result<Answer, StoreError> {
        match &self.0.servers {
            Servers::One { client, timeout, connection } => {
                let connect = || async { connect(client.clone(), *timeout) };
                let mut connection =
                    connection.get_or_try_init(connect).await.map_err(|error| fault(&error))?.clone();
                self.ask(&mut connection, operation).await
            }
            Servers::Cluster { client, connection } => {
                let mut connected = connection.lock().await;
                let mut connection = match &*connected {
                    Some(connection) => connection.clone(),
                    None => {
                        let new = client.get_async_connection().await.map_err(|error| fault(&error))?;
                        connected.insert(new).clone()
                    }
                };
                drop(connected);
                self.ask(&mut connection, operation).await
            }
        }
    }

    async fn ask(
        &self,
        connection: &mut (impl ConnectionLike + Send),
        operation: Operation,
    ) -> Result<Answer, StoreError> {
        let Operation { key, name, writes, arguments } = operation;
        let mut call = self.0.script.key(&key);
        call.arg(name).arg(hex(WriteId::NIL));
        for argument in arguments {
            call.arg(argument);
        }
        let value: Value = call.invoke_async(connection).await.map_err(|error| fault(&error))?;
        let answer = Answer::read(value)?;
        if let Some(replicas) = self.0.replicas.filter(|_| writes) {
            let confirmed = wait(connection, replicas).await.map_err(|error| fault(&error))?;
            if confirmed < replicas.count {
                return Err(too_few_replicas());
            }
        }
        Ok(answer)
    }
}

/// Makes the connection, which is opened with the first command and opened again when it breaks.
fn connect(client: redis::Client, timeout: Duration) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(timeout))
        .set_number_of_retries(1);
    ConnectionManager::new_lazy_with_config(client, config)
}

/// How many replicas have everything that was written over this connection.
async fn wait(connection: &mut (impl ConnectionLike + Send), replicas: Replicas) -> Result<u32, RedisError> {
    let milliseconds = u64::try_from(replicas.patience.as_millis()).unwrap_or(u64::MAX);
    redis::cmd("WAIT").arg(replicas.count).arg(milliseconds).query_async(connection).await
}

const SCRIPT: &str = include_str!("script.lua");
