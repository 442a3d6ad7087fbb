//! Logins that work, and all the ways in which they do not.

use std::iter;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use oidc_core::Secret;
use oidc_flow::{Callback, OidcClient, PendingLogin};
use oidc_testkit::{BadIdToken, Endpoint, Fault, OddAnswer, TestUser, browse};
use tests::{Canaries, Form, World};

use crate::scene::{Scene, echoes, own_secret};

const ODD: [OddAnswer; 18] = {
    use OddAnswer as Odd;
    [
        Odd::TokenType("mac"),
        Odd::NoAccessToken,
        Odd::NoIdToken,
        Odd::ErrorWithStatus200("invalid_grant"),
        Odd::BadIdToken(BadIdToken::Signature),
        Odd::BadIdToken(BadIdToken::AlgorithmNone),
        Odd::BadIdToken(BadIdToken::UnknownKey),
        Odd::BadIdToken(BadIdToken::ForgedKey),
        Odd::BadIdToken(BadIdToken::Issuer),
        Odd::BadIdToken(BadIdToken::Audience),
        Odd::BadIdToken(BadIdToken::Nonce),
        Odd::BadIdToken(BadIdToken::AccessTokenHash),
        Odd::BadIdToken(BadIdToken::Expired),
        Odd::BadIdToken(BadIdToken::IssuedInFuture),
        Odd::BadIdToken(BadIdToken::Without("sub")),
        Odd::BadIdToken(BadIdToken::Without("nonce")),
        Odd::BadIdToken(BadIdToken::Without("exp")),
        Odd::BadIdToken(BadIdToken::Without("aud")),
    ]
};

// LEA-01, LEA-02, LEA-04, LEA-05
#[tokio::test]
async fn a_login_shows_no_secret() {
    let scene = Scene::start().await;
    for client in scene.clients() {
        scene.show("OidcClient", &client);
        let request = client.login().scopes(["profile"]).offline_access().login_hint("alice");
        let (pending, answer) = scene.to_callback(request).await;
        scene.show("PendingLogin", &pending);
        scene.show("PendingLogin::to_secret", &pending.to_secret());
        let kept = PendingLogin::from_secret(&pending.to_secret()).unwrap();
        scene.show("PendingLogin, read back", &kept);
        let session = client.finish_login(pending, answer).await.unwrap();
        scene.tokens(&session.tokens);
        scene.show("Session", &session);
    }
    scene.assert_nothing_leaked();
}

/// Everything that can go wrong with the exchange of `code`.
fn faults(client: &OidcClient, code: &str) -> Vec<Fault> {
    let known: Vec<&str> = iter::once(code).chain(own_secret(client)).collect();
    let mut faults = vec![Fault::CutBefore, Fault::LoseAnswer];
    faults.extend(ODD.map(Fault::Odd));
    faults.extend(echoes(&known));
    faults
}

// LEA-03, LEA-04, LEA-05, LEA-06
#[tokio::test]
async fn no_failure_of_the_exchange_shows_what_was_exchanged() {
    let scene = Scene::start().await;
    for client in scene.clients() {
        let (pending, answer) = scene.to_callback(client.login().offline_access()).await;
        let session = client.finish_login(pending, answer).await.unwrap();
        scene.tokens(&session.tokens);
        for number in 0..faults(&client, "0123456789abcdef").len() {
            let start = client.login().offline_access().start().await.unwrap();
            let visit = browse(start.url.as_str()).await.unwrap();
            let query = visit.callback_query().unwrap();
            let fault = faults(&client, Form::parse(query).value("code")).swap_remove(number);
            scene.world.provider.fail_next(Endpoint::Token, fault);
            let answer = start.pending.check(&Callback::parse(query).unwrap()).unwrap();
            let outcome = client.finish_login(start.pending, answer).await;
            scene.fail(&format!("fault {number}"), &outcome.expect_err("it went well"));
        }
        assert_eq!(scene.world.provider.pending_faults(), 0);
    }
    scene.assert_nothing_leaked();
}

// LEA-03, AUT-10, AUT-11
#[tokio::test]
async fn no_refused_callback_shows_what_was_in_it() {
    let scene = Scene::start().await;
    let [client, ..] = scene.clients();
    let (pending, answer) = scene.to_callback(client.login().offline_access()).await;
    scene.tokens(&client.finish_login(pending, answer).await.unwrap().tokens);

    let start = client.login().start().await.unwrap();
    let visit = browse(start.url.as_str()).await.unwrap();
    let (pending, query) = (start.pending, visit.callback_query().unwrap());
    let sent = Form::parse(query);
    let (code, state) = (sent.value("code"), sent.value("state"));
    scene.secret("code", code);
    let issuer = scene.world.provider.issuer();
    let other = client.login().start().await.unwrap().pending;
    scene.secret("state", other.state());
    for query in [
        format!("code={code}&code={code}&state={state}"),
        format!("code={code}&state={state}&state={state}"),
        format!("code[]={code}&state={state}"),
        format!("code={code}%&state={state}"),
        format!("code={code}%00&state={state}"),
        format!("code={code}&error={code}&state={state}"),
        format!("code={code}&id_token={code}&state={state}"),
        format!("state={state}"),
        format!("code={code}&state={}", "x".repeat(20_000)),
    ] {
        scene.fail("Callback::parse", &Callback::parse(&query).unwrap_err());
    }
    for query in [
        format!("code={code}&state={code}"),
        format!("code={code}&state={}", other.state()),
        format!("code={code}&state={state}&iss=https://evil.example/{code}"),
        format!("error=access_denied&state={state}&error_description=code+{code}+state+{state}&iss={issuer}"),
        format!("error=login_required&state={state}&error_uri=https://id.example/{state}&iss={issuer}"),
        format!("error={state}&state={state}&iss={issuer}"),
        format!("error=server_error&error_description={state}&state={state}&iss={issuer}"),
    ] {
        let callback = Callback::parse(&query).unwrap();
        scene.show("Callback", &callback);
        scene.fail("PendingLogin::check", &pending.check(&callback).err().unwrap());
    }
    let answer = pending.check(&Callback::parse(query).unwrap()).unwrap();
    scene.fail("finish_login", &client.finish_login(other, answer).await.unwrap_err());
    let kept = pending.to_secret();
    for end in [0, 1, 50, kept.expose().len() - 1] {
        let damaged = PendingLogin::from_secret(&Secret::from(&kept.expose()[..end]));
        scene.fail("PendingLogin::from_secret", &damaged.unwrap_err());
    }
    let renamed = Secret::from(kept.expose().replace("\"version\"", "\"verifier2\""));
    scene.fail("PendingLogin::from_secret", &PendingLogin::from_secret(&renamed).unwrap_err());
    scene.assert_nothing_leaked();
}

// LEA-03
#[tokio::test]
async fn a_login_that_the_provider_refuses_shows_no_state() {
    let scene = Scene::start().await;
    let [client, ..] = scene.clients();
    let (pending, answer) = scene.to_callback(client.login().offline_access()).await;
    scene.tokens(&client.finish_login(pending, answer).await.unwrap().tokens);
    for refusal in ["access_denied", "interaction_required", "server_error", "odd <b>error</b>"] {
        scene.world.provider.set_user(TestUser::refusing(refusal));
        let start = client.login().start().await.unwrap();
        let visit = browse(start.url.as_str()).await.unwrap();
        let callback = Callback::parse(visit.callback_query().unwrap()).unwrap();
        scene.fail(refusal, &start.pending.check(&callback).err().unwrap());
    }
    scene.assert_nothing_leaked();
}

// LEA-09: what is opened in a browser is in its history, and in the arguments of a process that everybody on the machine can list
#[tokio::test]
async fn the_url_of_a_login_has_nothing_in_it_that_only_the_client_may_know() {
    let scene = Scene::start().await;
    let mut urls = Vec::new();
    for client in scene.clients() {
        let start =
            client.login().scopes(["profile"]).offline_access().login_hint("alice").start().await.unwrap();
        let visit = browse(start.url.as_str()).await.unwrap();
        let answer = start.pending.check(&Callback::parse(visit.callback_query().unwrap()).unwrap()).unwrap();
        scene.tokens(&client.finish_login(start.pending, answer).await.unwrap().tokens);
        urls.push(start.url);
    }
    let canaries = scene.canaries();
    let mut private = Canaries::default();
    private.watch("client secret", World::SECRET);
    for (name, value) in scene.world.provider.judge().token_parameters.iter().flatten() {
        if name == "code_verifier" {
            private.watch("verifier", value);
        }
    }
    for url in urls {
        assert!(private.find_in(url.as_str()).is_none(), "{url}");
        assert!(canaries.find_in(url.as_str()).is_some(), "its state is in it");
    }
}

// LEA-03
#[tokio::test]
async fn no_refused_id_token_is_shown_nor_the_nonce_that_was_demanded() {
    let scene = Scene::start().await;
    let [client, ..] = scene.clients();
    let (pending, answer) = scene.to_callback(client.login().offline_access()).await;
    let tokens = client.finish_login(pending, answer).await.unwrap().tokens;
    scene.tokens(&tokens);
    let good = tokens.id_token().unwrap();
    scene.show("IdTokenClaims", &client.verify_id_token(good, None).await.unwrap());
    let [head, body, signature] = good.expose().split('.').collect::<Vec<_>>().try_into().unwrap();
    let foreign = |json: &str| BASE64_URL_SAFE_NO_PAD.encode(json.replace("SECRET", World::SECRET));
    let none = foreign("{\"alg\":\"none\",\"kid\":\"SECRET\"}");
    let unknown = foreign("{\"alg\":\"ES256\",\"kid\":\"SECRET\"}");
    let odd = foreign("{\"alg\":\"SECRET\"}");
    let issuer = foreign(
        "{\"iss\":\"https://SECRET.example\",\"aud\":\"SECRET\",\"sub\":\"SECRET\",\"exp\":1,\"iat\":1}",
    );
    let types = foreign("{\"iss\":\"SECRET\",\"aud\":7,\"exp\":\"SECRET\"}");
    let nonce = Secret::from(World::SECRET);
    for token in [
        good.expose().to_owned(),
        format!("{head}.{body}"),
        format!("{head}.{body}.{}", &signature[..signature.len() - 4]),
        format!("{none}.{body}."),
        format!("{unknown}.{body}.{signature}"),
        format!("{odd}.{body}.{signature}"),
        format!("{head}.{issuer}.{signature}"),
        format!("{head}.{types}.{signature}"),
        format!("{body}.{head}.{signature}"),
        World::SECRET.to_owned(),
    ] {
        let refused = client.verify_id_token(&Secret::from(token), Some(&nonce)).await;
        scene.fail("verify_id_token", &refused.unwrap_err());
    }
    scene.assert_nothing_leaked();
}
