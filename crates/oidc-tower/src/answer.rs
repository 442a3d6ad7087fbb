//! What an answer says about the token that it was asked with.

use http::{HeaderMap, HeaderName, Response, StatusCode, header::CONTENT_TYPE};

use crate::{Challenge, authenticate};

/// Whether the API rejects the token in a way that another token could mend. Leaves the API's challenge in the extensions.
///
/// Of an answer that another layer has dealt with already this says no.
pub(crate) fn rejects_token<B>(response: &mut Response<B>) -> bool {
    let rejected = match response.status() {
        StatusCode::OK => is_grpc_unauthenticated(response.headers()),
        StatusCode::UNAUTHORIZED => is_unauthorized(response),
        StatusCode::FORBIDDEN => {
            note_challenge(response);
            false
        }
        _ => false,
    };
    rejected && response.extensions_mut().insert(DealtWith).is_none()
}

/// In the extensions of an answer that a layer has dealt with: two layers on one stack do not multiply what is sent.
#[derive(Clone, Copy)]
struct DealtWith;

/// No challenge at all counts as one for a token (RFC 9110 demands one, many APIs send none). Where there are only others,
/// such as `Basic`, it is not our token that is asked for.
fn is_unauthorized<B>(response: &mut Response<B>) -> bool {
    match note_challenge(response) {
        Some(challenge) => !challenge.asks_for_more(),
        None => authenticate::parse(response.headers()).is_empty(),
    }
}

fn note_challenge<B>(response: &mut Response<B>) -> Option<&Challenge> {
    let challenge = Challenge::parse(response.headers())?;
    response.extensions_mut().insert(challenge);
    response.extensions().get()
}

/// Status 16, `UNAUTHENTICATED`, sent in the headers because there is no message.
fn is_grpc_unauthenticated(headers: &HeaderMap) -> bool {
    is_grpc(headers) && is_unauthenticated(headers)
}

pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// Whether the headers or trailers of a gRPC answer say so.
pub(crate) fn is_unauthenticated(headers: &HeaderMap) -> bool {
    headers.get(GRPC_STATUS).is_some_and(|status| status == "16")
}

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Response<()> {
        let answer = Response::builder().status(status);
        headers.iter().fold(answer, |answer, (name, value)| answer.header(*name, *value)).body(()).unwrap()
    }

    // LAY-10, LAY-11
    #[test]
    fn a_401_rejects_the_token_unless_it_asks_for_something_else() {
        for (rejected, challenges) in [
            (true, &[][..]),
            (true, &["Bearer"]),
            (true, &["bearer error=\"invalid_token\""]),
            (true, &["DPoP algs=\"ES256\""]),
            (true, &["Basic realm=\"a\"", "Bearer realm=\"b\""]),
            (true, &["Negotiate YII==, Bearer"]),
            (true, &["\"garbage"]),
            (false, &["Basic realm=\"a, Bearer\""]),
            (false, &["Negotiate"]),
            (false, &["Digest nonce=\"Bearer\"", "NTLM"]),
            (false, &["Bearer error=\"insufficient_user_authentication\", acr_values=\"mfa\""]),
            (false, &["Bearer error=\"insufficient_scope\""]),
        ] {
            let headers: Vec<_> = challenges.iter().map(|value| ("www-authenticate", *value)).collect();
            assert_eq!(rejects_token(&mut answer(401, &headers)), rejected, "{challenges:?}");
        }
    }

    // LAY-10, LAY-12
    #[test]
    fn no_other_status_rejects_the_token() {
        for status in [100, 200, 204, 302, 400, 403, 404, 407, 429, 500, 502, 503] {
            let headers = [("www-authenticate", "Bearer"), ("proxy-authenticate", "Bearer")];
            assert!(!rejects_token(&mut answer(status, &headers)), "{status}");
        }
    }

    // LAY-14
    #[test]
    fn grpc_says_it_in_a_header() {
        let grpc = ("content-type", "application/grpc+proto");
        let unauthenticated = ("grpc-status", "16");
        assert!(rejects_token(&mut answer(200, &[grpc, unauthenticated])));
        for headers in [&[grpc][..], &[unauthenticated], &[grpc, ("grpc-status", "7")]] {
            assert!(!rejects_token(&mut answer(200, headers)), "{headers:?}");
        }
        assert!(!rejects_token(&mut answer(500, &[grpc, unauthenticated])));
    }

    // LAY-11
    #[test]
    fn the_challenge_of_a_401_and_a_403_is_handed_on() {
        for status in [401, 403] {
            let mut answer =
                answer(status, &[("www-authenticate", "Bearer error=\"insufficient_scope\", scope=\"a\"")]);
            assert!(!rejects_token(&mut answer));
            assert_eq!(answer.extensions().get::<Challenge>().unwrap().error(), Some("insufficient_scope"));
        }
    }

    // LAY-19, LAY-20
    #[test]
    fn an_answer_is_dealt_with_once() {
        let mut answer = answer(401, &[]);
        assert!(rejects_token(&mut answer));
        assert!(!rejects_token(&mut answer));
    }
}
