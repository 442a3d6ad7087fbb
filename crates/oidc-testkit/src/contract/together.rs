//! Many at the same time.

use std::{collections::BTreeSet, future::Future};

use futures_util::future::join_all;
use oidc_core::store::{Abandon, Begin, Commit, Put, Revision, WriteId};

use super::stage::{LONG, Stage, same, text};
use crate::drop_after;

/// How many act at the same time.
const MANY: usize = 24;

// MPR-01
pub(super) async fn of_many_attempts_one_holds_the_lease(stage: Stage) {
    stage.log_in("tokens").await;
    for round in 0..3 {
        let begun =
            at_once(&stage, |stage, _| async move { stage.begin(None, WriteId::random(), LONG).await }).await;
        let held: Vec<_> = begun
            .iter()
            .filter_map(|begin| match begin {
                Begin::Held { lease, .. } => Some(*lease),
                Begin::Busy { .. } => None,
                other => panic!("neither held nor busy: {other:?}"),
            })
            .collect();
        same(held.len(), 1, "how many hold the lease");
        let lease = held.first().copied().unwrap_or_else(|| panic!("nobody holds the lease"));
        same(stage.commit(&lease, &format!("{round}")).await, Commit::Done(lease.successor()), "its commit");
    }
}

pub(super) async fn of_many_logins_one_is_written(stage: Stage) {
    let before = stage.record().await.revision;
    let put = at_once(&stage, move |stage, number| async move {
        stage.put(Some(before), WriteId::random(), &number.to_string()).await
    })
    .await;
    let written: Vec<_> = put
        .iter()
        .enumerate()
        .filter(|(_, put)| matches!(put, Put::Done(_)))
        .map(|(number, _)| number)
        .collect();
    same(written.len(), 1, "how many were written");
    same(text(&stage.record().await), written.first().map(usize::to_string), "which one is there");
}

// STO-01
pub(super) async fn every_acknowledged_commit_counts(stage: Stage) {
    let login = stage.log_in("0").await;
    let done = at_once(&stage, |stage, _| async move {
        let mut done = Vec::new();
        while done.len() < 3 {
            match stage.begin(None, WriteId::random(), LONG).await {
                Begin::Held { lease, doubt, .. } => {
                    same(doubt, false, "doubt where nothing went wrong");
                    match stage.commit(&lease, &lease.successor().counter.to_string()).await {
                        Commit::Done(revision) => done.push(revision.counter),
                        Commit::Superseded { current } => panic!("the lease was held, and yet: {current:?}"),
                    }
                }
                Begin::Busy { .. } => tokio::task::yield_now().await,
                other => panic!("neither held nor busy: {other:?}"),
            }
        }
        done
    })
    .await;
    let counters: Vec<u64> = done.into_iter().flatten().collect();
    let distinct: BTreeSet<u64> = counters.iter().copied().collect();
    let all = login.counter + 1..=login.counter + counters.len() as u64;
    same(distinct, all.clone().collect(), "the revisions of all commits");
    let last = stage.record().await;
    same((last.revision.counter, text(&last)), (*all.end(), Some(all.end().to_string())), "the last one");
}

// STO-10
pub(super) async fn readers_see_whole_states(stage: Stage) {
    let large = |counter: u64| format!("{counter:08}").repeat(2_000);
    stage.put(None, WriteId::random(), &large(1)).await;
    let (reader, writer) = (stage.beside().await, stage.clone());
    let written = tokio::spawn(async move {
        for _ in 0..30 {
            let (lease, _) = writer.hold(LONG).await;
            writer.commit(&lease, &large(lease.successor().counter)).await;
        }
    });
    let mut last = Revision::ABSENT;
    while !written.is_finished() {
        let record = reader.record().await;
        same(text(&record), Some(large(record.revision.counter)), "the tokens of a revision");
        assert!(record.revision.counter >= last.counter, "time runs backwards");
        last = record.revision;
        tokio::task::yield_now().await;
    }
    assert!(written.await.is_ok(), "the writer failed");
}

// CAN-01
pub(super) async fn an_operation_that_is_dropped_is_done_or_not_done(stage: Stage) {
    for polls in 1..=6 {
        let revision = stage.log_in("first").await;
        let attempt = WriteId::random();
        drop_after(polls, stage.begin(None, attempt, LONG)).await;
        let (_, lease) = held(stage.begin(None, attempt, LONG).await);
        same(lease.base, revision, "the base of a lease that was asked for twice");
        drop_after(polls, stage.commit(&lease, "second")).await;
        match stage.commit(&lease, "second").await {
            Commit::Done(_) => {}
            Commit::Superseded { current } => same(current.revision, lease.successor(), "what is there"),
        }
        same(text(&stage.record().await), Some("second".into()), "what was written");
        let (lease, _) = stage.hold(LONG).await;
        drop_after(polls, stage.abandon(&lease, Abandon::NotSent, None)).await;
        stage.abandon(&lease, Abandon::NotSent, None).await;
        let id = WriteId::random();
        drop_after(polls, stage.remove(id)).await;
        stage.remove(id).await;
        let record = stage.record().await;
        same((record.payload, record.revision.tag), (None, id), "the tombstone");
    }
}

fn held(begin: Begin) -> (oidc_core::store::Record, oidc_core::store::Lease) {
    match begin {
        Begin::Held { record, lease, .. } => (record, lease),
        other => panic!("the lease is free or its own, and yet: {other:?}"),
    }
}

/// Runs `task` many times at once, on several instances where the place can be shared.
async fn at_once<T, F>(stage: &Stage, task: impl Fn(Stage, usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let stages = [stage.clone(), stage.beside().await, stage.beside().await];
    let tasks = (0..MANY).zip(stages.iter().cycle()).map(|(number, stage)| {
        let task = task(stage.clone(), number);
        tokio::spawn(task)
    });
    let results = join_all(tasks.collect::<Vec<_>>()).await;
    results.into_iter().map(|result| result.unwrap_or_else(|error| panic!("{error}"))).collect()
}
