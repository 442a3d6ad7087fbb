//! Token answers as providers really send them.

use std::time::Duration;

use oidc_core::{Cause, Scopes};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const REFUSED: GrantErrorKind = GrantErrorKind::Refused(Cause::GrantRejected);

fn read_as(status: u16, content_type: &str, body: &[u8]) -> Result<TokenAnswer, GrantError> {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())]);
    let answer = RawAnswer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers,
        body,
        sent: SystemTime::UNIX_EPOCH,
        now: SystemTime::UNIX_EPOCH,
        is_dead: &|answer| answer.is_invalid_grant() || (answer.says)("error", "bad_refresh_token"),
        is_echo: &|text| text.contains("canary"),
    };
    answer.read()
}

fn read(status: u16, body: &str) -> Result<TokenAnswer, GrantError> {
    read_as(status, "application/json", body.as_bytes())
}

fn salvaged(error: &GrantError) -> Option<&str> {
    error.salvage().and_then(TokenSet::refresh).map(Secret::expose)
}

#[test]
fn the_answer_of_the_textbook_is_read_whole() {
    let body = json!({
        "access_token": "C1AC67D1", "token_type": "Bearer:", "expires_in": 300, "refresh_token": "r",
        "id_token": "i", "scope": "openid banking/read", "unknown": {"a": [1]},
    });
    let answer = read(200, &body.to_string()).unwrap();
    assert_eq!(answer.access.value(), &Secret::from("C1AC67D1"));
    assert_eq!(answer.access.lifetime().expires_in(), Some(Duration::from_secs(300)));
    assert_eq!(answer.access.lifetime().received(), SystemTime::UNIX_EPOCH);
    assert_eq!(answer.access.scopes(), Some(&Scopes::parse("openid banking/read")));
    assert_eq!(answer.refresh, Some(Secret::from("r")));
    assert_eq!(answer.id_token, Some(Secret::from("i")));
    assert!(!answer.lost_refresh);
}

// TOK-02, REF-18
#[test]
fn hints_are_read_and_nonsense_beside_a_token_costs_nothing() {
    let body = json!({
        "access_token": "a", "expires_in": "86399", "ext_expires_in": 86399, "refresh_in": "43199",
        "refresh_token": "r", "refresh_expires_in": 1800, "not-before-policy": 0,
    });
    let answer = read(200, &body.to_string()).unwrap();
    assert_eq!(answer.access.lifetime().refresh_in(), Some(Duration::from_secs(43_199)));
    let half_an_hour = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800);
    let tokens = answer.with_refresh_of(TokenSet::default());
    assert_eq!((tokens.refresh(), tokens.refresh_ends_at()), (Some(&Secret::from("r")), Some(half_an_hour)));
    for odd in ["0", "-1", "1e300", "1e400", r#""soon""#, "null", "[60]", "{}", "true", "\"\""] {
        let body = format!(
            r#"{{"access_token":"a","expires_in":300,"refresh_in":{odd},"refresh_token":"r","refresh_expires_in":{odd}}}"#
        );
        let answer = read(200, &body).unwrap();
        assert_eq!(answer.access.lifetime().refresh_in(), None, "{odd}");
        assert_eq!(answer.refresh_ends_at, None, "{odd}");
        assert_eq!(answer.access.lifetime().expires_in(), Some(Duration::from_secs(300)), "{odd}");
    }
    let late = read(200, r#"{"access_token":"a","expires_in":300,"refresh_in":300}"#).unwrap();
    assert_eq!(late.access.lifetime().refresh_in(), None, "not before the end");
}

// REF-18
#[test]
fn a_salvaged_refresh_token_keeps_its_end() {
    let error =
        read(200, r#"{"access_token":"a b","refresh_token":"r","refresh_expires_in":60}"#).unwrap_err();
    let minute = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
    assert_eq!(error.salvage().unwrap().refresh_ends_at(), Some(minute));
}

// TOK-03
#[test]
fn bearer_has_many_spellings() {
    let types = [
        r#""Bearer""#,
        r#""bearer""#,
        r#""BEARER""#,
        r#""Bearer:""#,
        r#"" bearer : ""#,
        r#""""#,
        "null",
        r#"":""#,
    ];
    for token_type in types {
        let body = format!(r#"{{"access_token":"a","token_type":{token_type}}}"#);
        assert!(read(200, &body).is_ok(), "{token_type}");
    }
    assert!(read(200, r#"{"access_token":"a"}"#).is_ok());
}

// TOK-03
#[test]
fn other_types_of_token_are_not_attached_and_their_refresh_token_is_kept() {
    for token_type in
        [r#""mac""#, r#""N_A""#, r#""DPoP""#, r#""Bearer2""#, r#""bea rer""#, "1", "true", r#"["Bearer"]"#]
    {
        let body = format!(r#"{{"access_token":"a","token_type":{token_type},"refresh_token":"r"}}"#);
        let error = read(200, &body).unwrap_err();
        assert_eq!(error.kind(), GrantErrorKind::Misconfigured, "{token_type}");
        assert_eq!(salvaged(&error), Some("r"), "{token_type}");
    }
}

// TOK-01, TOK-12
#[test]
fn what_is_left_out_is_not_made_up() {
    let answer =
        read(201, r#"{"access_token":"a","scope":null,"expires_in":null,"refresh_token":"","id_token":""}"#)
            .unwrap();
    assert_eq!(answer.access.lifetime().expires_in(), None);
    assert_eq!(answer.access.scopes(), None);
    assert_eq!((answer.refresh, answer.id_token), (None, None));
    let answer = read(200, r#"{"access_token":"a","scope":""}"#).unwrap();
    assert_eq!(answer.access.scopes(), Some(&Scopes::default()), "empty is none, not all");
}

// TOK-05
#[test]
fn an_unusable_access_token_costs_no_refresh_token() {
    let long = format!("{:?}", "a".repeat(AccessToken::MAX_LENGTH + 1));
    for access in
        [r#""a b""#, r#""a\r\nX: y""#, r#""t\u00f6k""#, r#""a\u0000""#, "7", "null", r#""""#, "{}", &long]
    {
        let body = format!(r#"{{"access_token":{access},"token_type":"Bearer","refresh_token":"r"}}"#);
        let error = read(200, &body).unwrap_err();
        assert_eq!(error.kind(), GrantErrorKind::OutcomeUnknown, "{access}");
        assert_eq!(salvaged(&error), Some("r"), "{access}");
    }
}

// TOK-06
#[test]
fn an_error_with_a_good_status_is_an_error() {
    for (body, code, kind) in [
        (r#"{"error":"invalid_grant"}"#, "invalid_grant", REFUSED),
        (r#"{"error":"bad_refresh_token","error_description":"x"}"#, "bad_refresh_token", REFUSED),
        (
            r#"{"error":"incorrect_client_credentials","access_token":null}"#,
            "incorrect_client_credentials",
            GrantErrorKind::Misconfigured,
        ),
    ] {
        let error = read(200, body).unwrap_err();
        assert_eq!((error.kind(), error.code()), (kind, Some(code)));
    }
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let error = read_as(200, form, b"error=bad_refresh_token&error_description=a+b").unwrap_err();
    assert_eq!(error.kind(), REFUSED);
    let answer =
        read_as(200, form, b"access_token=a%2Eb&scope=repo%2Cgist&token_type=bearer&refresh_token=r")
            .unwrap();
    assert_eq!(answer.access.value(), &Secret::from("a.b"));
    assert_eq!(answer.refresh, Some(Secret::from("r")));
}

// TOK-06, TOK-10
#[test]
fn only_what_is_listed_is_dead_and_whoever_is_told_to_slow_down_is_told_nothing_else() {
    use GrantErrorKind::{Misconfigured, NotProcessed};
    for (code, status, kind) in [
        ("invalid_grant", 400, REFUSED),
        ("invalid_grant", 401, REFUSED),
        ("invalid_grant", 403, REFUSED),
        ("invalid_grant", 200, REFUSED),
        ("invalid_grant", 429, NotProcessed),
        ("bad_refresh_token", 200, REFUSED),
        ("bad_refresh_token", 429, NotProcessed),
        ("INVALID_GRANT", 400, Misconfigured),
        ("invalid_grant ", 400, Misconfigured),
        ("invalid_code", 400, Misconfigured),
    ] {
        let error = read(status, &json!({"error": code}).to_string()).unwrap_err();
        assert_eq!((error.kind(), error.status()), (kind, Some(status)), "{code} {status}");
    }
}

// LEA-06
#[test]
fn a_code_that_repeats_a_secret_of_the_request_is_not_kept() {
    for (status, kind) in [(400, GrantErrorKind::Misconfigured), (500, GrantErrorKind::OutcomeUnknown)] {
        let error = read(status, r#"{"error":"canary-123","error_description":"canary"}"#).unwrap_err();
        assert_eq!((error.kind(), error.code(), error.status()), (kind, None, Some(status)));
    }
}

// TOK-07
#[test]
fn a_4xx_without_a_code_keeps_the_refresh_token() {
    for status in [400, 401, 403, 404] {
        for body in [
            "",
            "<html>Blocked</html>",
            "{}",
            r#"{"message":"no"}"#,
            r#"{"error":""}"#,
            r#"{"error":null}"#,
            "[]",
        ] {
            let error = read(status, body).unwrap_err();
            assert_eq!(error.kind(), GrantErrorKind::Misconfigured, "{status} {body}");
            assert_eq!((error.status(), error.code()), (Some(status), None));
        }
    }
    for body in
        [r#"{"error":400}"#, r#"{"error":{"code":"invalid_grant"}}"#, r#"{"error":["invalid_grant"]}"#]
    {
        assert_eq!(read(400, body).unwrap_err().kind(), GrantErrorKind::Misconfigured, "{body}");
    }
}

// TOK-08
#[test]
fn a_success_that_is_no_token_response_leaves_the_outcome_open() {
    let whole = r#"{"access_token":"canary","refresh_token":"canary"}"#;
    let mut bodies = vec![
        "<!doctype html><title>Log in</title>".to_owned(),
        "".to_owned(),
        "{}".to_owned(),
        "[{}]".to_owned(),
        format!("{whole}x"),
        format!("{whole}\n{whole}"),
    ];
    bodies.extend((1..whole.len()).map(|end| whole[..end].to_owned()));
    for body in bodies {
        let error = read(200, &body).unwrap_err();
        assert_eq!(error.kind(), GrantErrorKind::OutcomeUnknown, "{body}");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}

// TOK-09
#[test]
fn an_answer_that_contradicts_itself_keeps_its_refresh_token() {
    for (status, body) in [
        (200, r#"{"error":"invalid_grant","access_token":"a","refresh_token":"r"}"#),
        (200, r#"{"error":"invalid_grant","refresh_token":"r"}"#),
        (200, r#"{"error":7,"access_token":"a","refresh_token":"r"}"#),
        (400, r#"{"error":"invalid_grant","access_token":"a","refresh_token":"r"}"#),
        (400, r#"{"access_token":"a","refresh_token":"r"}"#),
        (500, r#"{"access_token":"a","refresh_token":"r"}"#),
    ] {
        let error = read(status, body).unwrap_err();
        assert_eq!(
            (error.kind(), salvaged(&error)),
            (GrantErrorKind::OutcomeUnknown, Some("r")),
            "{status} {body}"
        );
    }
}

// TOK-11
#[test]
fn a_member_that_is_there_twice_leaves_the_outcome_open() {
    for (body, kept) in [
        (r#"{"access_token":"a","refresh_token":"r","refresh_token":"s"}"#, None),
        (r#"{"access_token":"a","refresh_token":"r","refresh\u005ftoken":"r"}"#, None),
        (r#"{"access_token":"a","access_token":"b","refresh_token":"r"}"#, Some("r")),
        (r#"{"access_token":"a","x":1,"x":1,"refresh_token":"r"}"#, Some("r")),
    ] {
        let error = read(200, body).unwrap_err();
        assert_eq!((error.kind(), salvaged(&error)), (GrantErrorKind::OutcomeUnknown, kept), "{body}");
    }
}

// TOK-18
#[test]
fn a_refresh_token_that_cannot_be_read_is_reported_lost() {
    for refresh in ["7", "{}", "true", r#""\ud800""#] {
        let answer = read(200, &format!(r#"{{"access_token":"a","refresh_token":{refresh}}}"#)).unwrap();
        assert!(answer.lost_refresh && answer.refresh.is_none(), "{refresh}");
    }
    for refresh in ["", "null,\"x\":1"] {
        let refresh = if refresh.is_empty() { "\"\"" } else { refresh };
        let answer = read(200, &format!(r#"{{"access_token":"a","refresh_token":{refresh}}}"#)).unwrap();
        assert!(!answer.lost_refresh && answer.refresh.is_none(), "{refresh}");
    }
}

// TOK-20, TOK-21
#[test]
fn the_content_type_does_not_matter_to_json() {
    let body = b"\xEF\xBB\xBF \r\n{\"access_token\":\"a\"}\n";
    for content_type in [
        "text/javascript",
        "text/html",
        "application/json ; charset=utf-8",
        "x",
        "application/x-www-form-urlencoded",
    ] {
        assert!(read_as(200, content_type, body).is_ok(), "{content_type}");
    }
    let headers = HeaderMap::new();
    let now = SystemTime::UNIX_EPOCH;
    let answer = RawAnswer {
        status: StatusCode::OK,
        headers: &headers,
        body,
        sent: now,
        now,
        is_dead: &|_| false,
        is_echo: &|_| false,
    };
    assert!(answer.read().is_ok());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,6}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_answer_panics(status in 100u16..=599, body in prop::collection::vec(any::<u8>(), 0..300), content_type in "[ -~]{0,40}") {
        let _ = read_as(status, &content_type, &body);
    }

    // TOK-05, TOK-09
    #[test]
    fn no_successful_answer_loses_its_refresh_token(
        status in 200u16..=299,
        refresh in any::<String>().prop_filter("not empty", |text| !text.is_empty()),
        beside in prop::collection::btree_map(
            prop_oneof![
                Just("access_token".to_owned()), Just("token_type".to_owned()), Just("expires_in".to_owned()),
                Just("scope".to_owned()), Just("id_token".to_owned()), Just("error".to_owned()), "[a-z]{1,8}",
            ],
            any_json(),
            0..7,
        ),
    ) {
        let mut body: serde_json::Map<String, Value> = beside.into_iter().collect();
        body.insert("refresh_token".to_owned(), Value::from(refresh.clone()));
        let kept = match read(status, &Value::from(body).to_string()) {
            Ok(answer) => answer.refresh,
            Err(error) => error.salvage().and_then(TokenSet::refresh).cloned(),
        };
        prop_assert_eq!(kept, Some(Secret::from(refresh)));
    }

    // TOK-02
    #[test]
    fn no_lifetime_is_longer_than_the_longest(expires_in in any_json()) {
        let body = json!({"access_token": "a", "expires_in": expires_in});
        let lifetime = read(200, &body.to_string()).unwrap().access.lifetime();
        prop_assert!(lifetime.expires_in().is_none_or(|life| !life.is_zero() && life <= Lifetime::LONGEST));
    }
}
