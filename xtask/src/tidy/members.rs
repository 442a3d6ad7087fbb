//! What every member of the workspace has in common.

use toml::{Table, Value};

use super::{Finding, Package, package};
use crate::command::Failure;

/// Checks that the workspace decides over lints and versions, and what it decides.
pub(super) fn check(packages: &[Package], workspace: &str) -> Result<Vec<Finding>, Failure> {
    let workspace = package::parse("Cargo.toml", workspace)?;
    let mut findings = Vec::new();
    for package in packages {
        if !package.takes_lints {
            findings.push(Finding::new(&package.manifest, "`[lints] workspace = true` is missing"));
        }
        if !package.takes_version {
            findings.push(Finding::new(&package.manifest, "`version.workspace = true` is missing"));
        }
    }
    findings.extend(check_lints(&workspace));
    findings.extend(check_versions(&workspace));
    Ok(findings)
}

fn check_lints(workspace: &Table) -> impl Iterator<Item = Finding> + '_ {
    let wanted = [("unsafe_code", &["forbid"][..]), ("missing_docs", &["warn", "deny"])];
    wanted.into_iter().filter_map(|(lint, levels)| {
        let level = package::lookup(workspace, &["workspace", "lints", "rust", lint]).and_then(Value::as_str);
        let right = level.is_some_and(|level| levels.contains(&level));
        (!right).then(|| {
            Finding::new("Cargo.toml", format!("the lint `{lint}` should be `{}`", levels.join("` or `")))
        })
    })
}

/// Our crates ask for each other in the version that the workspace has.
fn check_versions(workspace: &Table) -> impl Iterator<Item = Finding> + '_ {
    let version = package::lookup(workspace, &["workspace", "package", "version"]);
    let shared = package::lookup(workspace, &["workspace", "dependencies"]).and_then(Value::as_table);
    let ours = shared.into_iter().flatten().filter(|(_, dependency)| dependency.get("path").is_some());
    ours.filter(move |(_, dependency)| dependency.get("version") != version).map(move |(name, _)| {
        let version = version.and_then(Value::as_str).unwrap_or("no version");
        Finding::new("Cargo.toml", format!("`{name}` is not asked for as {version}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [workspace.package]
        version = "1.2.0"
        [workspace.dependencies]
        oidc-core = { path = "crates/oidc-core", version = "1.2.0" }
        serde = "1"
        [workspace.lints.rust]
        missing_docs = "warn"
        unsafe_code = "forbid"
    "#;

    fn member(manifest: &str) -> Package {
        Package::parse("crates/a/Cargo.toml", manifest, GOOD).unwrap()
    }

    fn broken(packages: &[Package], workspace: &str) -> Vec<String> {
        check(packages, workspace).unwrap().into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_member_that_takes_everything_passes() {
        let good = member("[package]\nname = \"a\"\nversion.workspace = true\n[lints]\nworkspace = true");
        assert_eq!(broken(&[good], GOOD), Vec::<String>::new());
    }

    #[test]
    fn a_member_with_its_own_mind_is_found() {
        let bad = member("[package]\nname = \"a\"\nversion = \"1.2.0\"\n[lints]\nworkspace = false");
        let found = broken(&[bad], GOOD);
        assert_eq!(found, ["`[lints] workspace = true` is missing", "`version.workspace = true` is missing"]);
    }

    #[test]
    fn a_softened_lint_is_found() {
        let soft = GOOD.replace("forbid", "deny").replace("missing_docs = \"warn\"", "");
        let found = broken(&[], &soft);
        assert_eq!(
            found,
            [
                "the lint `unsafe_code` should be `forbid`",
                "the lint `missing_docs` should be `warn` or `deny`"
            ]
        );
    }

    #[test]
    fn a_crate_of_another_version_is_found() {
        let old = GOOD.replace("oidc-core\", version = \"1.2.0", "oidc-core\", version = \"1.1.0");
        assert_eq!(broken(&[], &old), ["`oidc-core` is not asked for as 1.2.0"]);
    }
}
