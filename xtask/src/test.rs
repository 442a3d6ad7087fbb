//! `cargo xtask test`: everything that can be run.

use crate::{
    bench,
    cargo::{self, cargo},
    command::{Command, Failure, Flags},
    examples, process, providers,
    report::Report,
    services,
};

pub(crate) const COMMAND: Command = Command {
    name: "test",
    summary: "Every test, every example, and logins at real providers",
    details: "
1. looks for Redis, whose store is tested with it, and for Node.js, which the last part needs;
2. builds every target of the workspace;
3. cargo test --workspace: unit, integration and documentation tests;
4. runs each example program offline, with a time limit, and checks quickstart's figures, also with `--chaos`;
5. takes a few rounds of every figure of `bench`, without optimisation, to see that each can be measured;
6. what `providers` does.

The first part that fails ends it.",
    flags: &[(
        "--quick",
        "without examples, figures, providers and the stores of servers: no Redis, no Node.js",
    )],
    run,
};

fn run(flags: &Flags) -> Result<(), Failure> {
    let mut report = Report::new("test");
    let quick = flags.has("--quick");
    if !quick {
        // Now, not after minutes of building.
        report.part("tools", || {
            let hint = "; or `cargo xtask test --quick`, which does without";
            let tools = services::check_tools()
                .and_then(|services| Ok([services, providers::check_tools()?].join(", ")));
            tools.map_err(|failure| Failure::new(format!("{failure}{hint}")))
        })?;
    }
    let mut built = Vec::new();
    report.part("build", || {
        // The same packages and targets as the tests below, so that nothing is built twice with other features.
        built = cargo::build(cargo(["build", "--workspace", "--all-targets", "--locked"]))?;
        Ok(String::new())
    })?;
    report.part("cargo test", || {
        let without = services::PACKAGES.iter().filter(|_| quick).flat_map(|package| ["--exclude", package]);
        process::run(cargo(["test", "--workspace", "--locked"]).args(without))?;
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
