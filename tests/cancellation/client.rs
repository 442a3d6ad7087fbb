//! What a client asks the provider, given up.

use oidc_core::Secret;
use oidc_flow::{Callback, ClientAuth, OidcClient};
use oidc_testkit::{Endpoint, browse, every_drop};
use tests::World;

use crate::stage::Stage;

/// A client that knows nothing of the provider yet.
fn new_client(stage: &Stage) -> OidcClient {
    World::client_of(stage.world.provider.issuer(), &stage.world.clock, "app", ClientAuth::none())
}

// CAN-01
#[tokio::test]
async fn a_login_whose_start_is_given_up_during_discovery_can_be_started_again() {
    let stage = Stage::new().await;
    let asked = || stage.world.provider.judge().requests_to(Endpoint::Discovery);
    let drops = every_drop(async |cut| {
        let client = new_client(&stage);
        let before = asked();
        cut.short(client.login().start()).await;
        stage.soon(client.login().start()).await.unwrap();
        assert_eq!(asked(), before + 1, "the second start takes over, after {} polls", cut.polls());
    })
    .await;
    assert!(drops > 5, "{drops}");
}

// CAN-01
#[tokio::test]
async fn a_login_whose_end_is_given_up_sends_its_code_once_and_spares_the_next_login() {
    let stage = Stage::new().await;
    let client = &stage.world.client;
    let drops = every_drop(async |cut| {
        let start = client.login().start().await.unwrap();
        let visit = browse(start.url.as_str()).await.unwrap();
        let callback = Callback::parse(visit.callback_query().unwrap()).unwrap();
        let answer = start.pending.check(&callback).unwrap();
        cut.short(client.finish_login(start.pending, answer)).await;
        stage.soon(stage.world.log_in()).await;
        let judge = stage.world.provider.judge();
        assert_eq!((judge.codes_replayed, judge.families_revoked), (0, 0), "after {} polls", cut.polls());
    })
    .await;
    assert!(drops > 2, "{drops}");
}

// CAN-01
#[tokio::test]
async fn a_look_at_the_user_may_be_given_up_at_any_moment() {
    let stage = Stage::new().await;
    let session = stage.world.log_in().await;
    let access = session.tokens.access().unwrap();
    every_drop(async |cut| {
        let client = new_client(&stage);
        cut.short(client.userinfo(&session.key, access)).await;
        stage.soon(client.userinfo(&session.key, access)).await.unwrap();
    })
    .await;
}

// CAN-01
#[tokio::test]
async fn an_id_token_check_may_be_given_up_while_the_keys_are_fetched() {
    let stage = Stage::new().await;
    let session = stage.world.log_in().await;
    let id_token: &Secret = session.tokens.id_token().unwrap();
    let keys = || stage.world.provider.judge().requests_to(Endpoint::Jwks);
    every_drop(async |cut| {
        let client = new_client(&stage);
        let before = keys();
        cut.short(client.verify_id_token(id_token, None)).await;
        stage.soon(client.verify_id_token(id_token, None)).await.unwrap();
        assert_eq!(keys(), before + 1, "after {} polls", cut.polls());
    })
    .await;
}

// CAN-01, LGO-11
#[tokio::test]
async fn a_revocation_may_be_given_up_and_done_again() {
    let stage = Stage::new().await;
    every_drop(async |cut| {
        let tokens = stage.new_tokens();
        let client = new_client(&stage);
        cut.short(client.revoke(&tokens)).await;
        stage.soon(client.revoke(&tokens)).await.unwrap();
        assert!(!stage.world.provider.is_live(tokens.access().unwrap().value().expose()));
    })
    .await;
}

// CAN-01
#[tokio::test]
async fn a_logout_url_may_be_given_up_at_any_moment() {
    let stage = Stage::new().await;
    every_drop(async |cut| {
        let client = new_client(&stage);
        cut.short(client.logout_url().build()).await;
        stage.soon(client.logout_url().build()).await.unwrap();
    })
    .await;
}
