//! Directories and files that others made, changed or damaged.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::Duration,
};

use oidc_core::{
    Issuer, KeyId, Payload, StoreErrorKind, Subject, TokenKey, TokenStore,
    store::{Put, WriteId},
};
use oidc_store::FileStore;
use tempfile::TempDir;

fn key() -> KeyId {
    TokenKey::new(Issuer::new("https://id.example").unwrap(), "app", Subject::App).id()
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logins");
    (folder, path)
}

async fn log_in(store: &FileStore, text: &str) -> Result<Put, StoreErrorKind> {
    let expected = store.load(&key()).await.map_err(|error| error.kind())?.map(|record| record.revision);
    let payload = Payload::new(text.as_bytes().to_vec());
    store.put(&key(), expected, WriteId::random(), payload).await.map_err(|error| error.kind())
}

/// The file of the one login.
fn file(path: &Path) -> PathBuf {
    path.join(format!("{}.login", key()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

async fn kind(store: &FileStore) -> Option<StoreErrorKind> {
    store.load(&key()).await.err().map(|error| error.kind())
}

// FIL-08
#[tokio::test]
async fn nobody_else_can_read_what_is_written() {
    let (_folder, path) = folder();
    let store = FileStore::new(&path);
    store.check().await.unwrap();
    log_in(&store, "tokens").await.unwrap();
    assert_eq!(mode(&path), 0o700);
    for entry in fs::read_dir(&path).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

// FIL-08
#[tokio::test]
async fn what_is_open_to_others_is_refused_and_not_repaired() {
    for open in [0o750, 0o701, 0o777] {
        let (_folder, path) = folder();
        log_in(&FileStore::new(&path), "tokens").await.unwrap();
        fs::set_permissions(&path, Permissions::from_mode(open)).unwrap();
        assert_eq!(
            FileStore::new(&path).check().await.unwrap_err().kind(),
            StoreErrorKind::Insecure,
            "{open:o}"
        );
        assert_eq!(mode(&path), open);
    }
    for open in [0o640, 0o604, 0o666] {
        let (_folder, path) = folder();
        let store = FileStore::new(&path);
        log_in(&store, "tokens").await.unwrap();
        fs::set_permissions(file(&path), Permissions::from_mode(open)).unwrap();
        assert_eq!(kind(&store).await, Some(StoreErrorKind::Insecure), "{open:o}");
        assert_eq!(log_in(&store, "new").await, Err(StoreErrorKind::Insecure), "{open:o}");
    }
}

// FIL-10
#[tokio::test]
async fn a_parent_in_which_others_can_exchange_the_directory_is_refused() {
    for (open, refused) in [(0o777, true), (0o775, true), (0o1777, false), (0o755, false)] {
        let (folder, path) = folder();
        fs::set_permissions(folder.path(), Permissions::from_mode(open)).unwrap();
        let found = FileStore::new(&path).check().await.err().map(|error| error.kind());
        assert_eq!(found, refused.then_some(StoreErrorKind::Insecure), "{open:o}");
    }
}

// FIL-09
#[tokio::test]
async fn links_and_special_files_are_not_followed() {
    let (folder, path) = folder();
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::set_permissions(&elsewhere, Permissions::from_mode(0o700)).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert_eq!(FileStore::new(&path).check().await.unwrap_err().kind(), StoreErrorKind::Insecure);

    let store = FileStore::new(&elsewhere);
    log_in(&store, "tokens").await.unwrap();
    let (record, moved) = (file(&elsewhere), folder.path().join("moved"));
    fs::rename(&record, &moved).unwrap();
    symlink(&moved, &record).unwrap();
    assert_eq!(kind(&store).await, Some(StoreErrorKind::Insecure), "a link");
    fs::remove_file(&record).unwrap();
    fs::hard_link(&moved, &record).unwrap();
    assert_eq!(kind(&store).await, Some(StoreErrorKind::Insecure), "a second name");
    fs::remove_file(&record).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &record, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    assert_eq!(kind(&store).await, Some(StoreErrorKind::Insecure), "a pipe");
    fs::remove_file(&record).unwrap();
    fs::create_dir(&record).unwrap();
    assert_eq!(kind(&store).await, Some(StoreErrorKind::Insecure), "a directory");
    assert!(!fs::read(&moved).unwrap().is_empty(), "what a link points to is left alone");
}

// FIL-10
#[tokio::test]
async fn a_directory_that_is_exchanged_later_is_not_used() {
    let (folder, path) = folder();
    let store = FileStore::new(&path);
    log_in(&store, "tokens").await.unwrap();
    fs::rename(&path, folder.path().join("moved")).unwrap();
    fs::create_dir(&path).unwrap();
    log_in(&store, "newer").await.unwrap();
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
}

// STO-07, STO-12
#[tokio::test]
async fn damage_is_noticed_and_kept_until_somebody_sets_it_aside() {
    let (_folder, path) = folder();
    let store = FileStore::new(&path);
    log_in(&store, "tokens").await.unwrap();
    let whole = fs::read(file(&path)).unwrap();
    let damages: [Vec<u8>; 4] =
        [Vec::new(), whole[..whole.len() - 1].to_vec(), b"not ours".to_vec(), vec![0; whole.len()]];
    for damage in damages {
        fs::write(file(&path), &damage).unwrap();
        assert_eq!(kind(&store).await, Some(StoreErrorKind::Corrupt));
        let error = store.put(&key(), None, WriteId::random(), Payload::new(vec![1])).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
        assert_eq!(
            store.remove(&key(), WriteId::random()).await.unwrap_err().kind(),
            StoreErrorKind::Corrupt
        );
        assert_eq!(fs::read(file(&path)).unwrap(), damage, "it is not overwritten");
    }
    store.set_aside(&key()).await.unwrap();
    assert!(matches!(log_in(&store, "again").await, Ok(Put::Done(_))));
    store.set_aside(&key()).await.unwrap();
    assert_eq!(kind(&store).await, None, "what is not damaged stays");
    let kept = fs::read_dir(&path).unwrap().filter(|entry| {
        entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "damaged")
    });
    assert_eq!(kept.count(), 1);
}

// FIL-14
#[tokio::test]
async fn what_killed_writers_left_is_swept_after_an_hour() {
    let (_folder, path) = folder();
    log_in(&FileStore::new(&path), "tokens").await.unwrap();
    for (name, age) in [("old", 3_700), ("young", 3_000)] {
        let left = path.join(format!("{}.{name}.new", key()));
        fs::write(&left, "half").unwrap();
        let file = fs::File::options().write(true).open(&left).unwrap();
        let written = fs::metadata(&left).unwrap().modified().unwrap() - Duration::from_secs(age);
        file.set_modified(written).unwrap();
    }
    FileStore::new(&path).check().await.unwrap();
    assert!(!path.join(format!("{}.old.new", key())).exists());
    assert!(path.join(format!("{}.young.new", key())).exists());
    assert_eq!(kind(&FileStore::new(&path)).await, None);
}

// STO-11
#[tokio::test]
async fn only_old_tombstones_are_purged() {
    let (_folder, path) = folder();
    let store = FileStore::new(&path);
    log_in(&store, "tokens").await.unwrap();
    assert_eq!(store.purge(Duration::ZERO).await.unwrap(), 0, "a login stays");
    store.remove(&key(), WriteId::random()).await.unwrap();
    assert_eq!(store.purge(Duration::from_secs(60)).await.unwrap(), 0, "a young tombstone stays");
    assert_eq!(store.purge(Duration::ZERO).await.unwrap(), 1);
    assert_eq!(store.load(&key()).await.unwrap(), None);
}

// FIL-17
#[tokio::test]
async fn a_place_that_is_not_there_is_named() {
    let (_folder, path) = folder();
    for missing in [path.join("a/b"), PathBuf::from("/")] {
        let error = FileStore::new(missing).check().await.unwrap_err();
        assert!(matches!(error.kind(), StoreErrorKind::Unavailable | StoreErrorKind::Insecure), "{error:?}");
    }
    // It is tried again, not remembered.
    let store = FileStore::new(path.join("later"));
    store.check().await.unwrap_err();
    fs::create_dir(&path).unwrap();
    store.check().await.unwrap();
}
