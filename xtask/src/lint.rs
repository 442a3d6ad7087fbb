//! `cargo xtask lint`: everything that can be said about the code without running it.

use crate::{
    cargo::cargo,
    command::{Command, Failure, Flags},
    deny, process,
    report::Report,
    tidy,
};

pub(crate) const COMMAND: Command = Command {
    name: "lint",
    summary: "Formatting, clippy, documentation, dependencies, and `tidy`",
    details: "
1. cargo fmt --check;
2. what `tidy` does;
3. clippy on all targets and features, warnings denied;
4. the documentation, warnings denied;
5. cargo-deny: bans, licences and sources. Without cargo-deny 0.20.2 on the path it is built once into
   target/tools, which takes minutes;
6. cargo-deny's advisories, where the RustSec database can be fetched; where not, it says so and goes on.

The first part that fails ends it.",
    flags: &[],
    run,
};

fn run(_: &Flags) -> Result<(), Failure> {
    let mut report = Report::new("lint");
    report.part("fmt", || quiet(process::run(&mut cargo(["fmt", "--all", "--check"]))))?;
    report.part("tidy", tidy::check_workspace)?;
    report.part("clippy", || {
        let mut clippy = cargo(["clippy", "--workspace", "--all-targets", "--all-features", "--locked"]);
        quiet(process::run(clippy.args(["--", "-D", "warnings"])))
    })?;
    report.part("doc", || {
        let mut doc = cargo(["doc", "--workspace", "--all-features", "--no-deps", "--locked"]);
        quiet(process::run(doc.env("RUSTDOCFLAGS", "-D warnings")))
    })?;
    let mut tool = None;
    report.part("cargo-deny", || {
        let found = deny::find_or_install()?;
        let (remark, _) = (found.remark(), tool.insert(found));
        Ok(remark)
    })?;
    if let Some(tool) = tool {
        report.part("bans, licences, sources", || quiet(tool.check_dependencies()))?;
        report.part("advisories", || tool.check_advisories())?;
    }
    report.finish();
    Ok(())
}

fn quiet(outcome: Result<(), Failure>) -> Result<String, Failure> {
    outcome.map(|()| String::new())
}
