//! The end of a login, in the words of real providers.

use super::*;
use crate::provider::{DeadRefresh, Profile};

const REFUSED: GrantErrorKind = GrantErrorKind::Refused(Cause::GrantRejected);

fn login_with(dead: impl IntoIterator<Item = DeadRefresh>) -> Login {
    let plain = Profile::default().with_id_tokens(IdTokens::Never);
    Login::at(provider().with_profile(dead.into_iter().fold(plain, Profile::with_dead_refresh)))
}

impl Login {
    async fn refused(&self, status: u16, body: &str) -> GrantErrorKind {
        self.transport.answer(status, body);
        let error = self.refresh(&Target::granted()).await.unwrap_err();
        assert_eq!(error.status(), Some(status), "{body}");
        error.kind()
    }
}

// REF-09, TOK-06, TOK-07
#[tokio::test]
async fn a_dead_refresh_token_is_known_by_the_profile_alone() {
    let x = DeadRefresh::code("invalid_request")
        .and("error_description", "Value passed for the token was invalid.")
        .with_status(400);
    for (dead, status, body) in [
        (
            DeadRefresh::code("bad_refresh_token"),
            200,
            r#"{"error":"bad_refresh_token","error_description":"The refresh token passed is incorrect or expired."}"#,
        ),
        (
            DeadRefresh::member("status", "BAD_REFRESH_TOKEN"),
            400,
            r#"{"status":"BAD_REFRESH_TOKEN","message":"missing or unknown refresh token"}"#,
        ),
        (
            DeadRefresh::member("message", "Invalid refresh token").with_status(400),
            400,
            r#"{"error":"Bad Request","status":400,"message":"Invalid refresh token"}"#,
        ),
        (
            x,
            400,
            r#"{"error":"invalid_request","error_description":"Value passed for the token was invalid."}"#,
        ),
        (
            DeadRefresh::member("/errors/0/errorType", "invalid_grant"),
            400,
            r#"{"errors":[{"errorType":"invalid_grant","message":"Refresh token invalid"}],"success":false}"#,
        ),
        (
            DeadRefresh::code("invalid_request").with_status(401),
            401,
            r#"{"error":"invalid_request","hint":"Token has been revoked"}"#,
        ),
        (DeadRefresh::code("invalid_code"), 400, r#"{"error":"invalid_code"}"#),
        (DeadRefresh::code("INVALID_GRANT"), 400, r#"{"error":"INVALID_GRANT"}"#),
        (DeadRefresh::member("error", "4001"), 400, r#"{"error":4001}"#),
        (DeadRefresh::empty(400), 400, ""),
        (DeadRefresh::empty(401), 401, " \r\n"),
        (DeadRefresh::status(403), 403, "<html>Forbidden</html>"),
        (DeadRefresh::status(403), 403, r#"{"message":"Forbidden"}"#),
        (DeadRefresh::status(403), 403, r#"{"error":"access_denied"}"#),
    ] {
        assert_eq!(login_with([dead]).refused(status, body).await, REFUSED, "{body}");
        let without = login_with([]).refused(status, body).await;
        assert_eq!(without, GrantErrorKind::Misconfigured, "{body}");
    }
}

// REF-09, TOK-07
#[tokio::test]
async fn every_other_4xx_keeps_the_refresh_token() {
    let login = login_with([
        DeadRefresh::code("bad_refresh_token").with_status(200),
        DeadRefresh::code("invalid_request").and("error_description", "dead"),
        DeadRefresh::empty(400),
        DeadRefresh::status(403),
    ]);
    for (status, body, kind) in [
        (400, r#"{"error":"invalid_grant"}"#, REFUSED),
        (
            403,
            r#"{"error":"invalid_grant","error_description":"Unknown or invalid refresh token."}"#,
            REFUSED,
        ),
        (400, r#"{"error":"bad_refresh_token"}"#, GrantErrorKind::Misconfigured),
        (401, r#"{"error":"invalid_client"}"#, GrantErrorKind::Misconfigured),
        (400, r#"{"error":"invalid_request"}"#, GrantErrorKind::Misconfigured),
        (400, r#"{"error":"invalid_request","error_description":"dead?"}"#, GrantErrorKind::Misconfigured),
        (400, r#"{"error":"session_expired"}"#, GrantErrorKind::Misconfigured),
        (400, "{}", GrantErrorKind::Misconfigured),
        (401, "", GrantErrorKind::Misconfigured),
        (404, "", GrantErrorKind::Misconfigured),
        (408, "", GrantErrorKind::OutcomeUnknown),
        (429, "", GrantErrorKind::NotProcessed),
        (429, r#"{"error":"invalid_grant"}"#, GrantErrorKind::NotProcessed),
        (503, r#"{"error":"temporarily_unavailable"}"#, GrantErrorKind::NotProcessed),
    ] {
        assert_eq!(login.refused(status, body).await, kind, "{status} {body}");
    }
}
