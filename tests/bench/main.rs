//! What tokens cost: `bench [--quick] [NAME…]`, which `cargo xtask bench` builds and runs.
//!
//! Writes one line per figure to standard output, `NAME VALUE`, and what they were made of to standard error. With names, only those
//! figures (and those that are measured together with them); `--quick` takes a few rounds of everything, whose figures mean nothing.
//!
//! # How
//! All contenders of a figure run in this process, by turns, in rounds that begin with another one each time. Threads are pinned. A
//! sample during which the kernel took the processor away (`nonvoluntary_ctxt_switches`) is taken again, and so is one of two threads
//! that did not overlap for four fifths of their time. What something costs is the median over the rounds of its time less that of the
//! floor in the same round: the floor is the same work without the thing that is measured. Quotients are of two such medians. The
//! layout of the code alone moves figures by 10 to 15 ns, and where a hypervisor puts two processors moves those of two threads
//! by far more.
//!
//! Every file says what its figures compare. Allocations are counted by an allocator that is here for all of them; it adds a
//! few nanoseconds to each allocation of everybody.
#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that talks to its terminal, and gives up where it cannot measure"
)]

mod crowd;
mod end_to_end;
mod endpoint;
mod id_token;
mod layer;
mod measure;
mod request;
mod signer;
mod store;
mod storm;
mod thread;
mod users;

use std::process::ExitCode;

use tokio::runtime::Runtime;

/// The figures of one family: name and value.
type Figures = Vec<(&'static str, f64)>;

/// What is measured together.
struct Family {
    names: &'static [&'static str],
    run: fn(&Bench) -> Figures,
}

const FAMILIES: &[Family] = &[
    Family { names: layer::NAMES, run: layer::run },
    Family { names: users::NAMES, run: users::run },
    Family { names: storm::NAMES, run: storm::run },
    Family { names: end_to_end::NAMES, run: end_to_end::run },
    Family { names: id_token::NAMES, run: id_token::run },
];

/// How this run measures.
struct Bench {
    quick: bool,
    runtime: Runtime,
}

impl Bench {
    /// How many rounds to take where `rounds` make a good figure.
    fn rounds(&self, rounds: usize) -> usize {
        if self.quick { 3 } else { rounds }
    }

    /// Says what a figure was made of.
    fn note(&self, text: impl AsRef<str>) {
        eprintln!("{}", text.as_ref());
    }
}

fn main() -> ExitCode {
    let (flags, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with('-'));
    let known = |name: &String| FAMILIES.iter().any(|family| family.names.contains(&name.as_str()));
    if flags.iter().any(|flag| flag != "--quick") || !names.iter().all(known) {
        eprintln!("usage: bench [--quick] [NAME...], with names among");
        FAMILIES.iter().flat_map(|family| family.names).for_each(|name| eprintln!("    {name}"));
        return ExitCode::FAILURE;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let bench = Bench { quick: !flags.is_empty(), runtime: runtime.expect("a runtime") };
    let wanted = |family: &&Family| {
        names.is_empty() || family.names.iter().any(|name| names.iter().any(|n| n == name))
    };
    for family in FAMILIES.iter().filter(wanted) {
        for (name, value) in (family.run)(&bench) {
            println!("{name} {value}");
        }
    }
    ExitCode::SUCCESS
}
