//! The common ground of the OAuth endpoints: parameters and errors.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use serde_json::json;
use url::form_urlencoded;

/// Why a request is refused: an OAuth error (RFC 6749 §4.1.2.1 and §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) description: &'static str,
}

impl Refusal {
    pub(super) fn new(code: &'static str, description: &'static str) -> Self {
        Self { code, description }
    }

    pub(super) fn invalid_grant(description: &'static str) -> Self {
        Self::new("invalid_grant", description)
    }

    pub(super) fn invalid_request(description: &'static str) -> Self {
        Self::new("invalid_request", description)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            if self.code == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        let body = Json(json!({ "error": self.code, "error_description": self.description }));
        let mut response = (status, [(CACHE_CONTROL, "no-store")], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"test provider\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// The parameters of a request, each at most once. One without a value counts as absent (RFC 6749 §3.1).
#[derive(Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parameters that may come several times (RFC 8707 §2, RFC 8693 §2.1).
    const REPEATABLE: [&str; 2] = ["resource", "audience"];

    pub(super) fn parse(encoded: &str) -> Result<Self, Refusal> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(encoded.as_bytes()).into_owned().collect();
        let repeated = pairs.iter().enumerate().any(|(index, (name, _))| {
            let earlier = pairs.iter().take(index);
            !Self::REPEATABLE.contains(&name.as_str()) && earlier.into_iter().any(|(other, _)| other == name)
        });
        if repeated {
            return Err(Refusal::invalid_request("a parameter comes twice"));
        }
        Ok(Self(pairs))
    }

    /// The parameters of a POST with a form in it.
    pub(super) fn of_form(headers: &HeaderMap, body: &str) -> Result<Self, Refusal> {
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Refusal::invalid_request("the body is not a form"));
        }
        Self::parse(body)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(super) fn require(&self, name: &str, missing: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or(Refusal::invalid_request(missing))
    }

    /// The scopes that are asked for, each once.
    pub(super) fn scopes(&self) -> Vec<String> {
        let mut scopes: Vec<String> = Vec::new();
        for scope in self.get("scope").unwrap_or_default().split(' ').filter(|scope| !scope.is_empty()) {
            if !scopes.iter().any(|known| known == scope) {
                scopes.push(scope.to_owned());
            }
        }
        scopes
    }

    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750 §2.1).
pub(crate) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token)
}

/// An answer that refuses an access token (RFC 6750 §3).
pub(crate) fn bearer_refusal(status: StatusCode, challenge: &'static str, error: &'static str) -> Response {
    let headers = [(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))];
    (status, headers, Json(json!({ "error": error }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_comes_once_but_for_resources() {
        assert!(Parameters::parse("a=1&a=1").is_err());
        let parameters = Parameters::parse("resource=x&resource=y&a=&scope=b+a%20b").unwrap();
        assert_eq!((parameters.get("a"), parameters.scopes()), (None, vec!["b".to_owned(), "a".to_owned()]));
    }

    #[test]
    fn only_one_bearer_header_counts() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("bearer abc"));
        assert_eq!(bearer_token(&headers), Some("abc"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer abc"));
        assert_eq!(bearer_token(&headers), None);
    }
}
