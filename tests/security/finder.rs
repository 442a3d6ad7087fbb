//! What looks for secrets finds them.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD},
};
use tests::{Canaries, capture_logs, captured_logs};

const SECRET: &str = "p?ssw~rd>of>the>m?nth/&co";

fn canaries() -> Canaries {
    let mut canaries = Canaries::default();
    canaries.watch("password", SECRET);
    canaries
}

/// The secret in every spelling.
fn spellings(bytes: &[u8]) -> Vec<String> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    vec![
        String::from_utf8(bytes.to_vec()).unwrap(),
        url::form_urlencoded::byte_serialize(bytes).collect(),
        percent,
        BASE64_STANDARD.encode(bytes),
        BASE64_STANDARD_NO_PAD.encode(bytes),
        BASE64_URL_SAFE.encode(bytes),
        BASE64_URL_SAFE_NO_PAD.encode(bytes),
        hex.to_uppercase(),
        hex,
        format!("{bytes:?}"),
        format!("{bytes:#?}"),
    ]
}

// LEA-01
#[test]
fn eight_bytes_are_found_in_every_spelling_and_at_every_place() {
    let canaries = canaries();
    for start in 0..=SECRET.len() - 8 {
        for part in [&SECRET.as_bytes()[start..start + 8], &SECRET.as_bytes()[start..]] {
            for spelling in spellings(part) {
                for text in
                    [spelling.clone(), format!("Err(\"x={spelling}, y\")"), format!("token:{spelling}:")]
                {
                    assert!(canaries.find_in(&text).is_some(), "{text}");
                }
            }
        }
    }
    // In the middle of something that is encoded as a whole.
    for before in ["", "a", "ab", "abc"] {
        let whole = format!("{before}{SECRET}:and so on");
        for spelling in spellings(whole.as_bytes()) {
            assert!(canaries.find_in(&format!("Basic {spelling}")).is_some(), "{spelling}");
        }
    }
}

#[test]
fn seven_bytes_and_other_texts_are_not_found() {
    let canaries = canaries();
    for start in 0..=SECRET.len() - 7 {
        for spelling in spellings(&SECRET.as_bytes()[start..start + 7]) {
            assert!(canaries.find_in(&spelling).is_none(), "{spelling}");
        }
    }
    for text in ["", "Secret(***)", "112, 63, 115", "a password of the month", &"0123456789abcdef".repeat(50)]
    {
        assert!(canaries.find_in(text).is_none(), "{text}");
    }
}

// LEA-02
#[test]
fn all_that_is_said_is_captured() {
    capture_logs();
    tracing::trace!(token = "logged-by-tracing", "said");
    tracing::trace_span!("span", token = ?"logged-by-a-span").in_scope(|| ());
    log::trace!("logged-by-{}", "log");
    let span = tracing::error_span!("late", token = tracing::field::Empty);
    span.record("token", "logged-late");
    metrics::counter!("counted", "token" => "logged-as-a-label").increment(1);
    let hook_hears = std::panic::catch_unwind(|| panic!("logged-by-a-panic"));
    assert!(hook_hears.is_err());
    for marker in [
        "logged-by-tracing",
        "logged-by-a-span",
        "logged-by-log",
        "logged-late",
        "logged-as-a-label",
        "logged-by-a-panic",
    ] {
        assert!(captured_logs().contains(marker), "{marker}");
    }
}
