//! What a token endpoint's refusal means for the refresh token.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use oidc_core::{Cause, GrantError, GrantErrorKind};

/// The longest that a provider can ask to be left alone.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// An answer that is an OAuth error (RFC 6749 §5.2), with any status. A code that nobody knows is judged by the status.
pub(super) fn oauth_error(code: &str, status: StatusCode, retry_after: Option<Duration>) -> GrantError {
    let plain = http_error(status, retry_after);
    let error = if status == StatusCode::TOO_MANY_REQUESTS {
        plain
    } else {
        match code {
            "invalid_client"
            | "invalid_request"
            | "invalid_scope"
            | "invalid_target"
            | "unauthorized_client"
            | "unsupported_grant_type" => misconfigured(),
            "slow_down" | "temporarily_unavailable" => not_processed(),
            "server_error" => unknown(),
            _ if status.is_success() => misconfigured(),
            _ => plain,
        }
    };
    described(error, status, retry_after).with_code(code)
}

/// An answer that says that the code or refresh token is dead, in the words of its provider.
pub(super) fn dead(status: StatusCode) -> GrantError {
    let kind = GrantErrorKind::Refused(Cause::GrantRejected);
    GrantError::new(kind, "the provider refused the code or refresh token").with_status(status.as_u16())
}

/// An answer with a status that is no success, and without an OAuth error.
///
/// 5xx and 408 may come from something between the provider and here, after the provider has done its work.
pub(super) fn http_error(status: StatusCode, retry_after: Option<Duration>) -> GrantError {
    let error = match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::TOO_EARLY => not_processed(),
        StatusCode::SERVICE_UNAVAILABLE if retry_after.is_some() => not_processed(),
        StatusCode::REQUEST_TIMEOUT => unknown(),
        _ if status.is_server_error() => unknown(),
        _ => misconfigured(),
    };
    described(error, status, retry_after)
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds or a date, at most [`LONGEST_WAIT`].
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.parse().map_or(LONGEST_WAIT, Duration::from_secs)
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

fn described(error: GrantError, status: StatusCode, retry_after: Option<Duration>) -> GrantError {
    let error = error.with_status(status.as_u16());
    retry_after.into_iter().fold(error, GrantError::with_retry_after)
}

fn misconfigured() -> GrantError {
    GrantError::new(GrantErrorKind::Misconfigured, "the provider rejects this client or its request")
}

fn not_processed() -> GrantError {
    GrantError::new(GrantErrorKind::NotProcessed, "the provider did not process the request")
}

fn unknown() -> GrantError {
    GrantError::new(GrantErrorKind::OutcomeUnknown, "the provider failed, maybe after processing the request")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> StatusCode {
        StatusCode::from_u16(code).unwrap()
    }

    // TOK-10, REF-09
    #[test]
    fn codes_are_judged_by_what_they_mean_and_unknown_ones_by_the_status() {
        use GrantErrorKind::{Misconfigured, NotProcessed, OutcomeUnknown};
        for (code, http, kind) in [
            ("token_expired", 400, Misconfigured),
            ("token_expired", 200, Misconfigured),
            ("token_expired", 502, OutcomeUnknown),
            ("invalid_client", 401, Misconfigured),
            ("invalid_client", 500, Misconfigured),
            ("invalid_scope", 400, Misconfigured),
            ("temporarily_unavailable", 400, NotProcessed),
            ("temporarily_unavailable", 503, NotProcessed),
            ("slow_down", 400, NotProcessed),
            ("server_error", 500, OutcomeUnknown),
            ("server_error", 400, OutcomeUnknown),
        ] {
            assert_eq!(oauth_error(code, status(http), None).kind(), kind, "{code} {http}");
        }
    }

    // TOK-10
    #[test]
    fn a_code_that_does_not_look_like_one_is_not_repeated() {
        for code in ["a\r\nb", "<b>", &"x".repeat(65), ""] {
            assert_eq!(oauth_error(code, status(400), None).code(), None);
        }
        assert_eq!(oauth_error("odd-code.7", status(400), None).code(), Some("odd-code.7"));
    }

    // TOK-07, REF-11
    #[test]
    fn without_a_code_the_status_speaks() {
        use GrantErrorKind::{Misconfigured, NotProcessed, OutcomeUnknown};
        let minute = Some(Duration::from_secs(60));
        for (http, wait, kind) in [
            (302, None, Misconfigured),
            (400, None, Misconfigured),
            (401, None, Misconfigured),
            (403, minute, Misconfigured),
            (404, None, Misconfigured),
            (408, None, OutcomeUnknown),
            (425, None, NotProcessed),
            (429, None, NotProcessed),
            (429, minute, NotProcessed),
            (500, minute, OutcomeUnknown),
            (502, None, OutcomeUnknown),
            (503, None, OutcomeUnknown),
            (503, minute, NotProcessed),
            (504, None, OutcomeUnknown),
        ] {
            let error = http_error(status(http), wait);
            assert_eq!((error.kind(), error.status(), error.retry_after()), (kind, Some(http), wait));
        }
    }

    // REF-10
    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let read = |value: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
            retry_after(&headers, now)
        };
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read("Sun, 06 Nov 1994 08:50:37 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("99999999999999999999999"), Some(LONGEST_WAIT));
        assert_eq!(read("Fri, 31 Dec 9999 23:59:59 GMT"), Some(LONGEST_WAIT));
        for bad in ["", "soon", "-1", "1.5", "1e3"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
