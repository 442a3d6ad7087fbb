//! `cargo xtask bench --peers`: other people's crates, in a workspace of their own.

use std::{process::Command as Program, time::Duration};

use crate::{
    cargo::{self, cargo, target_folder},
    command::{Failure, Flags},
    process,
};

/// Where the workspace is that nothing else builds.
const MANIFEST: &str = "tests/peers/Cargo.toml";
/// What is measured in two minutes is not waited for longer.
const LIMIT: Duration = Duration::from_secs(900);

/// Builds the program in that workspace, runs it, and leaves its tables on the terminal and in `target/bench-peers.json`; a quick
/// run has a file of its own.
pub(super) fn run(flags: &Flags) -> Result<(), Failure> {
    let target = target_folder()?;
    let mut build = cargo(["build", "--release", "--locked", "--manifest-path", MANIFEST]);
    // Beside the others: two workspaces in one folder would build what they share again and again.
    build.arg("--target-dir").arg(target.join("peers"));
    let built = cargo::build(build)?;
    let program = built.iter().find(|program| program.name == "oidc-peers");
    let program = program.ok_or_else(|| Failure::new(format!("{MANIFEST} has no program `oidc-peers`")))?;

    let is_quick = flags.has("--quick");
    let file = target.join(if is_quick { "bench-peers-quick.json" } else { "bench-peers.json" });
    let mut run = Program::new(&program.path);
    run.args(is_quick.then_some("--quick")).arg(&file);
    process::lines_within(&mut run, LIMIT, |line| println!("{line}"))?;
    println!("\nwritten to {}", file.display());
    Ok(())
}
