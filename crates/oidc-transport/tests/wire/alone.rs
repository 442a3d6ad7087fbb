//! Tests that need a process of their own.

use std::process::Command;

/// Whether this is the process in which `test` is alone, with this limit on open files, if any. Where it is
/// not, the test is run in one, has to pass there, and is done here.
pub(crate) fn is_alone(test: &str, open_files: Option<u32>) -> bool {
    if std::env::var_os(ALONE).as_deref() == Some(test.as_ref()) {
        return true;
    }
    let limit = open_files.map_or_else(String::new, |number| format!("ulimit -n {number} && "));
    let child = Command::new("sh")
        .args(["-c", &format!("{limit}exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(ALONE, test)
        .output()
        .unwrap();
    let text =
        [child.stdout, child.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(child.status.success() && text.contains("1 passed"), "{text}");
    false
}

const ALONE: &str = "OIDC_TEST_ALONE";
