//! Cargo, called from the root of the workspace.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{command::Failure, process};

/// A program that cargo built.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// The target's name.
    pub(crate) name: String,
    /// `bin` or `example`.
    pub(crate) kind: String,
    /// The folder of its package.
    pub(crate) package: PathBuf,
    /// Where it lies.
    pub(crate) path: PathBuf,
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    // Cargo names the folder again when it runs this program, which may have been built in another clone.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = Path::new(&here);
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo with these arguments, in the root of the workspace.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> Result<PathBuf, Failure> {
    let text = process::stdout_of(&mut cargo(["metadata", "--no-deps", "--format-version=1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("cargo metadata is not JSON: {error}")))?;
    let folder = metadata.get("target_directory").and_then(Value::as_str);
    folder.map(PathBuf::from).ok_or_else(|| Failure::new("cargo metadata names no target directory"))
}

/// Builds, and returns the programs among what was built; test harnesses are none.
pub(crate) fn build(mut command: Command) -> Result<Vec<Program>, Failure> {
    let text = process::stdout_of(command.arg("--message-format=json-render-diagnostics"))?;
    Ok(text.lines().filter_map(program).collect())
}

/// Reads one of cargo's messages.
fn program(line: &str) -> Option<Program> {
    let message: Value = serde_json::from_str(line).ok()?;
    let text = |path: &str| Some(message.pointer(path)?.as_str()?.to_owned());
    if message.pointer("/profile/test")?.as_bool()? {
        return None;
    }
    Some(Program {
        name: text("/target/name")?,
        kind: text("/target/kind/0")?,
        package: Path::new(&text("/manifest_path")?).parent()?.to_path_buf(),
        path: text("/executable")?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_example_is_recognised() {
        let line = r#"{"reason":"compiler-artifact","manifest_path":"/a/examples/Cargo.toml",
            "target":{"kind":["example"],"name":"quickstart"},"profile":{"test":false},
            "executable":"/a/target/debug/examples/quickstart"}"#;
        let expected = Program {
            name: "quickstart".to_owned(),
            kind: "example".to_owned(),
            package: "/a/examples".into(),
            path: "/a/target/debug/examples/quickstart".into(),
        };
        assert_eq!(program(line), Some(expected));
    }

    #[test]
    fn harnesses_libraries_and_other_messages_are_no_programs() {
        let harness = r#"{"manifest_path":"/a/Cargo.toml","target":{"kind":["bin"],"name":"x"},
            "profile":{"test":true},"executable":"/a/x"}"#;
        let library = r#"{"manifest_path":"/a/Cargo.toml","target":{"kind":["lib"],"name":"x"},
            "profile":{"test":false},"executable":null}"#;
        assert_eq!(program(harness), None);
        assert_eq!(program(library), None);
        assert_eq!(program(r#"{"reason":"build-finished","success":true}"#), None);
        assert_eq!(program("warning: odd"), None);
    }
}
