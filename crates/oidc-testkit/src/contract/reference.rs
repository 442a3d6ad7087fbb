//! Whatever is asked of a store, it answers as the rules do.

use std::{cell::Cell, collections::HashMap, time::Duration};

use oidc_core::{
    Cause, KeyId,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, StoreTime, WriteId, rules},
};
use proptest::{
    prelude::{Just, Strategy, any, prop},
    prop_oneof,
    test_runner::{Config, TestCaseError, TestRunner},
};

use super::stage::{ENDED, LONG, Stage, ok, payload};

pub(super) async fn any_sequence_of_commands_has_the_outcomes_of_the_rules(stage: Stage) {
    let handle = tokio::runtime::Handle::current();
    let tried = tokio::task::spawn_blocking(move || {
        let sequence =
            prop::collection::vec((command(), prop::sample::select(vec!["a", "a", "a", "b"])), 1..30);
        let case = Cell::new(0);
        let config = Config { cases: cases(), failure_persistence: None, ..Config::default() };
        let outcome = TestRunner::new(config).run(&sequence, |commands| {
            case.set(case.get() + 1);
            handle.block_on(compare(&stage, case.get(), &commands)).map_err(TestCaseError::fail)
        });
        outcome.map_err(|error| error.to_string())
    });
    match tried.await {
        Ok(Ok(())) => {}
        Ok(Err(found)) => panic!("{found}"),
        Err(error) => panic!("{error}"),
    }
}

/// A command, with numbers in place of what the commands before it brought.
#[derive(Clone, Debug)]
enum Command {
    Load,
    Put { expected: Option<usize>, id: u8, payload: u8 },
    Begin { seen: Option<usize>, attempt: u8, ended: bool },
    Renew { lease: usize, ended: bool },
    Commit { lease: usize, payload: u8 },
    Abandon { lease: usize, outcome: Abandon, back_off: Option<bool> },
    Remove { id: u8 },
}

fn command() -> impl Strategy<Value = Command> {
    let (old, id) = (0..3usize, 0..4u8);
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
        6 => (prop::option::of(old), id.clone(), any::<bool>())
            .prop_map(|(seen, attempt, ended)| Command::Begin { seen, attempt, ended }),
        2 => (lease.clone(), any::<bool>()).prop_map(|(lease, ended)| Command::Renew { lease, ended }),
        4 => (lease.clone(), any::<u8>()).prop_map(|(lease, payload)| Command::Commit { lease, payload }),
        3 => (lease, outcome, prop::option::weighted(0.3, any::<bool>()))
            .prop_map(|(lease, outcome, back_off)| Command::Abandon { lease, outcome, back_off }),
        1 => id.prop_map(|id| Command::Remove { id }),
    ]
}

/// What a command brought. Times are compared by whether they have come, since each store has a clock of its own.
#[derive(Debug, PartialEq)]
enum Outcome {
    Load(Record),
    Put(Put),
    Begin(Begin),
    Renew(Renew),
    Commit(Commit),
    Abandon,
    Remove(Revision),
}

/// What commands may refer to: the latest is at 0.
#[derive(Default)]
struct Known {
    revisions: Vec<Revision>,
    leases: Vec<Lease>,
}

async fn compare(stage: &Stage, case: usize, commands: &[(Command, &'static str)]) -> Result<(), String> {
    let (mut reference, mut known) = (Reference::default(), Known::default());
    for (command, client) in commands {
        let stage = stage.of(&format!("{case} {client}"));
        let expected = plain(reference.run(&stage.key, &known, command));
        let found = plain(ask(&stage, &known, command).await);
        if expected != found {
            return Err(format!("{command:?}: found {found:?}, expected {expected:?}"));
        }
        known.learn(&found);
        let rows =
            (plain_record(stage.record().await), plain_record(reference.row(&stage.key).unwrap_or_default()));
        if rows.0 != rows.1 {
            return Err(format!("after {command:?}: the record is {:?}, and should be {:?}", rows.0, rows.1));
        }
    }
    Ok(())
}

async fn ask(stage: &Stage, known: &Known, command: &Command) -> Outcome {
    let key = &stage.key;
    match *command {
        Command::Load => Outcome::Load(stage.record().await),
        Command::Put { expected, id: name, payload } => {
            Outcome::Put(stage.put(expected.map(|at| known.revision(at)), id(name), &tokens(payload)).await)
        }
        Command::Begin { seen, attempt, ended } => {
            Outcome::Begin(stage.begin(seen.map(|at| known.revision(at)), id(attempt), time(ended)).await)
        }
        Command::Renew { lease, ended } => {
            Outcome::Renew(stage.renew(&known.lease(lease), time(ended)).await)
        }
        Command::Commit { lease, payload } => {
            Outcome::Commit(stage.commit(&known.lease(lease), &tokens(payload)).await)
        }
        Command::Abandon { lease, outcome, back_off } => {
            stage.abandon(&known.lease(lease), outcome, back_off.map(time)).await;
            Outcome::Abandon
        }
        Command::Remove { id: name } => Outcome::Remove(ok(stage.store.remove(key, id(name)).await)),
    }
}

/// The rules, over rows in memory, at a time that stands still.
#[derive(Default)]
struct Reference(HashMap<KeyId, Option<Record>>);

impl Reference {
    fn row(&self, key: &KeyId) -> Option<Record> {
        self.0.get(key).cloned().flatten()
    }

    fn run(&mut self, key: &KeyId, known: &Known, command: &Command) -> Outcome {
        let row = self.0.entry(*key).or_default();
        match *command {
            Command::Load => Outcome::Load(row.clone().unwrap_or_default()),
            Command::Put { expected, id: name, payload: bytes } => {
                let expected = expected.map(|at| known.revision(at));
                Outcome::Put(rules::put(row, expected, id(name), payload(&tokens(bytes))))
            }
            Command::Begin { seen, attempt, ended } => {
                let seen = seen.map(|at| known.revision(at));
                Outcome::Begin(rules::begin(row, NOW, seen, id(attempt), time(ended)))
            }
            Command::Renew { lease, ended } => {
                Outcome::Renew(rules::renew(row, NOW, &known.lease(lease), time(ended)))
            }
            Command::Commit { lease, payload: bytes } => {
                Outcome::Commit(rules::commit(row, &known.lease(lease), payload(&tokens(bytes))))
            }
            Command::Abandon { lease, outcome, back_off } => {
                rules::abandon(row, NOW, &known.lease(lease), outcome, back_off.map(time));
                Outcome::Abandon
            }
            Command::Remove { id: name } => Outcome::Remove(rules::remove(row, id(name))),
        }
    }
}

impl Known {
    fn revision(&self, at: usize) -> Revision {
        self.revisions.get(at).copied().unwrap_or(Revision::ABSENT)
    }

    fn lease(&self, at: usize) -> Lease {
        let nobodys = Lease { attempt: id(9), base: Revision::ABSENT };
        self.leases.get(at).copied().unwrap_or(nobodys)
    }

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

/// More of them are tried with the variable that proptest has for that.
pub(super) fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES)
}

fn id(number: u8) -> WriteId {
    WriteId([number + 1; 16])
}

fn tokens(number: u8) -> String {
    format!("tokens {number}")
}

fn time(ended: bool) -> Duration {
    if ended { ENDED } else { LONG }
}

/// Takes out of an outcome what differs from clock to clock.
fn plain(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Load(record) => Outcome::Load(plain_record(record)),
        Outcome::Put(Put::Superseded { current }) => {
            Outcome::Put(Put::Superseded { current: plain_record(current) })
        }
        Outcome::Commit(Commit::Superseded { current }) => {
            Outcome::Commit(Commit::Superseded { current: plain_record(current) })
        }
        Outcome::Begin(begin) => Outcome::Begin(plain_begin(begin)),
        other => other,
    }
}

fn plain_begin(begin: Begin) -> Begin {
    match begin {
        Begin::Held { record, lease, doubt } => Begin::Held { record: plain_record(record), lease, doubt },
        Begin::Newer { record } => Begin::Newer { record: plain_record(record) },
        Begin::Busy { record, retry_in } => {
            Begin::Busy { record: plain_record(record), retry_in: hours(retry_in) }
        }
        Begin::NotYet { record, retry_in } => {
            Begin::NotYet { record: plain_record(record), retry_in: hours(retry_in) }
        }
        Begin::Dead { record, cause } => Begin::Dead { record: plain_record(record), cause },
    }
}

/// An hour, of which a little has passed.
fn hours(duration: Duration) -> Duration {
    if duration > LONG / 2 && duration <= LONG { LONG } else { duration }
}

/// Whether a claim has ended is seen by what `begin` answers.
fn plain_record(mut record: Record) -> Record {
    record.claim = record.claim.map(|claim| oidc_core::store::Claim { deadline: NOW, ..claim });
    record.not_before = record.not_before.map(|_| NOW);
    record
}

pub(super) const CASES: u32 = 60;

const NOW: StoreTime = StoreTime(1_000_000_000);
