//! The metrics, row by row of the table in the documentation.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "what is wrong here is wrong with the test")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use oidc_core::{Cause, GrantError, GrantErrorKind, MemoryStore, StoreErrorKind, TokenSource};
use oidc_refresh::RefreshingSource;
use oidc_testkit::{FaultStore, ManualClock, StoreFault, StoreOperation};

use crate::{
    recorder::Notes,
    support::{LIFE, StrictGrant, Twist, settle, source},
};

/// One row of the table.
struct Row {
    kind: String,
    unit: String,
    /// The label and the values that it can have.
    label: Option<(String, Vec<String>)>,
}

fn table() -> BTreeMap<String, Row> {
    let text = include_str!("../../src/lib.rs");
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | `oidc_"));
    rows.map(|row| {
        let cells: Vec<_> = row.split(" | ").map(|cell| cell.trim_matches('`').to_owned()).collect();
        let label = cells[3]
            .split_once("`: ")
            .map(|(name, values)| (name.to_owned(), values.split(", ").map(str::to_owned).collect()));
        (format!("oidc_{}", cells[0]), Row { kind: cells[1].clone(), unit: cells[2].clone(), label })
    })
    .collect()
}

#[test]
fn the_table_says_what_the_recorder_is_told() {
    let notes = Notes::default();
    metrics::with_local_recorder(&notes, oidc_refresh::describe_metrics);
    let table = table();
    let documented: BTreeMap<_, _> =
        table.iter().map(|(name, row)| (name.clone(), (row.kind.as_str(), row.unit.as_str()))).collect();
    assert_eq!(notes.described(), documented);
    assert_eq!(table.len(), 9);
}

#[tokio::test]
async fn every_row_of_the_table_is_measured_with_every_label_and_nothing_else_is() {
    let notes = Notes::default();
    let _guard = metrics::set_default_local_recorder(&notes);
    let stage = Stage::new();
    stage.answers().await;
    stage.losses().await;
    stage.store_faults().await;
    let recorded = notes.recorded();
    let table = table();
    let names = |(name, kind): &(String, &'static str)| (name.clone(), (*kind).to_owned());
    let measured: Vec<_> = recorded.keys().map(names).collect();
    let documented: Vec<_> = table.iter().map(|(name, row)| (name.clone(), row.kind.clone())).collect();
    assert_eq!(measured, documented);
    for ((name, _), label) in recorded {
        // A store that panics is the one that is not played here.
        let sorted = |(label, mut values): (String, Vec<String>)| {
            values.retain(|value| value != "panic");
            values.sort();
            (label, values)
        };
        assert_eq!(label.map(sorted), table[&name].label.clone().map(sorted), "{name}");
    }
}

#[tokio::test]
async fn the_figures_are_right() {
    let notes = Notes::default();
    let _guard = metrics::set_default_local_recorder(&notes);
    let Stage { clock, grant, store, source } = Stage::new();
    source.sign_in(&grant.login()).await.unwrap();
    for _ in 0..1_000 {
        assert!(source.peek().is_some());
    }
    assert!(notes.recorded().is_empty(), "a fresh token costs nothing");
    clock.advance(Duration::from_secs(25));
    for _ in 0..1_000 {
        assert!(source.peek().is_some());
    }
    assert_eq!(notes.changes("oidc_token_remaining_seconds", None), [70.0], "to the end, less the leeway");
    clock.advance(LIFE);
    grant.close().await;
    store.fail_next(StoreOperation::Commit, StoreFault::Before(StoreErrorKind::Unavailable));
    let waiting = tokio::spawn({
        let source = source.clone();
        async move { source.token().await }
    });
    settle().await;
    clock.advance(Duration::from_secs(2));
    grant.open();
    let token = waiting.await.unwrap().unwrap();
    settle().await;
    assert_eq!(notes.changes("oidc_token_request_duration_seconds", Some("won")), [2.0]);
    assert_eq!(notes.changes("oidc_unsaved_rotations", None), [1.0]);
    clock.advance(Duration::from_millis(500));
    settle().await;
    assert_eq!(notes.changes("oidc_unsaved_rotations", None), [1.0, -1.0]);
    assert_eq!(notes.changes("oidc_refresh_duration_seconds", Some("renewed")), [2.5]);
    (0..100).for_each(|_| source.reject(token.generation()));
    assert_eq!(notes.changes("oidc_token_rejections_total", None), [1.0], "a hundred requests, one token");
    assert_eq!(notes.changes("oidc_store_faults_total", Some("unavailable")), [1.0]);
}

struct Stage {
    clock: ManualClock,
    grant: StrictGrant,
    store: Arc<FaultStore<MemoryStore>>,
    source: RefreshingSource,
}

impl Stage {
    fn new() -> Self {
        let clock = ManualClock::new();
        let store = Arc::new(FaultStore::new(MemoryStore::with_clock(Arc::new(clock.clone()))));
        let grant = StrictGrant::new(&clock);
        let source = source(&grant, &store, &clock);
        Self { clock, grant, store, source }
    }

    async fn log_in(&self) {
        self.source.sign_in(&self.grant.login()).await.unwrap();
    }

    /// Asks when the token has ended and no back-off is left.
    async fn ask(&self) {
        self.clock.advance(LIFE * 2);
        let _ = self.source.token().await;
        settle().await;
    }

    async fn answers(&self) {
        self.log_in().await;
        self.ask().await;
        self.clock.advance(Duration::from_secs(6));
        let token = self.source.token().await.unwrap();
        self.source.reject(token.generation());
        for kind in [GrantErrorKind::NotProcessed, GrantErrorKind::Misconfigured] {
            self.grant.twist(Twist::Fail(GrantError::new(kind, "told to")));
            self.ask().await;
        }
        let busy =
            GrantError::new(GrantErrorKind::NotProcessed, "busy").with_retry_after(Duration::from_secs(600));
        self.grant.twist(Twist::Fail(busy));
        self.ask().await;
        let other = source(&self.grant, &self.store, &self.clock);
        assert!(other.token().await.is_err(), "the other one's back-off stands");
        self.clock.advance(LIFE * 6);
        assert!(other.token().await.is_ok());
        assert!(self.source.token().await.is_ok(), "it takes over what the other one won");
    }

    async fn losses(&self) {
        for cause in [Cause::GrantRejected, Cause::RefreshMismatch] {
            self.log_in().await;
            self.grant.twist(Twist::Fail(GrantError::new(GrantErrorKind::Refused(cause), "told to")));
            self.ask().await;
        }
        self.log_in().await;
        self.grant.twist(Twist::LoseAnswer);
        self.ask().await;
        self.log_in().await;
        source(&self.grant, &self.store, &self.clock).sign_out().await.unwrap();
        self.ask().await;
    }

    async fn store_faults(&self) {
        self.log_in().await;
        for kind in [
            StoreErrorKind::Busy,
            StoreErrorKind::Conflict,
            StoreErrorKind::Corrupt,
            StoreErrorKind::Full,
            StoreErrorKind::Insecure,
            StoreErrorKind::KeyUnavailable,
            StoreErrorKind::Unavailable,
            StoreErrorKind::Version,
        ] {
            self.store.fail_next(StoreOperation::Begin, StoreFault::Before(kind));
            self.ask().await;
        }
        self.store.fail_next(StoreOperation::Commit, StoreFault::Before(StoreErrorKind::Unavailable));
        self.ask().await;
        self.clock.advance(Duration::from_secs(1));
        settle().await;
    }
}
