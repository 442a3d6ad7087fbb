//! `cargo xtask tidy`: the rules of the house that no compiler knows.

mod arrows;
mod clocks;
mod files;
mod members;
mod package;
mod secrets;
mod words;

use std::{fmt, fs, process::Command as Program};

use crate::{
    cargo::root,
    command::{Command, Failure, Flags},
    process,
    report::Report,
};

use package::Package;

pub(crate) const COMMAND: Command = Command {
    name: "tidy",
    summary: "Architecture rules, file lengths, missing docs, forbidden words",
    details: "
Reads every manifest of the workspace (what it excludes is a workspace of its own) and every text file that git knows or would
take in:
1. arrows: which of our crates knows which, and which crate alone may know a library (crates/README.md);
2. members: every package takes the workspace's lints and version, and the workspace forbids unsafe code;
3. files: no Rust file over 400 lines, none in crates/*/src without documentation at its head, no unsafe block;
4. clocks: only the file of the system clock lifts the ban on reading the time;
5. words: no unfinished work without an issue number, no test or example switched off, no mention of what
   somebody who clones the repository does not have;
6. secrets: no example, document or library prints one, and no library starts a program.",
    flags: &[],
    run: |_: &Flags| {
        let mut report = Report::new("tidy");
        report.part("rules", check_workspace)?;
        report.finish();
        Ok(())
    },
};

/// One broken rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    place: String,
    what: String,
}

impl Finding {
    fn new(place: impl fmt::Display, what: impl Into<String>) -> Self {
        Self { place: place.to_string(), what: what.into() }
    }

    fn at(path: &str, line_index: usize, what: impl Into<String>) -> Self {
        Self::new(format!("{path}:{}", line_index + 1), what)
    }
}

/// A text file of the tree; the path is relative to the root, with `/`.
struct Text {
    path: String,
    content: String,
}

/// Checks every rule; the remark says how much was read.
pub(crate) fn check_workspace() -> Result<String, Failure> {
    let texts = read_tree()?;
    let manifest = |path: &str| texts.iter().find(|text| text.path == path);
    let workspace = manifest("Cargo.toml").ok_or_else(|| Failure::new("there is no Cargo.toml"))?;
    let excluded = package::excluded(&workspace.content)?;
    let packages = texts
        .iter()
        .filter(|text| text.path.ends_with("/Cargo.toml") && !is_within(&text.path, &excluded))
        .map(|text| Package::parse(&text.path, &text.content, &workspace.content))
        .collect::<Result<Vec<_>, _>>()?;

    let mut findings = arrows::check(&packages);
    findings.extend(members::check(&packages, &workspace.content)?);
    for text in &texts {
        findings.extend(files::check(&text.path, &text.content));
        findings.extend(clocks::check(&text.path, &text.content));
        findings.extend(secrets::check(&text.path, &text.content));
        findings.extend(words::check(&text.path, &text.content));
    }
    for Finding { place, what } in &findings {
        println!("   {place}: {what}");
    }
    match findings.len() {
        0 => Ok(format!("{} packages, {} files", packages.len(), texts.len())),
        number => Err(Failure::new(format!("{number} broken rules, listed above"))),
    }
}

/// Whether a path is in one of these folders.
fn is_within(path: &str, folders: &[String]) -> bool {
    folders.iter().any(|folder| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/')))
}

/// What a commit of everything would contain, without what is binary.
fn read_tree() -> Result<Vec<Text>, Failure> {
    let mut git = Program::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let list = process::stdout_of(&mut git)?;
    let mut paths: Vec<&str> = list.split_terminator('\0').collect();
    paths.sort_unstable();
    paths.dedup();
    let mut texts = Vec::new();
    for path in paths {
        // A file that git knows and that is gone is about to be removed.
        let Ok(bytes) = fs::read(root().join(path)) else { continue };
        if let Ok(content) = String::from_utf8(bytes) {
            texts.push(Text { path: path.to_owned(), content });
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_workspace_excludes_is_left_alone() {
        let excluded =
            package::excluded("[workspace]\nmembers = [\"a\"]\nexclude = [\"tests/other\"]").unwrap();
        assert!(is_within("tests/other/Cargo.toml", &excluded));
        assert!(!is_within("tests/Cargo.toml", &excluded));
        assert!(!is_within("tests/other2/Cargo.toml", &excluded));
        assert!(package::excluded("[workspace]").unwrap().is_empty());
    }
}
