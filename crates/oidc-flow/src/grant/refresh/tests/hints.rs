//! What a provider says about times beside its tokens.

use super::*;

// REF-18
#[tokio::test]
async fn the_hints_of_an_answer_are_handed_over() {
    let login = Login::at(oauth_provider());
    let sent = login.clock.wall();
    login.transport.answer(
        200,
        r#"{"access_token":"a","expires_in":300,"refresh_in":100,"refresh_token":"r2","refresh_expires_in":1800}"#,
    );
    let tokens = login.refresh(&Target::granted()).await.unwrap();
    assert_eq!(tokens.access().unwrap().lifetime().refresh_in(), Some(Duration::from_secs(100)));
    assert_eq!(tokens.refresh_ends_at(), Some(sent + Duration::from_secs(1_800)));
}

// REF-18
#[tokio::test]
async fn an_answer_without_a_refresh_token_may_tell_the_end_of_the_old_one() {
    let login = Login::at(oauth_provider());
    let sent = login.clock.wall();
    for (member, ends_at) in [
        ("refresh_token_expires_in\":60", Some(sent + Duration::from_secs(60))),
        ("refresh_expires_in\":0", None),
    ] {
        login.transport.answer(200, &format!(r#"{{"access_token":"a","{member}}}"#));
        let tokens = login.refresh(&Target::granted()).await.unwrap();
        assert_eq!((tokens.refresh(), tokens.refresh_ends_at()), (None, ends_at), "{member}");
    }
}

// REF-18
#[tokio::test]
async fn a_refresh_token_beside_a_bad_id_token_keeps_its_end() {
    let login = Login::prepared().await;
    let body = json!({"access_token": "a", "refresh_token": "r2", "refresh_expires_in": 60, "id_token": "not.a.token"});
    login.transport.answer(200, &body.to_string());
    let error = login.refresh(&Target::granted()).await.unwrap_err();
    let minute = login.clock.wall() + Duration::from_secs(60);
    assert_eq!(error.salvage().unwrap().refresh_ends_at(), Some(minute));
}
