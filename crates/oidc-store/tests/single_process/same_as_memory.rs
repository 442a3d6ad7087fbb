//! Whatever is asked of it, `SingleProcess` answers as the reference does.

use std::{sync::Arc, time::Duration};

use oidc_core::{
    Cause, Clock, MemoryStore, Payload, StoreError, TokenStore,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, WriteId},
};
use oidc_store::SingleProcess;
use oidc_testkit::ManualClock;
use proptest::prelude::*;

use crate::notes::{Notes, key};

/// A command, with numbers in place of what the commands before it brought.
#[derive(Clone, Debug)]
enum Command {
    Load,
    Put { expected: Option<usize>, id: u8, payload: u8 },
    Begin { seen: Option<usize>, attempt: u8, ttl: u64 },
    Renew { lease: usize, ttl: u64 },
    Commit { lease: usize, payload: u8 },
    Abandon { lease: usize, outcome: Abandon, retry_in: Option<u64> },
    Remove { id: u8 },
    Pass { milliseconds: u64 },
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Load(Option<Record>),
    Put(Put),
    Begin(Begin),
    Renew(Renew),
    Commit(Commit),
    Abandon,
    Remove(Revision),
    Pass,
}

/// What commands may refer to: the latest revision is at 0.
struct Known {
    revisions: Vec<Revision>,
    leases: Vec<Lease>,
}

fn command() -> impl Strategy<Value = Command> {
    let (old, id, ttl) = (0..3usize, 0..4u8, 0..40u64);
    let lease = prop_oneof![4 => Just(0usize), 1 => 1..3usize];
    let outcome = prop_oneof![
        Just(Abandon::NotSent),
        Just(Abandon::Unknown),
        Just(Abandon::Rejected(Cause::GrantRejected)),
        Just(Abandon::Rejected(Cause::RefreshMismatch)),
    ];
    prop_oneof![
        2 => Just(Command::Load),
        3 => (prop::option::weighted(0.8, old.clone()), id.clone(), any::<u8>())
            .prop_map(|(expected, id, payload)| Command::Put { expected, id, payload }),
        6 => (prop::option::of(old), id.clone(), ttl.clone())
            .prop_map(|(seen, attempt, ttl)| Command::Begin { seen, attempt, ttl }),
        2 => (lease.clone(), ttl.clone()).prop_map(|(lease, ttl)| Command::Renew { lease, ttl }),
        4 => (lease.clone(), any::<u8>()).prop_map(|(lease, payload)| Command::Commit { lease, payload }),
        3 => (lease, outcome, prop::option::of(ttl.clone()))
            .prop_map(|(lease, outcome, retry_in)| Command::Abandon { lease, outcome, retry_in }),
        1 => id.prop_map(|id| Command::Remove { id }),
        3 => ttl.prop_map(|milliseconds| Command::Pass { milliseconds }),
    ]
}

async fn run(
    store: &impl TokenStore,
    clock: &ManualClock,
    client: &str,
    known: &Known,
    command: &Command,
) -> Result<Outcome, StoreError> {
    let key = &key(client);
    let ms = Duration::from_millis;
    let id = |id: u8| WriteId([id + 1; 16]);
    let payload = |payload: u8| Payload::new(vec![payload; 3]);
    let revision = |number: usize| known.revisions.get(number).copied().unwrap_or(Revision::ABSENT);
    let nobodys = Lease { attempt: id(9), base: Revision::ABSENT };
    let lease = |number: usize| known.leases.get(number).copied().unwrap_or(nobodys);
    Ok(match *command {
        Command::Load => Outcome::Load(store.load(key).await?),
        Command::Put { expected, id: name, payload: tokens } => {
            Outcome::Put(store.put(key, expected.map(revision), id(name), payload(tokens)).await?)
        }
        Command::Begin { seen, attempt, ttl } => {
            Outcome::Begin(store.begin(key, seen.map(revision), id(attempt), ms(ttl)).await?)
        }
        Command::Renew { lease: number, ttl } => {
            Outcome::Renew(store.renew(key, &lease(number), ms(ttl)).await?)
        }
        Command::Commit { lease: number, payload: tokens } => {
            Outcome::Commit(store.commit(key, &lease(number), payload(tokens)).await?)
        }
        Command::Abandon { lease: number, outcome, retry_in } => {
            store.abandon(key, &lease(number), outcome, retry_in.map(ms)).await?;
            Outcome::Abandon
        }
        Command::Remove { id: name } => Outcome::Remove(store.remove(key, id(name)).await?),
        Command::Pass { milliseconds } => {
            clock.advance(ms(milliseconds));
            Outcome::Pass
        }
    })
}

impl Known {
    fn learn(&mut self, outcome: &Outcome) {
        let revision = match outcome {
            Outcome::Put(Put::Done(revision)) | Outcome::Commit(Commit::Done(revision)) => Some(*revision),
            Outcome::Remove(revision) => Some(*revision),
            Outcome::Begin(Begin::Held { record, lease, .. }) => {
                self.leases.insert(0, *lease);
                Some(record.revision)
            }
            _ => None,
        };
        if let Some(revision) = revision.filter(|revision| self.revisions.first() != Some(revision)) {
            self.revisions.insert(0, revision);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_sequence_of_commands_has_the_outcomes_of_the_reference(
        commands in prop::collection::vec((command(), prop::sample::select(vec!["a", "a", "a", "b"])), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            // Both clocks are moved by the same commands.
            let clocks = [ManualClock::new(), ManualClock::new()];
            let [reference, tested] = clocks.clone().map(|clock| Arc::new(clock) as Arc<dyn Clock>);
            let memory = MemoryStore::with_clock(reference);
            let single = SingleProcess::with_clock(Notes::default(), tested);
            let mut known = Known { revisions: Vec::new(), leases: Vec::new() };
            for (command, client) in &commands {
                let expected = run(&memory, &clocks[0], client, &known, command).await.unwrap();
                let found = run(&single, &clocks[1], client, &known, command).await.unwrap();
                prop_assert_eq!(&expected, &found, "{:?}", command);
                known.learn(&found);
                let rows = (memory.load(&key(client)).await, single.load(&key(client)).await);
                prop_assert_eq!(rows.0.unwrap(), rows.1.unwrap(), "after {:?}", command);
            }
            Ok(())
        })?;
    }
}
