//! A provider whose clock is wrong, or whose `Date` header is.

use std::time::SystemTime;

use http::header::DATE;

use super::*;
use crate::fake::response;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An answer that says it is from this time.
fn push(login: &Login, date: Option<String>, body: &serde_json::Value) {
    let mut answer = response(200, &body.to_string());
    if let Some(date) = date {
        answer.headers_mut().insert(DATE, date.parse().unwrap());
    }
    login.transport.push(Ok(answer));
}

fn dates(now: SystemTime) -> Vec<Option<String>> {
    let off = [now - DAY, now + DAY, SystemTime::UNIX_EPOCH].map(httpdate::fmt_http_date);
    let odd = ["", "tomorrow", "Thu, 99 Jan 9999 99:99:99 GMT"].map(str::to_owned);
    [None].into_iter().chain(off.into_iter().chain(odd).map(Some)).collect()
}

// CLK-06
#[tokio::test]
async fn no_date_makes_a_token_live_longer_or_shorter() {
    let login = Login::at(oauth_provider());
    let now = login.clock.wall();
    let body =
        json!({"access_token": "a", "expires_in": 300, "refresh_token": "r2", "refresh_expires_in": 1800});
    for date in dates(now) {
        push(&login, date.clone(), &body);
        let tokens = login.refresh(&Target::granted()).await.unwrap();
        let expected = Lifetime::new(now, Some(Duration::from_secs(300)));
        assert_eq!(tokens.access().unwrap().lifetime(), expected, "{date:?}");
        assert_eq!(tokens.refresh_ends_at(), Some(now + Duration::from_secs(1_800)), "{date:?}");
    }
}

// CLK-06
#[tokio::test]
async fn no_date_makes_an_id_token_bad_that_is_good() {
    let login = Login::prepared().await;
    for date in dates(login.clock.wall()) {
        let id_token = login.signer.id_token(&login.clock, "jo", &json!({}));
        push(&login, date.clone(), &json!({"access_token": "a", "id_token": id_token}));
        let tokens = login.refresh(&Target::granted()).await.unwrap();
        assert!(tokens.id_token().is_some(), "{date:?}");
    }
}

// CLK-06
#[tokio::test]
async fn no_date_makes_an_id_token_good_that_has_ended() {
    let login = Login::prepared().await;
    let issued = crate::fake::seconds(&login.clock) - DAY.as_secs();
    let times = json!({"iat": issued, "exp": issued + 300});
    let issued_a_day_ago = login.signer.id_token(&login.clock, "jo", &times);
    for date in dates(login.clock.wall()) {
        push(&login, date.clone(), &json!({"access_token": "a", "id_token": issued_a_day_ago}));
        let tokens = login.refresh(&Target::granted()).await.unwrap();
        assert!(tokens.id_token().is_none(), "{date:?}");
    }
}
