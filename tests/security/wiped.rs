//! What is left in memory of secrets that nobody holds any more.
#![cfg(target_os = "linux")]

use std::{fs::File, os::unix::fs::FileExt, time::SystemTime};

use http::Request;
use oidc_core::{
    AccessToken, Credential, Issuer, Lifetime, MemoryStore, SavedLogin, Secret, Subject, TokenKey, TokenSet,
    TokenStore,
    store::{Record, WriteId},
};

/// So long that it is neither where an allocator keeps its notes nor in a page of its own.
const LENGTH: usize = 1_200;
/// What of it is looked for.
const WINDOW: usize = 24;

/// Text that is made and found by rule, so that nothing else in the process has to hold it.
fn canary_byte(place: usize) -> u8 {
    let mixed = place.wrapping_mul(0x9E37_79B9);
    let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85EB_CA6B);
    b'a' + u8::try_from((mixed >> 13) % 19).unwrap()
}

fn canary() -> String {
    let mut text = String::with_capacity(LENGTH);
    text.extend((0..LENGTH).map(|place| char::from(canary_byte(place))));
    text
}

/// Where in memory the second half of a canary begins, be it at the end of a longer text or by itself.
fn find(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let begins =
        |window: &[u8]| window.iter().zip(LENGTH / 2..).all(|(byte, place)| *byte == canary_byte(place));
    bytes.windows(WINDOW).enumerate().filter(move |(_, window)| begins(window)).map(|(at, _)| at)
}

/// How many copies there are in all the memory of this process that can be written to.
fn copies() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let mut buffer = vec![0; 1 << 20];
    let own = buffer.as_ptr().addr()..buffer.as_ptr().addr() + buffer.len();
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let [mut at, end] = [start, end].map(|hex| usize::from_str_radix(hex, 16).unwrap());
        while at < end {
            let size = buffer.len().min(end - at);
            if memory.read_exact_at(&mut buffer[..size], u64::try_from(at).unwrap()).is_err() {
                break;
            }
            // One that begins in the last bytes is found with the next piece, which repeats them.
            found += find(&buffer[..size]).filter(|place| !own.contains(&(at + place))).count();
            buffer[..size].fill(0);
            at += if at + size == end { size } else { size - (WINDOW - 1) };
        }
    }
    found
}

/// What happens to the tokens of a login in this workspace, but for the network.
async fn live() -> usize {
    let key = TokenKey::new(Issuer::new("https://id.example").unwrap(), "app", Subject::App).id();
    let secret = Secret::from(canary());
    let access = AccessToken::bearer(secret.clone(), Lifetime::new(SystemTime::UNIX_EPOCH, None)).unwrap();
    let credential = Credential::new(&access);
    let mut request = Request::new(());
    credential.clone().apply(&mut request).unwrap();
    let tokens = TokenSet::new(access).with_refresh_token(secret.clone()).with_id_token(secret.clone());
    let login = SavedLogin::new(tokens.clone());
    let payload = login.to_payload(&key);
    assert_eq!(SavedLogin::from_payload(&key, &payload).unwrap(), login);
    let store = MemoryStore::new();
    store.put(&key, None, WriteId::random(), payload.clone()).await.unwrap();
    let record = store.load(&key).await.unwrap().unwrap();
    assert_eq!(Record::from_bytes(&record.to_bytes()).unwrap(), record);
    assert_eq!(format!("{request:?} {credential:?} {login:?} {record:?}").len().min(1), 1);
    assert_ne!(secret, Secret::from("another"));
    copies()
}

// LEA-10, LEA-11
#[tokio::test]
async fn nothing_is_left_of_tokens_that_nobody_holds() {
    let text = canary();
    assert_eq!(copies(), 1, "what is there is found");
    let secret = Secret::from(text);
    assert_eq!((copies(), secret.expose().len()), (1, LENGTH), "it was moved, not copied");
    let clone = secret.clone();
    assert_eq!(copies(), 2);
    drop((secret, clone));
    assert_eq!(copies(), 0);
    assert!(live().await > 5);
    assert_eq!(copies(), 0);
}
