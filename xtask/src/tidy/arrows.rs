//! Who may know whom.

use super::{Finding, Package};

/// The one crate of ours that all others may know, and that knows none.
const CORE: &str = "oidc-core";
/// What every crate's tests may use, but for the core's.
const TESTKIT: &str = "oidc-testkit";
/// What users depend on: re-exports, and no code.
const FACADE: &str = "oidc-kit";
/// These see everything: the facade, and the packages that nobody depends on.
const SEE_ALL: &[&str] = &["examples", FACADE, "tests"];
/// This one sees nothing, so that it builds when nothing else does.
const SEES_NONE: &str = "xtask";
/// What a crate knows of ours beside the core.
const EXCEPTIONS: &[(&str, &[&str])] = &[("oidc-axum", &["oidc-flow", "oidc-refresh"])];

/// Libraries that one crate adapts and hides.
const HOMES: &[(&str, &[&str])] = &[
    ("oidc-flow", &["oauth2", "openidconnect"]),
    (
        "oidc-store-postgres",
        &["deadpool-postgres", "diesel", "postgres", "rusqlite", "sea-orm", "sqlx", "tokio-postgres"],
    ),
    ("oidc-store-redis", &["bb8-redis", "deadpool-redis", "fred", "redis"]),
    ("oidc-transport", &["reqwest"]),
];
/// Those of them that programs and tests may use for themselves, and the examples in the facade's documentation.
const FREE_IN_PROGRAMS: &[&str] = &["reqwest"];
/// Libraries for tests; no user of ours should build them, but for those of the test kit.
const TEST_ONLY: &[&str] = &["proptest", "stateright", "tokio-test", "tower-test", "wiremock"];

/// Checks the dependencies of every package.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    packages
        .iter()
        .flat_map(|package| check_ours(package, packages).chain(check_libraries(package)))
        .collect()
}

fn check_ours<'p>(package: &'p Package, all: &'p [Package]) -> impl Iterator<Item = Finding> + 'p {
    let is_ours = |name: &str| name.starts_with("oidc-") || all.iter().any(|package| package.name == name);
    let normal = package.normal.iter().filter(|name| !may_know(&package.name, name));
    let dev = package.dev.iter().filter(|name| !may_test_with(&package.name, name));
    normal
        .chain(dev)
        .filter(move |name| is_ours(name))
        .map(|name| Finding::new(&package.manifest, format!("`{}` must not know `{name}`", package.name)))
}

/// Whether a package may be built with a package of ours.
fn may_know(package: &str, other: &str) -> bool {
    if package == SEES_NONE || package == CORE {
        return false;
    }
    let exception = EXCEPTIONS.iter().any(|(name, known)| *name == package && known.contains(&other));
    other == CORE || SEE_ALL.contains(&package) || exception
}

/// Whether the tests of a package may be built with a package of ours.
fn may_test_with(package: &str, other: &str) -> bool {
    let testkit = other == TESTKIT && package != CORE && package != SEES_NONE;
    testkit || may_know(package, other)
}

fn check_libraries(package: &Package) -> impl Iterator<Item = Finding> + '_ {
    let name = package.name.as_str();
    let sees_all = SEE_ALL.contains(&name);
    let normal =
        package.normal.iter().filter_map(move |library| away(name, library, sees_all && name != FACADE));
    let dev = package.dev.iter().filter_map(move |library| away(name, library, sees_all));
    let is_for_tests = name == "tests" || name == TESTKIT;
    let shipped =
        package.normal.iter().filter(move |library| !is_for_tests && TEST_ONLY.contains(&library.as_str()));
    let shipped = shipped.map(|library| format!("`{library}` is for tests: a dev-dependency"));
    normal.chain(dev).chain(shipped).map(|what| Finding::new(&package.manifest, what))
}

/// What to say where a package knows a library that another one hides.
fn away(package: &str, library: &str, is_program: bool) -> Option<String> {
    let (home, _) = HOMES.iter().find(|(_, libraries)| libraries.contains(&library))?;
    let free = is_program && FREE_IN_PROGRAMS.contains(&library);
    (*home != package && !free).then(|| format!("`{library}` belongs into `{home}` alone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(name: &str, normal: &[&str], dev: &[&str]) -> Vec<String> {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let package = Package {
            manifest: format!("{name}/Cargo.toml"),
            name: name.to_owned(),
            normal: set(normal),
            dev: set(dev),
            ..Package::default()
        };
        check(&[package]).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn the_arrows_that_are_drawn_pass() {
        for (name, normal, dev) in [
            ("oidc-core", &["http", "url"][..], &["proptest"][..]),
            ("oidc-flow", &["oidc-core", "openidconnect", "oauth2"], &["oidc-testkit"]),
            ("oidc-axum", &["oidc-core", "oidc-flow", "oidc-refresh"], &["oidc-testkit"]),
            ("oidc-transport", &["oidc-core", "reqwest"], &[]),
            ("oidc-store-redis", &["oidc-core", "redis"], &[]),
            ("oidc-kit", &["oidc-core", "oidc-flow", "oidc-tower", "oidc-store-redis"], &[]),
            ("oidc-kit", &["oidc-core"], &["reqwest"]),
            ("oidc-testkit", &["oidc-core", "proptest"], &[]),
            ("tests", &["oidc-flow", "oidc-testkit", "reqwest", "wiremock"], &[]),
            ("examples", &["oidc-kit", "reqwest"], &["oidc-testkit"]),
            ("xtask", &["toml"], &[]),
        ] {
            assert_eq!(broken(name, normal, dev), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn every_other_arrow_is_found() {
        for (name, normal, dev) in [
            ("oidc-core", &["oidc-flow"][..], &[][..]),
            ("oidc-core", &[], &["oidc-testkit"]),
            ("oidc-tower", &["oidc-core", "oidc-refresh"], &[]),
            ("oidc-tower", &["oidc-core"], &["oidc-refresh"]),
            ("oidc-refresh", &["oidc-testkit"], &[]),
            ("oidc-axum", &["oidc-store"], &[]),
            ("xtask", &["oidc-core"], &[]),
            ("xtask", &[], &["oidc-testkit"]),
        ] {
            let found = broken(name, normal, dev);
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert!(found.concat().contains("must not know"), "{found:?}");
        }
    }

    #[test]
    fn libraries_stay_at_home() {
        assert_eq!(
            broken("oidc-tower", &["reqwest"], &[]),
            ["`reqwest` belongs into `oidc-transport` alone"]
        );
        assert_eq!(broken("oidc-kit", &["reqwest"], &[]), ["`reqwest` belongs into `oidc-transport` alone"]);
        assert_eq!(
            broken("tests", &["openidconnect"], &[]),
            ["`openidconnect` belongs into `oidc-flow` alone"]
        );
        assert_eq!(broken("oidc-store", &["sqlx"], &[]), ["`sqlx` belongs into `oidc-store-postgres` alone"]);
        assert_eq!(broken("oidc-core", &[], &["redis"]), ["`redis` belongs into `oidc-store-redis` alone"]);
    }

    #[test]
    fn libraries_for_tests_are_not_shipped() {
        assert_eq!(broken("oidc-flow", &["wiremock"], &[]), ["`wiremock` is for tests: a dev-dependency"]);
        assert_eq!(broken("oidc-refresh", &[], &["stateright"]), Vec::<String>::new());
    }
}
