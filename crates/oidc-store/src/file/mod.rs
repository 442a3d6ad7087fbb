//! Logins in files, for all processes of one machine.

mod directory;
mod fault;
mod lock;
mod names;
mod step;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use oidc_core::{
    Clock, KeyId, Payload, StoreError, StoreErrorKind, SystemClock, TokenStore,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, StoreTime, WriteId, rules},
};

use self::{directory::Directory, lock::Stripes};
use crate::envelope::{Envelope, Moment};

/// Keeps logins in a directory that all processes of one user on one machine share.
///
/// ```
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use oidc_store::FileStore;
///
/// let store = FileStore::new("/home/alice/.local/state/my-tool/logins");
/// # Ok(())
/// # }
/// ```
///
/// **The directory** is opened at the first use, and made if it is not there (its parent has to be). It has to belong to the user
/// of the process and be open to nobody else (mode 0700), its parent must not let others replace it, and each file in it is a plain
/// file of mode 0600 with one name. Anything else, links and special files included, is [`StoreErrorKind::Insecure`]: nothing is
/// read from it or written to it, and nothing is repaired. On a file system of the network whose locks may not reach other machines
/// (NFS, SMB, AFS, 9P) it is refused, unless [`allow_network_file_system`](Self::allow_network_file_system) says that no other machine uses it.
///
/// **Durability.** Each change writes a new file beside the old one, has it written to the disk, puts it in place of the old
/// one, and has the directory written to the disk. When an operation returns `Ok`, its change outlives a power cut, as far as the disk
/// keeps its word. After a crash at any moment there is the old record or the new one.
///
/// **Several processes.** Each operation holds a lock of the kernel, which ends with the process that holds it, and none is held
/// while a provider is asked. An operation waits two seconds for the lock at most; then it is [`StoreErrorKind::Busy`]. Deadlines
/// are on the boot clock of the machine: after a reboot the claims from before have run out, and leave doubt behind.
///
/// **Damage.** A file that is not what was written, or that belongs to another login, is [`StoreErrorKind::Corrupt`] in every
/// operation. It is never taken for "nobody is logged in", nor overwritten; [`set_aside`](Self::set_aside) makes room for a new login.
///
/// **Signing out** leaves a small file for each login, since a process that still remembers the login must find that it has ended.
/// [`purge`](Self::purge) deletes those that no process can need any more.
///
/// Tokens are not encrypted: whoever can read the files has them. Each operation reads one file and writes at most one, in a
/// thread where it may block. Clones share locks.
///
/// **Cancellation.** Dropping a future before its turn has come does nothing; after that the operation is completed.
#[derive(Clone)]
pub struct FileStore(Arc<Inner>);

struct Inner {
    path: PathBuf,
    any_file_system: bool,
    clock: Arc<dyn Clock>,
    stripes: Stripes,
    directory: Mutex<Option<Arc<Directory>>>,
}

impl FileStore {
    /// The store in the directory `path`. No I/O happens before the first use.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::build(path.into(), false, Arc::new(SystemClock::new()))
    }

    fn build(path: PathBuf, any_file_system: bool, clock: Arc<dyn Clock>) -> Self {
        let (stripes, directory) = Default::default();
        Self(Arc::new(Inner { path, any_file_system, clock, stripes, directory }))
    }

    /// Allows a directory on a file system of the network: for one that only this machine uses, or whose locks are known to
    /// hold for all machines.
    #[must_use]
    pub fn allow_network_file_system(self) -> Self {
        Self::build(self.0.path.clone(), true, self.0.clock.clone())
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Opens the directory now, for a program that wants to know at its start whether it can.
    ///
    /// # Errors
    /// [`StoreErrorKind::Insecure`] where it is open to others, [`StoreErrorKind::Unavailable`] where it cannot be opened or made.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.blocking(|inner| inner.directory().map(drop)).await
    }

    /// Renames the file of a login that is damaged, so that somebody can log in again there; the file is kept, for whoever
    /// wants to look into it. Does nothing where there is no damage.
    ///
    /// # Errors
    /// [`StoreError`] where the file could not be renamed.
    pub async fn set_aside(&self, key: &KeyId) -> Result<(), StoreError> {
        let key = *key;
        self.locked(&key, move |directory| match directory.read(&key) {
            Ok(Some(bytes)) => match Envelope::open(&key, &bytes) {
                Err(error) if error.kind() == StoreErrorKind::Corrupt => directory.set_aside(&key),
                _ => Ok(()),
            },
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        })
        .await
    }

    /// Deletes what signed-out logins have left, where that was more than `age` ago: longer than any process runs that may
    /// remember such a login. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError`] where the directory cannot be read. What cannot be deleted is left.
    pub async fn purge(&self, age: Duration) -> Result<usize, StoreError> {
        let keys = self.blocking(move |inner| inner.directory()?.older_than(inner.clock.wall(), age)).await?;
        let mut purged = 0;
        for key in keys {
            let delete = move |directory: &Directory| {
                let Some(bytes) = directory.read(&key)? else { return Ok(0) };
                let is_tombstone = Envelope::open(&key, &bytes)?.record.is_tombstone();
                if is_tombstone { directory.delete(&key).map(|()| 1) } else { Ok(0) }
            };
            purged += self.locked(&key, delete).await.unwrap_or(0);
        }
        Ok(purged)
    }

    /// Applies a rule to a record while nobody else can.
    async fn apply<T: Send + 'static>(
        &self,
        key: &KeyId,
        rule: impl FnOnce(&mut Option<Record>, StoreTime) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (key, clock) = (*key, self.0.clock.clone());
        self.locked(&key, move |directory| {
            let now = Moment::now(&*clock);
            let saved = directory.read(&key)?;
            let before = saved.map(|bytes| directory.record(&key, &bytes, now)).transpose()?;
            let mut after = before.clone();
            let outcome = rule(&mut after, now.store);
            if let Some(record) = after.filter(|after| Some(after) != before.as_ref()) {
                directory.write(&key, &Envelope::seal(&key, directory.era(), now, &record))?;
            }
            Ok(outcome)
        })
        .await
    }

    /// Reads a record. No lock: a file is replaced as a whole.
    async fn read(&self, key: &KeyId) -> Result<Option<Record>, StoreError> {
        let key = *key;
        self.blocking(move |inner| {
            let (directory, now) = (inner.directory()?, Moment::now(&*inner.clock));
            directory.read(&key)?.map(|bytes| directory.record(&key, &bytes, now)).transpose()
        })
        .await
    }

    /// Runs `operation` under the lock of `key`.
    async fn locked<T: Send + 'static>(
        &self,
        key: &KeyId,
        operation: impl FnOnce(&Directory) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let key = *key;
        let clock = &self.0.clock;
        let turn = self.0.stripes.turn(&key).await;
        let deadline = clock.boot().after(PATIENCE);
        let mut pause = Duration::from_micros(200);
        let lock = loop {
            let lock = self.blocking(move |inner| inner.directory()?.lock(&key)).await?;
            if let Some(lock) = lock {
                break lock;
            }
            if clock.boot() >= deadline {
                return Err(StoreError::new(StoreErrorKind::Busy));
            }
            clock.sleep_until(clock.boot().after(pause)).await;
            pause = (pause * 2).min(Duration::from_millis(5));
        };
        self.blocking(move |inner| {
            let (_turn, _lock) = (turn, lock);
            operation(&*inner.directory()?)
        })
        .await
    }

    /// Runs `operation` where it may block, and to its end whatever becomes of the caller.
    async fn blocking<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let unavailable = |error: String| StoreError::new(StoreErrorKind::Unavailable).with_source(error);
        let runtime =
            tokio::runtime::Handle::try_current().map_err(|error| unavailable(error.to_string()))?;
        let inner = Arc::clone(&self.0);
        let done = runtime.spawn_blocking(move || operation(&inner)).await;
        done.unwrap_or_else(|error| Err(unavailable(error.to_string())))
    }
}

impl Inner {
    /// The open directory. It is kept, so that nobody can put another one in its place later.
    fn directory(&self) -> Result<Arc<Directory>, StoreError> {
        let mut directory = self.directory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(directory) = &*directory {
            return Ok(directory.clone());
        }
        let opened = Arc::new(Directory::open(&self.path, self.any_file_system)?);
        opened.sweep(self.clock.wall());
        Ok(directory.insert(opened).clone())
    }
}

/// How long an operation waits for the lock of another process.
const PATIENCE: Duration = Duration::from_secs(2);

#[async_trait]
impl TokenStore for FileStore {
    async fn load(&self, key: &KeyId) -> Result<Option<Record>, StoreError> {
        self.read(key).await
    }

    async fn put(
        &self,
        key: &KeyId,
        expected: Option<Revision>,
        id: WriteId,
        payload: Payload,
    ) -> Result<Put, StoreError> {
        self.apply(key, move |row, _| rules::put(row, expected, id, payload)).await
    }

    async fn begin(
        &self,
        key: &KeyId,
        seen: Option<Revision>,
        attempt: WriteId,
        ttl: Duration,
    ) -> Result<Begin, StoreError> {
        self.apply(key, move |row, now| rules::begin(row, now, seen, attempt, ttl)).await
    }

    async fn renew(&self, key: &KeyId, lease: &Lease, ttl: Duration) -> Result<Renew, StoreError> {
        let lease = *lease;
        self.apply(key, move |row, now| rules::renew(row, now, &lease, ttl)).await
    }

    async fn commit(&self, key: &KeyId, lease: &Lease, payload: Payload) -> Result<Commit, StoreError> {
        let lease = *lease;
        self.apply(key, move |row, _| rules::commit(row, &lease, payload)).await
    }

    async fn abandon(
        &self,
        key: &KeyId,
        lease: &Lease,
        outcome: Abandon,
        retry_in: Option<Duration>,
    ) -> Result<(), StoreError> {
        let lease = *lease;
        self.apply(key, move |row, now| rules::abandon(row, now, &lease, outcome, retry_in)).await
    }

    async fn remove(&self, key: &KeyId, id: WriteId) -> Result<Revision, StoreError> {
        self.apply(key, move |row, _| rules::remove(row, id)).await
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("path", &self.0.path).finish_non_exhaustive()
    }
}
