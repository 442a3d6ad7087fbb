//! The rows JOS.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn good(world: &World) -> String {
    key().token(SigningAlgorithm::Es256, json!({"kid": "a", "typ": "JWT"}), &world.claims())
}

#[tokio::test]
async fn every_algorithm_is_verified() {
    let world = World::new();
    for algorithm in SigningAlgorithm::ALL {
        world.publish(&[TestKey::shared(algorithm).jwk(Some(algorithm.as_str()))]);
        let token =
            TestKey::shared(algorithm).token(algorithm, json!({"kid": algorithm.as_str()}), &world.claims());
        world.clock.advance_boot(seconds(3600));
        assert!(world.verify_token(&token, &world.checks()).await.is_ok(), "{algorithm}");
    }
}

// JOS-01
#[tokio::test]
async fn unsigned_tokens_are_refused_without_looking_for_a_key() {
    let world = World::new();
    for alg in ["none", "None", "NONE", "nOnE", "", "HS256", "ES256K"] {
        let input = format!(
            "{}.{}",
            encode(json!({"alg": alg, "kid": "a"}).to_string()),
            encode(world.claims().to_string())
        );
        let with_bytes = format!("{input}.c2lnbmF0dXJl");
        assert_refused!(
            world.verify_token(&with_bytes, &world.checks()).await,
            IdTokenError::AlgNotAllowed,
            "{alg}"
        );
        let without = format!("{input}.");
        assert_refused!(
            world.verify_token(&without, &world.checks()).await,
            IdTokenError::AlgNotAllowed,
            "{alg}"
        );
    }
    assert!(world.web.requests().is_empty());
}

// JOS-02
#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let world = World::new();
    for algorithm in SigningAlgorithm::ALL {
        let jwk = TestKey::shared(algorithm).jwk(Some("a"));
        world.publish(std::slice::from_ref(&jwk));
        let number = jwk.get("n").or(jwk.get("x")).unwrap().as_str().unwrap();
        let secrets = [
            jwk.to_string().into_bytes(),
            number.into(),
            BASE64_URL_SAFE_NO_PAD.decode(number).unwrap(),
            b"secret".to_vec(),
            vec![],
        ];
        for secret in secrets {
            for (alg, hash) in
                [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
            {
                let head = encode(json!({"alg": alg, "kid": "a"}).to_string());
                let input = format!("{head}.{}", encode(world.claims().to_string()));
                let tag = hmac::sign(&hmac::Key::new(hash, &secret), input.as_bytes());
                let token = format!("{input}.{}", encode(tag));
                assert_refused!(
                    world.verify_token(&token, &world.checks()).await,
                    IdTokenError::AlgNotAllowed,
                    "{alg}"
                );
            }
        }
    }
}

// JOS-03
#[tokio::test]
async fn only_the_algorithms_of_the_client_are_taken() {
    let world = World::new();
    world.publish(&[TestKey::rsa().jwk(Some("a"))]);
    let expected = [SigningAlgorithm::Ps256];
    let checks = IdTokenChecks { algorithms: &expected, ..world.checks() };
    for algorithm in SigningAlgorithm::ALL {
        let token = TestKey::shared(algorithm).token(algorithm, json!({"kid": "a"}), &world.claims());
        match world.verify_token(&token, &checks).await {
            Ok(_) => assert_eq!(algorithm, SigningAlgorithm::Ps256),
            Err(error) => {
                assert!(matches!(error, IdTokenError::AlgNotAllowed), "{algorithm} {error:?}");
                assert_ne!(algorithm, SigningAlgorithm::Ps256);
            }
        }
    }
}

// JOS-04, JOS-05, JOS-07, JOS-10, JOS-13
#[tokio::test]
async fn well_signed_nonsense_is_refused() {
    let world = World::new();
    let claims = world.claims().to_string();
    let twice = claims.replacen('{', r#"{"sub":"mallory","#, 1);
    let escaped = claims.replacen('{', r#"{"\u0073ub":"mallory","#, 1);
    for (header, payload) in [
        (r#"{"alg":"ES256","kid":"a","crit":["exp"],"exp":1}"#, &claims[..]),
        (r#"{"alg":"ES256","kid":"a","crit":[]}"#, &claims),
        (r#"{"alg":"ES256","kid":"a","b64":false}"#, &claims),
        (r#"{"alg":"ES256","kid":"a","cty":"JWT"}"#, &claims),
        (r#"{"alg":"ES256","kid":"a","typ":"at+jwt"}"#, &claims),
        (r#"{"alg":"ES256","kid":"a","typ":"logout+jwt"}"#, &claims),
        (r#"{"alg":"ES256","alg":"ES256","kid":"a"}"#, &claims),
        (r#"{"alg":"ES256","kid":"a","\u006bid":"a"}"#, &claims),
        (r#"["ES256"]"#, &claims),
        (r#"{"alg":"ES256","kid":"a"}"#, &twice),
        (r#"{"alg":"ES256","kid":"a"}"#, &escaped),
        (r#"{"alg":"ES256","kid":"a"}"#, "[]"),
        (r#"{"alg":"ES256","kid":"a"}"#, "null"),
        (r#"{"alg":"ES256","kid":"a"}"#, r#"["https://id.example","alice","client"]"#),
        (r#"{"alg":"ES256","kid":"a"}"#, ""),
    ] {
        let token = key().token_of(SigningAlgorithm::Es256, header, payload);
        let refused = world.verify_token(&token, &world.checks()).await;
        assert_refused!(refused, IdTokenError::Malformed(_), "{header} {payload}");
    }
    assert!(world.verify_token(&good(&world), &world.checks()).await.is_ok());
}

// JOS-10
#[tokio::test]
async fn each_kind_of_token_is_taken_only_in_its_place() {
    let world = World::new();
    let logout = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    for (name, value) in [
        ("events", logout),
        ("events", json!({})),
        ("events", json!(null)),
        ("token_use", json!("access")),
        ("token_use", json!(null)),
        ("typ", json!("Bearer")),
        ("typ", json!("Refresh")),
        ("typ", json!("Offline")),
        ("typ", json!("Logout")),
    ] {
        assert_refused!(
            world.verify(&world.with(name, value.clone())).await,
            IdTokenError::Malformed(_),
            "{name} {value}"
        );
    }
    for (name, value) in [("token_use", "id"), ("typ", "ID")] {
        assert!(world.verify(&world.with(name, value)).await.is_ok(), "{name} {value}");
    }
}

// JOS-06, JOS-07, JOS-08, JOS-09
#[tokio::test]
async fn other_forms_cost_nothing() {
    let world = World::new();
    let token = good(&world);
    let parts: Vec<_> = token.split('.').collect();
    let jwe = encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF"}"#);
    for text in [
        format!("{jwe}.a.b.c.d"),
        format!("{}..{}", parts[0], parts[2]),
        format!("{token}."),
        format!(".{token}"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}="),
        format!("{}=.{}.{}", parts[0], parts[1], parts[2]),
        json!({"payload": parts[1], "protected": parts[0], "signature": parts[2]}).to_string(),
    ] {
        assert_refused!(
            world.verify_token(&text, &world.checks()).await,
            IdTokenError::Malformed(_),
            "{text}"
        );
    }
    for text in ["x".repeat(10 << 20), ".".repeat(1 << 20), format!("{}.{token}", "a".repeat(1 << 16))] {
        assert_refused!(world.verify_token(&text, &world.checks()).await, IdTokenError::TooLarge);
    }
    assert!(world.web.requests().is_empty());
}

// JOS-12
#[tokio::test]
async fn tokens_cannot_be_spliced() {
    let world = World::new();
    let one = good(&world);
    let two = key().token(SigningAlgorithm::Es256, json!({"kid": "a"}), &world.with("sub", "mallory"));
    let (one, two): (Vec<_>, Vec<_>) = (one.split('.').collect(), two.split('.').collect());
    for choice in 1..7 {
        let parts: Vec<_> = (0..3).map(|at| if choice >> at & 1 == 0 { one[at] } else { two[at] }).collect();
        let spliced = world.verify_token(&parts.join("."), &world.checks()).await;
        assert_refused!(spliced, IdTokenError::BadSignature, "{choice:03b}");
    }
    let dot = one.join(".").replacen('.', "", 1);
    assert_refused!(world.verify_token(&dot, &world.checks()).await, IdTokenError::Malformed(_));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    // JOS-06, JOS-12, JOS-14
    #[test]
    fn no_changed_token_passes(at in any::<prop::sample::Index>(), with in any::<char>(), deletes in any::<bool>()) {
        let world = World::new();
        let token = good(&world);
        let at = at.index(token.len());
        let mut changed = token.clone();
        if deletes {
            changed.remove(at);
        } else {
            changed.replace_range(at..=at, &with.to_string());
        }
        prop_assume!(changed != token);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        prop_assert!(runtime.block_on(world.verify_token(&changed, &world.checks())).is_err(), "{}", changed);
    }
}
