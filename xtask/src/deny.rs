//! cargo-deny: found or built, and what is asked of it.

use std::{path::PathBuf, process::Command, time::Duration};

use crate::{
    cargo::{cargo, root, target_folder},
    command::Failure,
    process,
};

/// The version whose `deny.toml` format and judgement the workspace relies on.
const VERSION: &str = "0.20.2";

/// A machine without a way to the advisory database notices late.
const FETCH_LIMIT: Duration = Duration::from_secs(120);

/// A cargo-deny of the right version.
pub(crate) struct Deny(PathBuf);

/// The one on the path, or the one in `target/tools`, which is built if need be.
pub(crate) fn find_or_install() -> Result<Deny, Failure> {
    let on_path = Deny("cargo-deny".into());
    if on_path.is_right_version() {
        return Ok(on_path);
    }
    let tools = target_folder()?.join("tools");
    let own = Deny(tools.join("bin").join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX)));
    if !own.is_right_version() {
        println!("   cargo-deny {VERSION} is not here; building it takes some minutes, once");
        let mut install = cargo(["install", "--locked", "--quiet", "--force", "--root"]);
        process::run(install.arg(&tools).args(["cargo-deny", "--version", VERSION]))?;
    }
    if own.is_right_version() {
        Ok(own)
    } else {
        Err(Failure::new(format!("cargo-deny was installed, but {} is not {VERSION}", own.0.display())))
    }
}

impl Deny {
    /// For the summary: which one it is.
    pub(crate) fn remark(&self) -> String {
        format!(
            "{VERSION}, {}",
            if self.0.is_absolute() { "built into target/tools" } else { "from the path" }
        )
    }

    /// The arrows between packages, their licences, and where they come from.
    pub(crate) fn check_dependencies(&self) -> Result<(), Failure> {
        // Two versions of one crate are worth a line, not the two trees of who brings them.
        let mut check = self.command();
        process::run(check.args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))
            .map_err(|failure| Failure::new(format!("{failure}; `cargo deny check` shows who brings it")))
    }

    /// Known vulnerabilities. Without the database there is nothing to compare with: the remark says so.
    pub(crate) fn check_advisories(&self) -> Result<String, Failure> {
        let mut fetch = self.command();
        fetch.args(["--color", "never", "fetch", "db"]).env("GIT_TERMINAL_PROMPT", "0");
        if let Err(failure) = process::lines_within(&mut fetch, FETCH_LIMIT, |_| ()) {
            let failure = failure.to_string();
            println!("   SKIPPED: the advisory database cannot be fetched ({})", reason(&failure));
            return Ok("skipped: the advisory database cannot be fetched".to_owned());
        }
        process::run(self.command().args(["check", "--disable-fetch", "advisories"]))?;
        Ok(String::new())
    }

    fn is_right_version(&self) -> bool {
        let answer = Command::new(&self.0).arg("--version").output();
        answer.is_ok_and(|answer| {
            String::from_utf8_lossy(&answer.stdout).trim() == format!("cargo-deny {VERSION}")
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.0);
        // All features, or the bans would not see what only a feature pulls in.
        command.args(["--workspace", "--all-features", "--locked"]).current_dir(root());
        command
    }
}

/// The innermost cause in cargo-deny's report: its last line that says something.
fn reason(report: &str) -> &str {
    report.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_last_line_that_says_something() {
        let report = "2026-01-01 [ERROR] failed to fetch\nCaused by:\n    cannot resolve the host\n\n";
        assert_eq!(reason(report), "cannot resolve the host");
        assert_eq!(reason("\n"), "no reason given");
    }
}
