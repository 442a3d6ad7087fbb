//! Everything else that is said to a provider.

use std::sync::Arc;

use http::StatusCode;
use oidc_core::{Secret, TokenSource};
use oidc_flow::ClientAuth;
use oidc_refresh::RefreshingSource;
use oidc_testkit::{Answer, Endpoint, Fault};
use tests::World;

use crate::scene::{Scene, echoes};

// LEA-03, LEA-04
#[tokio::test]
async fn userinfo_revocation_and_logout_show_no_token() {
    let scene = Scene::start().await;
    for client in scene.clients() {
        let (pending, answer) = scene.to_callback(client.login().offline_access()).await;
        let session = client.finish_login(pending, answer).await.unwrap();
        scene.tokens(&session.tokens);
        let access = session.tokens.access().unwrap();
        let id_token = session.tokens.id_token().unwrap();
        scene.show("UserInfo", &client.userinfo(&session.key, access).await.unwrap());
        let logout = client.logout_url().id_token_hint(id_token);
        scene.show("LogoutUrl", &logout);
        scene.fail("LogoutUrl::build", &logout.state("s").build().await.unwrap_err());
        let foreign =
            client.logout_url().id_token_hint(id_token).post_logout_redirect_uri("javascript:alert(1)");
        scene.fail("LogoutUrl::build", &foreign.build().await.unwrap_err());

        let known = [access.value().expose(), session.tokens.refresh().unwrap().expose(), World::SECRET];
        let mut faults = echoes(&known);
        faults.extend([
            Fault::CutBefore,
            Fault::LoseAnswer,
            Fault::rewrite(|claims| claims.set("sub", "mallory")),
        ]);
        for fault in faults {
            scene.world.provider.fail_next(Endpoint::Userinfo, fault.clone());
            if let Err(error) = client.userinfo(&session.key, access).await {
                scene.fail("userinfo", &error);
            }
            scene.world.provider.fail_next(Endpoint::Revocation, fault);
            if let Err(error) = client.revoke(&session.tokens).await {
                scene.fail("revoke", &error);
            }
        }
    }
    scene.assert_nothing_leaked();
}

// LEA-03, LEA-04, DIS-13
#[tokio::test]
async fn a_provider_that_is_down_or_odd_makes_nobody_show_what_he_wanted_to_say() {
    let scene = Scene::start().await;
    for client in scene.clients() {
        let (pending, answer) = scene.to_callback(client.login().offline_access()).await;
        scene.tokens(&client.finish_login(pending, answer).await.unwrap().tokens);
    }
    let gone = scene.world.provider.issuer().replace("127.0.0.1", "127.0.0.2");
    for issuer in [gone.as_str(), scene.world.provider.issuer()] {
        let auth = ClientAuth::secret_basic(Secret::from(World::SECRET));
        let client = World::client_of(issuer, &scene.world.clock, "service", auth);
        let answer = Answer::new(StatusCode::OK).body(format!("{{\"issuer\":\"{}\"}}", World::SECRET));
        scene.world.provider.fail_next(Endpoint::Discovery, Fault::Answer(answer));
        scene.fail("start", &client.login().start().await.unwrap_err());
        let grant = client.client_credentials(["a"]).unwrap();
        scene.show("ClientCredentialsGrant", &grant);
        let clock = Arc::new(scene.world.clock.clone());
        let source = RefreshingSource::builder(grant).clock(clock).build().unwrap();
        scene.fail("token", &source.token().await.unwrap_err());
        scene.show("OidcClient", &client);
    }
    scene.assert_nothing_leaked();
}

// LEA-03, LEA-06
#[tokio::test]
async fn client_credentials_show_no_secret_whatever_comes_back() {
    let scene = Scene::start().await;
    let [public, clients @ ..] = scene.clients();
    let (pending, answer) = scene.to_callback(public.login().offline_access()).await;
    scene.tokens(&public.finish_login(pending, answer).await.unwrap().tokens);
    for client in clients {
        for fault in echoes(&[World::SECRET]) {
            scene.world.provider.fail_next(Endpoint::Token, fault);
            let grant = client.client_credentials(["a"]).unwrap();
            let clock = Arc::new(scene.world.clock.clone());
            let source = RefreshingSource::builder(grant).clock(clock).build().unwrap();
            match source.token().await {
                Ok(credential) => scene.show("Credential", &credential),
                Err(error) => scene.fail("token", &error),
            }
            scene.show("RefreshingSource", &source);
        }
    }
    scene.assert_nothing_leaked();
}
