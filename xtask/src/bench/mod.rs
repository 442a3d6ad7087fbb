//! `cargo xtask bench`: what tokens cost, measured beside what it is compared with.

mod figures;
mod peers;
mod readme;

use std::{collections::BTreeMap, fs, path::Path, process::Command as Program, time::Duration};

use crate::{
    cargo::{self, cargo, root, target_folder},
    command::{Command, Failure, Flags},
    process,
};
use figures::{FIGURES, Measured};

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    summary: "What tokens cost, in figures with targets",
    details: "
1. builds the program `bench` of the package `tests`, optimised, with a profile that nothing else uses;
2. runs it: all figures, or those that are named. tests/bench/main.rs says how they are measured, and the files beside it
   what each compares;
3. prints the table, and writes target/bench.json where all figures were measured: an object of names and numbers.

A figure that misses its target is shown as missed; only one that cannot be measured is a failure. Takes about three minutes, and
4 GB of memory. The machine should have two idle processors.",
    flags: &[
        ("NAME...", "measures these figures alone, and what is measured together with them"),
        ("--quick", "a few rounds of everything, to see that it runs; writes target/bench-quick.json"),
        ("--peers", "measures other people's crates instead (tests/peers); builds for long, writes target/bench-peers.json"),
        ("--readme", "measures nothing: puts the figures of target/bench.json into README.md; with --peers those of target/bench-peers.json"),
    ],
    run,
};

/// What is measured in three minutes is not waited for longer.
const LIMIT: Duration = Duration::from_secs(900);

fn run(flags: &Flags) -> Result<(), Failure> {
    if flags.has("--peers") {
        return peers::run(flags);
    }
    if flags.has("--readme") {
        let measured = read(&target_folder()?.join("bench.json"))?;
        return readme::rewrite(&root().join("README.md"), readme::FIGURES_BEGIN, &readme::table(&measured));
    }
    let build = cargo(["build", "--profile", "bench", "--package", "tests", "--bin", "bench", "--locked"]);
    let measured = measure(&cargo::build(build)?, flags)?;
    print!("\n{}", figures::table(&measured));
    if flags.names().next().is_some() {
        return Ok(());
    }
    check_complete(&measured)?;
    let file = if flags.has("--quick") { "bench-quick.json" } else { "bench.json" };
    write(&target_folder()?.join(file), &measured)
}

/// Takes a few rounds of every figure with the program `bench` among those that were built; the remark says how many figures there were.
pub(crate) fn run_quickly(built: &[cargo::Program]) -> Result<String, Failure> {
    let flags = Flags::parse(&COMMAND, &["--quick".to_owned()])?;
    let measured = measure(built, &flags)?;
    check_complete(&measured)?;
    Ok(format!("{} figures, of no meaning", measured.len()))
}

fn measure(built: &[cargo::Program], flags: &Flags) -> Result<Measured, Failure> {
    let program = built.iter().find(|program| program.kind == "bin" && program.name == "bench");
    let program = program.ok_or_else(|| Failure::new("the package `tests` has no program `bench`"))?;
    let mut run = Program::new(&program.path);
    run.args(flags.names());
    if flags.has("--quick") {
        run.arg("--quick");
    }
    let mut measured = Measured::new();
    process::lines_within(&mut run, LIMIT, |line| match figure(line) {
        Some((name, value)) => {
            measured.insert(name, value);
        }
        None => println!("   {line}"),
    })?;
    Ok(measured)
}

/// A line that is a figure: its name and a number.
fn figure(line: &str) -> Option<(String, f64)> {
    let (name, value) = line.split_once(' ')?;
    let known = FIGURES.iter().any(|figure| figure.name == name);
    let value: f64 = value.parse().ok()?;
    (known && value.is_finite()).then(|| (name.to_owned(), value))
}

fn check_complete(measured: &Measured) -> Result<(), Failure> {
    let missing: Vec<&str> =
        FIGURES.iter().map(|figure| figure.name).filter(|name| !measured.contains_key(*name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("not measured: {}", missing.join(", "))))
}

fn write(path: &Path, measured: &Measured) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(measured).map_err(|error| Failure::new(error.to_string()))?;
    fs::write(path, text + "\n").map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    println!("\nwritten to {}", path.display());
    Ok(())
}

fn read(path: &Path) -> Result<Measured, Failure> {
    let failed =
        |error: String| Failure::new(format!("{}: {error}; `cargo xtask bench` writes it", path.display()));
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let measured: BTreeMap<String, f64> =
        serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    check_complete(&measured)?;
    Ok(measured)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_a_known_name_and_a_number_are_figures() {
        assert_eq!(figure("layer_allocs 0"), Some(("layer_allocs".to_owned(), 0.0)));
        assert_eq!(figure("layer_1t_over_static 2.25"), Some(("layer_1t_over_static".to_owned(), 2.25)));
        for line in ["layer_allocs", "layer_allocs NaN", "layer_allocs: 0", "something 1", ""] {
            assert_eq!(figure(line), None, "{line}");
        }
    }

    #[test]
    fn a_figure_that_is_missing_is_named() {
        let mut measured: Measured = FIGURES.iter().map(|figure| (figure.name.to_owned(), 1.0)).collect();
        check_complete(&measured).unwrap();
        measured.remove("layer_allocs");
        assert_eq!(check_complete(&measured).err().unwrap().to_string(), "not measured: layer_allocs");
    }
}
