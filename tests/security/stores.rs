//! What keeps tokens shows none of them, nor what it keeps them with.

use std::{error::Error, fmt::Debug, iter, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use oidc_core::{Issuer, KeyId, MemoryStore, Payload, Subject, TokenKey, TokenStore, store::WriteId};
use oidc_store::{Encrypted, EncryptionKey, FileStore, KeyRing};
use oidc_store_redis::RedisStore;
use tests::{Canaries, capture_logs, captured_logs};

const TOKEN: &str = "mB7xQ2kV9tR4wL8nZ3cD";
const KEY: &[u8; 32] = b"Gw5sYd1uHe6oJp0aKi7fXq3lMr9vNt2b";
const PASSWORD: &str = "Tz6hWn3eUc8yPj1gSb4m";

#[derive(Default)]
struct Shown(String);

impl Shown {
    fn debug(&mut self, value: &dyn Debug) {
        self.0 += &format!("{value:?}\n{value:#?}\n");
    }

    fn error(&mut self, error: &(dyn Error + 'static)) {
        for cause in iter::successors(Some(error), |&error| error.source()) {
            self.0 += &format!("{cause}\n{cause:?}\n{cause:#?}\n");
        }
    }

    fn assert_no_secret(&self) {
        let mut canaries = Canaries::default();
        for (kind, secret) in
            [("token", TOKEN), ("key", std::str::from_utf8(KEY).unwrap()), ("password", PASSWORD)]
        {
            canaries.watch(kind, secret);
        }
        for line in self.0.lines().chain(captured_logs().lines()) {
            if let Some(leak) = canaries.find_in(line) {
                panic!("{leak}");
            }
        }
        assert!(canaries.find_in(&self.0).is_none(), "over several lines");
    }
}

fn key() -> KeyId {
    TokenKey::new(Issuer::new("https://id.example").unwrap(), "app", Subject::user(TOKEN).unwrap()).id()
}

fn payload() -> Payload {
    Payload::new(format!("{{\"refresh\":\"{TOKEN}\"}}").into_bytes())
}

async fn use_it(shown: &mut Shown, store: &(dyn TokenStore + 'static)) {
    shown.debug(&store);
    let attempt = WriteId::random();
    match store.put(&key(), None, attempt, payload()).await {
        Ok(put) => shown.debug(&put),
        Err(error) => shown.error(&error),
    }
    match store.begin(&key(), None, attempt, Duration::from_secs(9)).await {
        Ok(begin) => shown.debug(&begin),
        Err(error) => shown.error(&error),
    }
    match store.load(&key()).await {
        Ok(record) => shown.debug(&record),
        Err(error) => shown.error(&error),
    }
    shown.debug(&store);
}

// LEA-01, LEA-07
#[tokio::test]
async fn stores_show_neither_tokens_nor_keys() {
    capture_logs();
    let mut shown = Shown::default();
    let folder = std::env::temp_dir().join(format!("oidc-security-{}", std::process::id()));
    let ring = KeyRing::new(EncryptionKey::from_bytes(KEY).unwrap());
    shown.debug(&ring);
    use_it(&mut shown, &MemoryStore::new()).await;
    use_it(&mut shown, &FileStore::new(&folder)).await;
    for entry in std::fs::read_dir(&folder).unwrap() {
        shown.debug(&entry.unwrap().path());
    }
    let store = Encrypted::new(FileStore::new(&folder), ring.clone());
    // What the store without keys wrote is not readable for the one with keys.
    shown.error(&store.load(&key()).await.unwrap_err());
    let written = std::fs::read_dir(&folder).unwrap();
    for entry in written {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::write(&path, format!("{{\"payload\":\"{TOKEN}\"}}")).unwrap();
        }
    }
    match FileStore::new(&folder).load(&key()).await {
        Ok(record) => shown.debug(&record),
        Err(error) => shown.error(&error),
    }
    std::fs::remove_dir_all(&folder).unwrap();
    use_it(&mut shown, &Encrypted::new(MemoryStore::new(), ring)).await;
    shown.assert_no_secret();
}

// LEA-01, LEA-05
#[test]
fn keys_are_not_shown_however_they_are_wrong() {
    capture_logs();
    let mut shown = Shown::default();
    let text = BASE64_STANDARD.encode(KEY);
    let good = EncryptionKey::from_base64(&text).unwrap();
    shown.debug(&good);
    shown.debug(&KeyRing::new(good.clone()).with_earlier(good));
    for wrong in [&text[..30], &format!("{text}{text}"), &format!("{text}%"), &text[1..]] {
        shown.error(&EncryptionKey::from_base64(wrong).unwrap_err());
    }
    shown.error(&EncryptionKey::from_file(format!("/nowhere/{text}")).unwrap_err());
    shown.error(&EncryptionKey::from_env(&format!("OIDC_{TOKEN}")).unwrap_err());
    shown.assert_no_secret();
}

// LEA-01, LEA-04
#[tokio::test]
async fn a_password_in_the_url_of_redis_is_not_shown() {
    capture_logs();
    let mut shown = Shown::default();
    for url in [
        format!("redis://user:{PASSWORD}@127.0.0.1:1/"),
        format!("redis://:{PASSWORD}@127.0.0.1:1/?protocol=resp3"),
        format!("rediss://user:{PASSWORD}@localhost:1/"),
        format!("redis://user:{PASSWORD}@redis.example/"),
        format!("redis://user:{PASSWORD}@"),
        format!("redis://user:{PASSWORD}@127.0.0.1:port/"),
        format!("{PASSWORD}://127.0.0.1/"),
    ] {
        let builder = RedisStore::builder(&url).timeout(Duration::from_millis(200));
        for builder in [builder.clone(), builder.cluster([url.clone()])] {
            shown.debug(&builder);
            match builder.build() {
                Ok(store) => use_it(&mut shown, &store).await,
                Err(error) => shown.error(&error),
            }
        }
    }
    shown.assert_no_secret();
}
