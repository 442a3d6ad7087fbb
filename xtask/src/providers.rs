//! `cargo xtask providers`: our flows against providers that others wrote.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command as Program, Stdio},
    sync::mpsc::RecvTimeoutError,
    time::Duration,
};

use crate::{
    cargo::{self, cargo, root, target_folder},
    command::{Command, Failure, Flags},
    process::{self, Running},
    report::Report,
    time::Stopwatch,
};

pub(crate) const COMMAND: Command = Command {
    name: "providers",
    summary: "Logins, refreshes and refusals at real providers on loopback",
    details: "
1. installs the certified provider `oidc-provider` from npm into target/providers, in the versions of
   xtask/providers/package-lock.json;
2. starts it on a free loopback port; it rotates refresh tokens, and its access tokens live for seconds;
3. runs the program `providers` of the package `tests` against it: one line per flow, `ok` or what broke.

Needs Node.js 20 or newer with npm: https://nodejs.org.",
    flags: &[],
    run: |_: &Flags| {
        let mut report = Report::new("providers");
        report.part("tools", check_tools)?;
        report.part("flows", || run_built(&build()?))?;
        report.finish();
        Ok(())
    },
};

const PROVIDER: &str = "oidc-provider";
const OLDEST_NODE: u32 = 20;
const INSTALL_LIMIT: Duration = Duration::from_secs(300);
const START_LIMIT: Duration = Duration::from_secs(30);
const FLOWS_LIMIT: Duration = Duration::from_secs(180);

/// Looks for what this needs; the remark says what is there.
pub(crate) fn check_tools() -> Result<String, Failure> {
    let help = "install Node.js 20 or newer with npm: https://nodejs.org";
    let version = |program: &str| {
        process::stdout_of(Program::new(program).arg("--version"))
            .map(|version| version.trim().to_owned())
            .map_err(|failure| Failure::new(format!("{failure}; {help}")))
    };
    let (node, npm) = (version("node")?, version(npm())?);
    match major(&node) {
        Some(OLDEST_NODE..) => Ok(format!("Node.js {node}, npm {npm}")),
        _ => Err(Failure::new(format!("Node.js {node} is too old; {help}"))),
    }
}

/// Runs the flows with the program `providers` among those that were built; the remark says how many there were.
pub(crate) fn run_built(built: &[cargo::Program]) -> Result<String, Failure> {
    let flows = built.iter().find(|program| program.kind == "bin" && program.name == "providers");
    let flows = flows.ok_or_else(|| Failure::new("the package `tests` has no program `providers`"))?;
    let folder = install()?;
    let provider = Provider::start(&folder)?;
    let mut run = Program::new(&flows.path);
    let lines = process::lines_within(run.args([PROVIDER, &provider.issuer]), FLOWS_LIMIT, |line| {
        println!("   {line}");
    });
    // The failing lines are on the terminal already; what the provider has to say is not.
    let lines = lines.map_err(|_| {
        process::with_tail(&Failure::new("a flow broke; so says the provider"), &provider.lines())
    })?;
    match lines.iter().filter(|line| line.ends_with(" ok")).count() {
        0 => Err(Failure::new("no flow was run")),
        flows => Ok(format!("{flows} flows")),
    }
}

fn build() -> Result<Vec<cargo::Program>, Failure> {
    cargo::build(cargo(["build", "--package", "tests", "--bin", "providers", "--locked"]))
}

/// Puts the provider and the script that starts it into `target/providers`; returns the folder.
fn install() -> Result<PathBuf, Failure> {
    let source = root().join("xtask").join("providers");
    let folder = target_folder()?.join("providers");
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", folder.display()));
    fs::create_dir_all(&folder).map_err(failed)?;
    let lock = "package-lock.json";
    // The mark is written last: an installation that was broken off is done again.
    let mark = folder.join("installed");
    let wanted = fs::read(source.join(lock)).map_err(failed)?;
    let installed = fs::read(&mark).is_ok_and(|installed| installed == wanted);
    for file in ["package.json", lock, "oidc-provider.mjs"] {
        fs::copy(source.join(file), folder.join(file)).map_err(failed)?;
    }
    if !installed {
        let mut npm = Program::new(npm());
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
        process::lines_within(&mut npm, INSTALL_LIMIT, |_| ())?;
        fs::write(mark, wanted).map_err(failed)?;
    }
    Ok(folder)
}

/// A provider that runs until this is dropped.
struct Provider {
    issuer: String,
    running: Running,
}

impl Provider {
    fn start(folder: &Path) -> Result<Self, Failure> {
        let mut node = Program::new("node");
        // The script ends with its standard input, that is, with this program, however that ends.
        node.arg("oidc-provider.mjs").current_dir(folder).stdin(Stdio::piped());
        let running = Running::start(&mut node)?;
        let watch = Stopwatch::start();
        let mut lines = Vec::new();
        while let Some(left) = START_LIMIT.checked_sub(watch.elapsed()) {
            match running.lines.recv_timeout(left) {
                Ok(line) => match line.strip_prefix("ready ") {
                    Some(issuer) => return Ok(Self { issuer: issuer.to_owned(), running }),
                    None => lines.push(line),
                },
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        Err(process::with_tail(&Failure::new(format!("{PROVIDER} did not start")), &lines))
    }

    /// What it has written since it was ready.
    fn lines(&self) -> Vec<String> {
        self.running.lines.try_iter().collect()
    }
}

fn npm() -> &'static str {
    if cfg!(windows) { "npm.cmd" } else { "npm" }
}

/// The major version in what `node --version` prints.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_node_is_read() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("v9.0.0"), Some(9));
        assert_eq!(major("node"), None);
    }

    #[test]
    fn no_program_is_a_failure_and_not_a_pass() {
        assert!(run_built(&[]).err().unwrap().to_string().contains("no program `providers`"));
    }
}
