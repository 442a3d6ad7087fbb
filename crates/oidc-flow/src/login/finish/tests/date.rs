//! A provider whose clock is a day off, or whose `Date` header is.

use std::time::SystemTime;

use http::header::DATE;

use super::*;
use crate::fake::response;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What becomes of a login whose ID token was issued so many seconds after the client's own time, in an answer from `date`.
async fn login(
    offset: i64,
    date: impl FnOnce(SystemTime) -> Option<SystemTime>,
) -> Result<Session, LoginError> {
    let login = Login::start().await;
    let issued = seconds(&login.clock).saturating_add_signed(offset);
    let id_token = login.id_token(&json!({"iat": issued, "exp": issued + 300}));
    let mut answer = response(200, &tokens(&id_token));
    if let Some(date) = date(oidc_core::Clock::wall(&login.clock)) {
        answer.headers_mut().insert(DATE, httpdate::fmt_http_date(date).parse().unwrap());
    }
    login.transport.push(Ok(answer));
    login.finish().await.0
}

// CLK-06
#[tokio::test]
async fn a_date_that_is_a_day_off_harms_no_login() {
    for date in [|now| now - DAY, |now: SystemTime| now + DAY] {
        assert!(login(0, |now| Some(date(now))).await.is_ok());
    }
}

// CLK-06, IDT-09
#[tokio::test]
async fn the_date_explains_why_an_id_token_is_refused_and_never_makes_it_good() {
    const SECONDS: i64 = 24 * 60 * 60;
    for (offset, is_ahead) in [(-SECONDS, true), (SECONDS, false)] {
        let at_the_provider = |now: SystemTime| if is_ahead { now - DAY } else { now + DAY };
        let told = login(offset, |now| Some(at_the_provider(now))).await.unwrap_err();
        let LoginError::InvalidIdToken(IdTokenError::ClockSkew { estimate, ahead }) = told else {
            panic!("{told:?}")
        };
        assert_eq!((estimate, ahead), (DAY, is_ahead));
        for date in [None, Some(Duration::ZERO)] {
            let blind = login(offset, |now| date.map(|after| now + after)).await.unwrap_err();
            let LoginError::InvalidIdToken(reason) = blind else { panic!("{blind:?}") };
            assert!(matches!(reason, IdTokenError::Expired | IdTokenError::IssuedAt), "{reason:?}");
        }
    }
}
