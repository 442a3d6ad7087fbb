//! `cargo xtask bench --peers`: other people's crates, in a workspace of their own.

use std::{fs, path::Path, process::Command as Program, time::Duration};

use serde_json::Value;

use super::{figures::number, readme};
use crate::{
    cargo::{self, cargo, root, target_folder},
    command::{Failure, Flags},
    process,
};

/// Where the workspace is that nothing else builds.
const MANIFEST: &str = "tests/peers/Cargo.toml";
/// What is measured in two minutes is not waited for longer.
const LIMIT: Duration = Duration::from_secs(900);
/// The storm that the README tells of.
const STORM: &str = "no token, endpoint fails";

/// Builds the program in that workspace, runs it, and leaves its tables on the terminal and in `target/bench-peers.json`; a quick
/// run has a file of its own. With `--readme` it does neither, and puts that file into the README.
pub(super) fn run(flags: &Flags) -> Result<(), Failure> {
    let target = target_folder()?;
    if flags.has("--readme") {
        let table = read_table(&target.join("bench-peers.json"))?;
        return readme::rewrite(&root().join("README.md"), readme::PEERS_BEGIN, &table);
    }
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

fn read_table(path: &Path) -> Result<String, Failure> {
    let failed = |error: String| {
        Failure::new(format!("{}: {error}; `cargo xtask bench --peers` writes it", path.display()))
    };
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let result: Value = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    table(&result).ok_or_else(|| failed("is not what that writes".to_owned()))
}

/// The table for the README; nothing if something is missing in `result`.
fn table(result: &Value) -> Option<String> {
    let storms = result["storms"].as_array()?;
    let mut text = String::from(
        "| | adds, over a static header | allocations | token requests in a failing storm |\n|---|---:|---:|---:|\n",
    );
    for line in result["cached"].as_array()? {
        let peer = line["peer"].as_str()?;
        let ratio = number(line["over_static"].as_f64()?);
        let allocations = number(line["allocations"].as_f64()?);
        // Layers of one project with different settings have their storms together.
        let storm = storms.iter().find(|storm| {
            storm["storm"] == STORM && storm["peer"].as_str().is_some_and(|name| peer.starts_with(name))
        });
        let requests = match storm {
            Some(storm) => number(storm["requests"].as_f64()?),
            None => "–".to_owned(),
        };
        text += &format!("| {peer} | {ratio} | {allocations} | {requests} |\n");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_contender_has_a_row_with_its_storm_or_a_dash() {
        let result = json!({
            "cached": [
                {"peer": "static", "over_static": 1.0, "allocations": 0.0},
                {"peer": "ours, layer", "over_static": 1.84, "allocations": 2.0},
            ],
            "storms": [
                {"peer": "ours", "storm": "another", "requests": 7},
                {"peer": "ours", "storm": STORM, "requests": 1000},
            ],
        });
        let text = table(&result).unwrap();
        let rows: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(rows, ["| static | 1 | 0 | – |", "| ours, layer | 1.84 | 2 | 1000 |"]);
    }

    #[test]
    fn what_is_incomplete_is_no_table() {
        for result in [
            json!({}),
            json!({"cached": [], "storms": 1}),
            json!({"cached": [{"peer": "static"}], "storms": []}),
        ] {
            assert_eq!(table(&result), None, "{result}");
        }
    }
}
