//! How providers say that a refresh token is dead.

/// One way in which a provider says that a refresh token is dead, where it does not say `invalid_grant` (RFC 6749 §5.2).
///
/// A login ends with such an answer, so it has to be one that the provider gives for no other reason: `invalid_request`, say, is
/// also what a mistake in the request is called, and is told apart by the text beside it. What was seen of some providers:
///
/// | provider | what it says |
/// |---|---|
/// | GitHub | status 200 and `bad_refresh_token`: `DeadRefresh::code("bad_refresh_token")` |
/// | HubSpot | `{"status":"BAD_REFRESH_TOKEN"}`: `DeadRefresh::member("status", "BAD_REFRESH_TOKEN")` |
/// | Twitch | `{"error":"Bad Request","message":"Invalid refresh token"}`: `DeadRefresh::member("message", "Invalid refresh token")` |
/// | X | `invalid_request` with a text: `DeadRefresh::code("invalid_request").and("error_description", "Value passed for the token was invalid.")` |
/// | Fitbit | `{"errors":[{"errorType":"invalid_grant"}]}`: `DeadRefresh::member("/errors/0/errorType", "invalid_grant")` |
/// | Servers on league/oauth2-server before 9 | status 401 and `invalid_request`: `DeadRefresh::code("invalid_request").with_status(401)` |
///
/// ```
/// use oidc_flow::provider::{DeadRefresh, Profile};
/// let profile = Profile::default()
///     .with_dead_refresh(DeadRefresh::code("bad_refresh_token"))
///     .with_dead_refresh(DeadRefresh::empty(400));
/// # let _ = profile;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRefresh {
    status: Option<u16>,
    body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Body {
    /// Whatever it is.
    Any,
    /// There is none.
    Empty,
    /// All of these places say these texts.
    Says(Vec<(String, String)>),
}

impl DeadRefresh {
    /// An answer with this error code, with any status.
    pub fn code(code: impl Into<String>) -> Self {
        Self::member("error", code)
    }

    /// An answer in which the member `place` is exactly `text`, or a number or boolean that is written so, with any status. `place` is
    /// a name, or names of members and numbers of list items with a slash before each: `/errors/0/code`.
    pub fn member(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { status: None, body: Body::Says(vec![(place.into(), text.into())]) }
    }

    /// An answer with this status and without a body. Statuses that say something about the moment (408, 425, 429), and those that are
    /// not 4xx, never fit.
    pub fn empty(status: u16) -> Self {
        Self { status: Some(status), body: Body::Empty }
    }

    /// An answer with this status, whatever its body. Only for a provider with nothing before it that answers in its place: a
    /// firewall's 403 would end every login. Of the statuses the same holds as for [`empty`](Self::empty).
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), body: Body::Any }
    }

    /// Only if the member `place` is exactly `text` as well; places are as in [`member`](Self::member).
    #[must_use]
    pub fn and(mut self, place: impl Into<String>, text: impl Into<String>) -> Self {
        let says = (place.into(), text.into());
        match &mut self.body {
            Body::Says(all) => all.push(says),
            Body::Any | Body::Empty => self.body = Body::Says(vec![says]),
        }
        self
    }

    /// Only with this status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    pub(super) fn fits(&self, answer: &RefusedAnswer<'_>) -> bool {
        let body_fits = match &self.body {
            Body::Any => is_final(answer.status),
            Body::Empty => is_final(answer.status) && answer.is_empty,
            Body::Says(all) => all.iter().all(|(place, text)| (answer.says)(place, text)),
        };
        body_fits && self.status.is_none_or(|status| status == answer.status)
    }
}

/// An answer without tokens, as far as it matters here.
pub(crate) struct RefusedAnswer<'a> {
    pub(crate) status: u16,
    /// Whether it has no body, or a blank one.
    pub(crate) is_empty: bool,
    /// Whether the member at a place is a text.
    pub(crate) says: &'a dyn Fn(&str, &str) -> bool,
}

impl RefusedAnswer<'_> {
    /// Whether it says `invalid_grant`, which every provider may.
    pub(crate) fn is_invalid_grant(&self) -> bool {
        (self.says)("error", "invalid_grant")
    }
}

/// Whether a status alone can mean something for good.
fn is_final(status: u16) -> bool {
    (400..500).contains(&status) && !matches!(status, 408 | 425 | 429)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(dead: &DeadRefresh, status: u16, body: &[(&str, &str)]) -> bool {
        let says = |place: &str, text: &str| body.contains(&(place, text));
        dead.fits(&RefusedAnswer { status, is_empty: body.is_empty(), says: &says })
    }

    #[test]
    fn every_condition_counts() {
        let dead = DeadRefresh::code("invalid_request").and("error_description", "dead").with_status(400);
        let both = [("error", "invalid_request"), ("error_description", "dead")];
        assert!(fits(&dead, 400, &both));
        assert!(!fits(&dead, 401, &both));
        assert!(!fits(&dead, 400, &both[..1]));
        assert!(!fits(&dead, 400, &both[1..]));
        assert!(!fits(&dead, 400, &[]));
    }

    #[test]
    fn a_body_that_says_something_is_not_empty() {
        assert!(fits(&DeadRefresh::empty(400), 400, &[]));
        assert!(!fits(&DeadRefresh::empty(400), 400, &[("error", "invalid_client")]));
        assert!(fits(&DeadRefresh::status(403), 403, &[("error", "x")]));
        assert!(!fits(&DeadRefresh::status(403), 400, &[]));
        let said = DeadRefresh::empty(400).and("a", "b");
        assert!(fits(&said, 400, &[("a", "b")]) && !fits(&said, 400, &[]));
    }

    #[test]
    fn a_status_that_passes_ends_nothing() {
        for status in [200, 302, 408, 425, 429, 500, 502, 503] {
            assert!(!fits(&DeadRefresh::status(status), status, &[]), "{status}");
            assert!(!fits(&DeadRefresh::empty(status), status, &[]), "{status}");
        }
    }
}
