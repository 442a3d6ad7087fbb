//! `cargo xtask test`: everything that can be run.

use crate::{
    bench,
    cargo::{self, cargo},
    command::{Command, Failure, Flags},
    examples, process, providers,
    report::Report,
};

pub(crate) const COMMAND: Command = Command {
    name: "test",
    summary: "Every test, every example, and logins at real providers",
    details: "
1. looks for Node.js, which the last part needs;
2. builds every target of the workspace;
3. cargo test --workspace: unit, integration and documentation tests;
4. runs each example program offline, with a time limit, and checks quickstart's figures;
5. takes a few rounds of every figure of `bench`, without optimisation, to see that each can be measured;
6. what `providers` does.

The first part that fails ends it.",
    flags: &[("--quick", "without examples, figures and providers: no service, no Node.js")],
    run,
};

fn run(flags: &Flags) -> Result<(), Failure> {
    let mut report = Report::new("test");
    let quick = flags.has("--quick");
    if !quick {
        // Now, not after minutes of building.
        report.part("tools", || {
            let hint = "; or `cargo xtask test --quick`, which does without";
            providers::check_tools().map_err(|failure| Failure::new(format!("{failure}{hint}")))
        })?;
    }
    let mut built = Vec::new();
    report.part("build", || {
        // The same packages and targets as the tests below, so that nothing is built twice with other features.
        built = cargo::build(cargo(["build", "--workspace", "--all-targets", "--locked"]))?;
        Ok(String::new())
    })?;
    report.part("cargo test", || {
        process::run(&mut cargo(["test", "--workspace", "--locked"]))?;
        Ok(String::new())
    })?;
    if !quick {
        report.part("examples", || examples::run(&built))?;
        report.part("bench", || bench::run_quickly(&built))?;
        report.part("providers", || providers::run_built(&built))?;
    }
    report.finish();
    Ok(())
}
