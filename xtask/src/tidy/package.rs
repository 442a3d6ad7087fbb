//! What a manifest says about its package.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::command::Failure;

/// A member of the workspace.
#[derive(Debug, Default)]
pub(super) struct Package {
    /// Its manifest, relative to the root of the workspace.
    pub(super) manifest: String,
    /// Its name.
    pub(super) name: String,
    /// The packages that it is built with, on any platform and with any feature; build scripts' among them.
    pub(super) normal: BTreeSet<String>,
    /// The packages that its tests are built with beside those.
    pub(super) dev: BTreeSet<String>,
    /// Whether it takes the workspace's lints.
    pub(super) takes_lints: bool,
    /// Whether it takes the workspace's version.
    pub(super) takes_version: bool,
}

impl Package {
    /// Reads a manifest; the workspace's is needed to know a dependency that goes by another name.
    pub(super) fn parse(path: &str, manifest: &str, workspace: &str) -> Result<Self, Failure> {
        let table = parse(path, manifest)?;
        let workspace = parse("Cargo.toml", workspace)?;
        let shared = lookup(&workspace, &["workspace", "dependencies"]);
        let mut package = Self {
            manifest: path.to_owned(),
            name: lookup(&table, &["package", "name"]).and_then(Value::as_str).unwrap_or_default().to_owned(),
            takes_lints: is_true(&table, &["lints", "workspace"]),
            takes_version: is_true(&table, &["package", "version", "workspace"]),
            ..Self::default()
        };
        let platforms = table.get("target").and_then(Value::as_table).into_iter().flatten();
        let platforms = platforms.filter_map(|(_, platform)| platform.as_table());
        for section in std::iter::once(&table).chain(platforms) {
            package.normal.extend(names(section, "dependencies", shared));
            package.normal.extend(names(section, "build-dependencies", shared));
            package.dev.extend(names(section, "dev-dependencies", shared));
        }
        Ok(package)
    }
}

/// The folders that the workspace with this manifest excludes.
pub(super) fn excluded(workspace: &str) -> Result<Vec<String>, Failure> {
    let table = parse("Cargo.toml", workspace)?;
    let folders = lookup(&table, &["workspace", "exclude"]).and_then(Value::as_array).into_iter().flatten();
    Ok(folders.filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Parses a manifest.
pub(super) fn parse(path: &str, manifest: &str) -> Result<Table, Failure> {
    manifest.parse().map_err(|error| Failure::new(format!("{path} is not TOML: {error}")))
}

/// The value at the end of a path of keys.
pub(super) fn lookup<'t>(table: &'t Table, keys: &[&str]) -> Option<&'t Value> {
    let (first, rest) = keys.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.get(*key))
}

fn is_true(table: &Table, keys: &[&str]) -> bool {
    lookup(table, keys).and_then(Value::as_bool) == Some(true)
}

/// The real names of the packages in a section of dependencies.
fn names(table: &Table, section: &str, shared: Option<&Value>) -> Vec<String> {
    let section = table.get(section).and_then(Value::as_table).into_iter().flatten();
    section
        .map(|(key, value)| {
            let shared = shared.and_then(|shared| shared.get(key.as_str()));
            let renamed = |value: &Value| Some(value.get("package")?.as_str()?.to_owned());
            renamed(value).or_else(|| shared.and_then(renamed)).unwrap_or_else(|| key.clone())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = r#"
        [workspace.dependencies]
        serde = "1"
        http1 = { package = "http", version = "1" }
    "#;

    #[test]
    fn every_kind_of_dependency_is_seen_under_its_real_name() {
        let manifest = r#"
            [package]
            name = "oidc-x"
            [dependencies]
            serde.workspace = true
            http1.workspace = true
            client = { package = "reqwest", version = "0.13" }
            [target.'cfg(unix)'.dependencies]
            rustix = "1"
            [build-dependencies]
            cc = "1"
            [dev-dependencies]
            proptest = "1"
        "#;
        let package = Package::parse("crates/oidc-x/Cargo.toml", manifest, WORKSPACE).unwrap();
        assert_eq!(package.name, "oidc-x");
        assert_eq!(package.normal, ["cc", "http", "reqwest", "rustix", "serde"].map(str::to_owned).into());
        assert_eq!(package.dev, ["proptest".to_owned()].into());
        assert!(!package.takes_lints && !package.takes_version);
    }

    #[test]
    fn a_broken_manifest_is_named() {
        let failure = Package::parse("crates/oidc-x/Cargo.toml", "[package", WORKSPACE).err().unwrap();
        assert!(failure.to_string().starts_with("crates/oidc-x/Cargo.toml is not TOML"), "{failure}");
    }
}
