//! The example programs, run as they are without any setting: offline, on the test kit.

use std::{process::Command, thread, time::Duration};

use crate::{
    cargo::{Program, root},
    command::Failure,
    process,
    time::{Readable, Stopwatch},
};

/// How the settings begin that point an example at a real provider.
const SETTINGS: &[&str] = &["APITURE_", "API_URL", "ARITMA_", "OIDC_"];

/// An example that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// The arguments with which quickstart is run. The random seed is in its first line, and so in the failure.
const QUICKSTARTS: &[&[&str]] = &[&[], &["--chaos", "--seed", "1"], &["--chaos"]];

/// Runs every program of the `examples` package; the remark says how many there were.
pub(crate) fn run(built: &[Program]) -> Result<String, Failure> {
    let folder = root().join("examples");
    let examples: Vec<&Program> =
        built.iter().filter(|program| program.kind == "example" && program.package == folder).collect();
    if examples.is_empty() {
        return Err(Failure::new("no example was built; the package `examples` should have some"));
    }
    for example in &examples {
        if example.name == "quickstart" { run_quickstarts(example)? } else { run_one(example, &[])? }
    }
    Ok(format!("{} programs", examples.len()))
}

/// Side by side: they mostly wait.
fn run_quickstarts(example: &Program) -> Result<(), Failure> {
    thread::scope(|scope| {
        let runs: Vec<_> =
            QUICKSTARTS.iter().map(|arguments| scope.spawn(|| run_one(example, arguments))).collect();
        let ends: Vec<_> = runs.into_iter().map(thread::ScopedJoinHandle::join).collect();
        ends.into_iter().try_for_each(|end| end.unwrap_or_else(|_| Err(Failure::new("its runner panicked"))))
    })
}

fn run_one(example: &Program, arguments: &[&str]) -> Result<(), Failure> {
    let name = [&[example.name.as_str()], arguments].concat().join(" ");
    let watch = Stopwatch::start();
    let last = last_line(example, arguments).map_err(|failure| failure.during(&name))?;
    println!("   {name:<26} {:>8}  {last}", Readable(watch.elapsed()).to_string());
    Ok(())
}

/// Runs the example to its end, and gives the last line that it wrote; quickstart's is checked.
fn last_line(example: &Program, arguments: &[&str]) -> Result<String, Failure> {
    let mut program = Command::new(&example.path);
    for (name, _) in std::env::vars_os() {
        if SETTINGS.iter().any(|setting| name.to_string_lossy().starts_with(setting)) {
            program.env_remove(name);
        }
    }
    let lines = process::lines_within(program.args(arguments).current_dir(root()), LIMIT, |_| ())?;
    let last = lines.iter().rev().find(|line| !line.trim().is_empty());
    let last = last.ok_or_else(|| Failure::new("it printed nothing"))?;
    if example.name == "quickstart" {
        // Where the provider is in trouble nobody knows how often it can be asked.
        let refreshes = if arguments.is_empty() { 3 } else { 1 };
        check_quickstart(last, refreshes).map_err(|failure| process::with_tail(&failure, &lines))?;
    }
    Ok(last.clone())
}

/// The promise in figures: many calls, several renewals, one login, and no caller was left with a 401.
fn check_quickstart(last: &str, least: u64) -> Result<(), Failure> {
    let figures: Vec<(&str, u64)> = last
        .split(' ')
        .filter_map(|word| word.split_once('=').and_then(|(name, value)| Some((name, value.parse().ok()?))))
        .collect();
    match figures.as_slice() {
        [("calls", 200..), ("unauthorized", 0), ("refreshes", refreshes), ("logins", 1)]
            if *refreshes >= least =>
        {
            Ok(())
        }
        _ => Err(Failure::new(format!(
            "the last line should be `calls=N unauthorized=0 refreshes=R logins=1` with N >= 200 and R >= {least}, but is `{last}`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quickstart_that_keeps_its_promise_passes() {
        check_quickstart("calls=200 unauthorized=0 refreshes=3 logins=1", 3).unwrap();
        check_quickstart("calls=9120 unauthorized=0 refreshes=5 logins=1", 3).unwrap();
        check_quickstart("calls=900 unauthorized=0 refreshes=1 logins=1", 1).unwrap();
    }

    #[test]
    fn a_quickstart_that_breaks_it_fails() {
        for line in [
            "calls=199 unauthorized=0 refreshes=3 logins=1",
            "calls=900 unauthorized=1 refreshes=3 logins=1",
            "calls=900 unauthorized=0 refreshes=2 logins=1",
            "calls=900 unauthorized=0 refreshes=3 logins=2",
            "calls=900 unauthorized=0 refreshes=3",
            "calls=many unauthorized=0 refreshes=3 logins=1",
            "done",
        ] {
            assert!(check_quickstart(line, 3).is_err(), "{line}");
        }
    }
}
