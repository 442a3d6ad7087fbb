//! What is stored, and under which key.

use oidc_core::{
    Payload,
    store::{Put, WriteId},
};

use super::stage::{LONG, Stage, ok, same, text};

pub(super) async fn payloads_come_back_byte_for_byte(stage: Stage) {
    let all: Vec<u8> = (0..=u8::MAX).collect();
    let payloads =
        [Vec::new(), vec![0], all.clone(), all.repeat(256), "\u{feff}\r\n\t ' \" \\ %00 ${}".into()];
    for (number, bytes) in payloads.into_iter().enumerate() {
        let stage = stage.of(&number.to_string());
        let payload = Payload::new(bytes);
        let put = ok(stage.store.put(&stage.key, None, WriteId::random(), payload.clone()).await);
        assert!(matches!(put, Put::Done(_)), "a first login: {put:?}");
        same(stage.record().await.payload, Some(payload.clone()), "a login's bytes");
        let (lease, _) = stage.hold(LONG).await;
        ok(stage.store.commit(&stage.key, &lease, payload.clone()).await);
        same(stage.record().await.payload, Some(payload), "a successor's bytes");
    }
}

pub(super) async fn a_large_payload_is_kept_whole_or_refused(stage: Stage) {
    for size in [100_000, 1_000_000, 4_000_000] {
        let revision = stage.log_in("before").await;
        let before = stage.record().await;
        let payload = Payload::new(vec![7; size]);
        let id = WriteId::random();
        match stage.store.put(&stage.key, Some(revision), id, payload.clone()).await {
            Ok(_) => same(stage.record().await.payload == Some(payload), true, "kept whole"),
            Err(error) => {
                same(error.kind().is_transient(), false, "a payload that is too large does not get smaller");
                same(stage.record().await, before, "the record of one that was refused");
            }
        }
    }
}

// STO-12
pub(super) async fn keys_do_not_touch_each_other(stage: Stage) {
    let logins: Vec<_> = (0..20).map(|number| (stage.of(&number.to_string()), number.to_string())).collect();
    for (login, name) in &logins {
        login.log_in(name).await;
    }
    for (login, name) in &logins {
        same(text(&login.record().await).as_ref(), Some(name), "the tokens of a login");
        let (lease, doubt) = login.hold(LONG).await;
        same(doubt, false, "doubt about it");
        if name.len() == 2 {
            login.remove(lease.attempt).await;
        }
    }
    for (login, name) in &logins {
        let record = login.record().await;
        same(record.is_tombstone(), name.len() == 2, "who is signed out");
        same(record.claim.is_some(), name.len() == 1, "whose lease is held");
    }
}
