//! Contenders side by side: rotated rounds, undisturbed samples, medians of differences.

use std::sync::{
    Barrier,
    atomic::{AtomicUsize, Ordering},
};

use oidc_core::BootTime;

use crate::thread::{now, pin, preemptions};

/// One contender: makes, for the thread with this number, what does the work so many times.
pub(crate) struct Case<'a> {
    make: Box<dyn Fn(usize) -> Work<'a> + Sync + 'a>,
}

/// Does something so many times.
pub(crate) type Work<'a> = Box<dyn FnMut(usize) + 'a>;

impl<'a> Case<'a> {
    /// `make` is called anew for every sample, in the thread that takes it; what it does is not measured.
    pub(crate) fn new<W: FnMut(usize) + 'a>(make: impl Fn(usize) -> W + Sync + 'a) -> Self {
        Self { make: Box::new(move |thread| Box::new(make(thread))) }
    }
}

/// How to measure.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// How many threads work at the same time, each on a processor of its own.
    pub(crate) threads: usize,
    /// How many undisturbed rounds are wanted; a round has one sample of each case.
    pub(crate) rounds: usize,
    /// How many operations one sample has.
    pub(crate) operations: usize,
}

/// Nanoseconds per operation: for each round, those of each case.
pub(crate) struct Rounds {
    samples: Vec<Vec<f64>>,
    /// How many rounds without any disturbance were wanted but could not be had.
    pub(crate) disturbed: usize,
}

impl Rounds {
    /// What `case` takes longer than `floor`: the median of the differences within each round, so that a machine that is
    /// slow for a while changes nothing.
    pub(crate) fn over(&self, case: usize, floor: usize) -> f64 {
        median(self.samples.iter().map(|round| round[case] - round[floor]).collect())
    }

    /// What `case` takes.
    pub(crate) fn of(&self, case: usize) -> f64 {
        median(self.samples.iter().map(|round| round[case]).collect())
    }
}

/// Measures `cases` by turns: each round begins with another one.
///
/// A sample in which a thread was preempted, or in which the threads did not work at the same time, is taken again. Where a machine is so
/// busy that this never ends, the rounds that are missing are taken as they come, and counted.
pub(crate) fn compare(cases: &[Case<'_>], plan: Plan) -> Rounds {
    let mut rounds = Rounds { samples: Vec::new(), disturbed: 0 };
    let mut patience = plan.rounds * cases.len() * 4;
    for round in 0..plan.rounds {
        let mut samples = vec![0.0; cases.len()];
        let mut disturbed = false;
        for turn in 0..cases.len() {
            let index = (round + turn) % cases.len();
            let sample = loop {
                let sample = sample(&cases[index], plan);
                if sample.clean || patience == 0 {
                    break sample;
                }
                patience -= 1;
            };
            disturbed |= !sample.clean;
            samples[index] = sample.nanoseconds;
        }
        rounds.disturbed += usize::from(disturbed);
        rounds.samples.push(samples);
    }
    rounds
}

/// The middle of `values`.
pub(crate) fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value below which `share` of `values` are.
pub(crate) fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1).expect("something was measured");
    values[(last as f64 * share).round() as usize]
}

struct Sample {
    nanoseconds: f64,
    clean: bool,
}

struct Span {
    start: BootTime,
    end: BootTime,
    preempted: bool,
}

fn sample(case: &Case<'_>, plan: Plan) -> Sample {
    let line =
        StartLine { ready: AtomicUsize::new(0), threads: plan.threads, asleep: Barrier::new(plan.threads) };
    let spans: Vec<Span> = std::thread::scope(|scope| {
        let line = &line;
        let threads: Vec<_> = (0..plan.threads)
            .map(|thread| scope.spawn(move || span(case, thread, plan.operations, line)))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("the work does not panic")).collect()
    });
    let total: f64 = spans.iter().map(|span| span.end.since(span.start).as_nanos() as f64).sum();
    Sample {
        nanoseconds: total / (plan.threads * plan.operations) as f64,
        clean: overlap(&spans) >= 0.8 && !spans.iter().any(|span| span.preempted),
    }
}

fn span(case: &Case<'_>, thread: usize, operations: usize, line: &StartLine) -> Span {
    pin(thread);
    let mut work = (case.make)(thread);
    work(operations / 8 + 1);
    line.wait();
    let before = preemptions();
    let start = now();
    work(operations);
    let end = now();
    Span { start, end, preempted: preemptions() != before }
}

/// For how much of the time all threads were at work.
fn overlap(spans: &[Span]) -> f64 {
    let together = |spans: &[Span]| {
        let (last_start, first_end) =
            (spans.iter().map(|s| s.start).max()?, spans.iter().map(|s| s.end).min()?);
        let (first_start, last_end) =
            (spans.iter().map(|s| s.start).min()?, spans.iter().map(|s| s.end).max()?);
        Some(first_end.since(last_start).as_secs_f64() / last_end.since(first_start).as_secs_f64())
    };
    together(spans).unwrap_or(0.0)
}

/// Lets all threads go at the same moment: they meet asleep, so that nobody spins for long, and spin for the rest.
struct StartLine {
    asleep: Barrier,
    ready: AtomicUsize,
    threads: usize,
}

impl StartLine {
    fn wait(&self) {
        self.asleep.wait();
        self.ready.fetch_add(1, Ordering::AcqRel);
        while self.ready.load(Ordering::Acquire) < self.threads {
            std::hint::spin_loop();
        }
    }
}
