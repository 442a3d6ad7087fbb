//! Client authentication at the token and the revocation endpoint (RFC 6749 §2.3.1).

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};
use url::form_urlencoded;

use super::{
    ClientAuthentication, TestClient,
    oauth::{Parameters, Refusal},
    state::Shared,
};

/// The client that sent the request, if it shows that it is the one.
pub(super) fn authenticate<'a>(
    shared: &'a Shared,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<&'a TestClient, Refusal> {
    let client = identify(shared, headers, parameters);
    if client.is_err() {
        shared.state().judge.clients_refused += 1;
    }
    client
}

fn identify<'a>(
    shared: &'a Shared,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<&'a TestClient, Refusal> {
    let refused = Refusal::new("invalid_client", "the client could not show who it is");
    let (id, secret) = (parameters.get("client_id"), parameters.get("client_secret"));
    let known = |id: &str| shared.client(id).ok_or(refused);
    if headers.contains_key(AUTHORIZATION) {
        let (basic_id, basic_secret) = basic(headers).ok_or(refused)?;
        if secret.is_some() || id.is_some_and(|id| id != basic_id) {
            return Err(Refusal::invalid_request("the client shows who it is in two ways"));
        }
        let client = known(&basic_id)?;
        return if client.accepts(ClientAuthentication::Basic, &basic_secret) {
            Ok(client)
        } else {
            Err(refused)
        };
    }
    let client = known(id.ok_or(refused)?)?;
    let accepted = match secret {
        Some(secret) => client.accepts(ClientAuthentication::Post, secret),
        None => client.is_public(),
    };
    if accepted { Ok(client) } else { Err(refused) }
}

/// The two parts of an `Authorization: Basic` header, both form-encoded before they were joined.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (only, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
    let (scheme, encoded) = only.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

/// Undoes form encoding, and refuses what it would never have produced.
fn form_decoded(text: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"*-._+%".contains(&byte);
    if !text.bytes().all(allowed) {
        return None;
    }
    let (decoded, _) = form_urlencoded::parse(text.as_bytes()).next()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn header(text: &str) -> HeaderMap {
        let value = format!("Basic {}", STANDARD.encode(text));
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(&value).unwrap())])
    }

    // RFC 6749 §2.3.1: "encoded using the application/x-www-form-urlencoded encoding algorithm"
    #[test]
    fn basic_credentials_are_form_encoded() {
        let parts = |text: &str| basic(&header(text));
        assert_eq!(parts("a%3Ab:s+%2B%25%20%C3%B6"), Some(("a:b".to_owned(), "s +% ö".to_owned())));
        for raw in ["a:s=", "a:s&t", "a:s/t", "a:s t", "a:b:c", "a"] {
            assert_eq!(parts(raw), None, "{raw}");
        }
    }
}
