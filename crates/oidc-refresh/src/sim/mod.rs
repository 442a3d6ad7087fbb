//! Deterministic simulation of the real sources and pools: worlds full of faults, each of which follows from a seed.
//!
//! One seed is one world: processes with clocks and memories of their own over one store that survives them, a provider with rotation
//! and reuse detection, users and callers, and everything that goes wrong. What can be observed goes into a [history](history), and the
//! [checker](checker), which knows nothing of the code under test, judges it.
//!
//! Why it can be repeated: everything runs on one thread; time is a number that moves on when all tasks wait (see [`timeline`]); all
//! chance, also that of the code under test (see [`crate::random`]), follows from the seed. Tokio runs the tasks, because the code under
//! test spawns on it, but its timers are not used: the code under test sleeps by its `Clock` alone, and a lint keeps it so. That makes
//! a simulated network (turmoil) needless, whose steps of a millisecond cost more than all that happens in them.
//!
//! ```text
//! cargo test -p oidc-refresh sim                      two thousand seeds
//! SIM_SEEDS=100000 cargo test -p oidc-refresh sim     more of them; SIM_FIRST=n says where to begin
//! SIM_SEED=42 cargo test -p oidc-refresh sim          one, with its whole history
//! ```

mod callers;
mod checker;
mod grant;
mod history;
mod plan;
mod process;
mod provider;
mod rng;
mod run;
mod store;
mod timeline;
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    thread::{self, available_parallelism},
};

use run::Run;

/// How many entries of a history are shown of what led to a broken promise.
const LED_TO_IT: usize = 60;

/// How many worlds a usual run lives through.
const SEEDS: u64 = 2_000;

#[test]
fn whatever_goes_wrong_the_promises_hold() {
    if let Some(seed) = variable("SIM_SEED") {
        return check(seed, true);
    }
    let first = variable("SIM_FIRST").unwrap_or(0);
    let seeds = first..first + variable("SIM_SEEDS").unwrap_or(SEEDS);
    println!("seeds {seeds:?}");
    let broken = broken_promises(seeds);
    for (promise, seeds) in &broken {
        println!("{} worlds break: {promise}\n  seeds {:?}", seeds.len(), &seeds[..seeds.len().min(8)]);
    }
    if let Some(seed) = broken.values().flatten().min() {
        check(*seed, false);
    }
}

/// Lives through worlds on all cores. Gives the seeds of those that break a promise.
fn broken_promises(seeds: Range<u64>) -> BTreeMap<&'static str, Vec<u64>> {
    let threads = available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut broken = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return broken;
            }
            let violations = checker::violations(&Run::of(seed));
            broken.extend(violations.into_iter().map(|violation| (violation.promise, seed)));
        }
    };
    let broken = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<BTreeSet<_>>()
    });
    let mut by_promise = BTreeMap::<_, Vec<_>>::new();
    broken.into_iter().for_each(|(promise, seed)| by_promise.entry(promise).or_default().push(seed));
    by_promise
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..60 {
        let (one, other) = (Run::of(seed).history, Run::of(seed).history);
        let apart = one.iter().zip(&other).position(|(one, other)| one != other);
        let apart = apart.map(|index| (&one[index.saturating_sub(3)..=index], &other[index]));
        assert!(apart.is_none() && one.len() == other.len(), "seed {seed}: {apart:#?}");
    }
}

/// Lives through one world and shows what is wrong with it.
fn check(seed: u64, whole: bool) {
    let run = Run::of(seed);
    let violations = checker::violations(&run);
    println!("seed {seed}: {:?}", run.plan);
    if whole {
        run.history.iter().for_each(|entry| println!("{entry}"));
    }
    for violation in &violations {
        println!("{violation}");
        let shown = violation.shown_by.iter().filter_map(|at| run.history.get(*at));
        shown.for_each(|entry| println!("  {entry}"));
    }
    if let Some(last) = violations.first().and_then(|violation| violation.shown_by.last()) {
        println!("what led to the first of them:");
        run.history[last.saturating_sub(LED_TO_IT)..=*last].iter().for_each(|entry| println!("  {entry}"));
    }
    assert!(violations.is_empty(), "to repeat it: SIM_SEED={seed} cargo test -p oidc-refresh sim");
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
