//! The rows IDT, but for those about times.

use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use oidc_core::BootTime;
use proptest::prelude::*;

use super::*;

#[tokio::test]
async fn a_good_token_says_who_the_user_is() {
    let world = World::new();
    let mut claims = world.with("email", "alice@example.com");
    claims["acr"] = "mfa".into();
    claims["amr"] = json!(["pwd", "otp"]);
    claims["sid"] = "s".into();
    claims["auth_time"] = (world.now() - 10).into();
    let verified = world.verify(&claims).await.unwrap();
    assert_eq!((verified.issuer().as_str(), verified.subject()), (ISSUER, "alice"));
    assert_eq!(verified.audiences(), [CLIENT]);
    assert_eq!(verified.expires_at(), Some(world.clock.wall() + seconds(300)));
    assert_eq!(verified.issued_at(), Some(world.clock.wall()));
    assert_eq!(verified.auth_time(), Some(world.clock.wall() - seconds(10)));
    assert_eq!((verified.acr(), verified.session_id()), (Some("mfa"), Some("s")));
    assert!(verified.amr().eq(["pwd", "otp"]));
    assert_eq!(verified.claim::<String>("email").as_deref(), Some("alice@example.com"));
    assert_eq!(verified.claim::<String>("nonce"), None);

    #[derive(serde::Deserialize)]
    struct Mail {
        email: String,
    }
    assert_eq!(verified.deserialize::<Mail>().unwrap().email, "alice@example.com");
}

// LEA: personal data is not in logs
#[tokio::test]
async fn neither_claims_nor_errors_show_the_user() {
    let world = World::new();
    let mut claims = world.with("email", "MARK@example.com");
    claims["sub"] = "MARK".into();
    let verified = world.verify(&claims).await.unwrap();
    assert!(!format!("{verified:?}").contains("MARK"), "{verified:?}");
    for (name, value) in
        [("iss", json!("MARK")), ("aud", json!("MARK")), ("azp", json!("MARK")), ("address", json!("MARK"))]
    {
        claims[name] = value;
        let error = world.verify(&claims).await.unwrap_err();
        assert!(!format!("{error:?} {error}").contains("MARK"), "{error:?}");
    }
}

// IDT-01, DIS-02
#[tokio::test]
async fn the_issuer_is_the_provider() {
    let world = World::new();
    for other in [
        json!("https://id.example/"),
        json!("https://ID.example"),
        json!("https://id.example:443"),
        json!("http://id.example"),
        json!("https://evil.example"),
        json!("https://id.example "),
        json!("id.example"),
        json!(""),
        json!(null),
        json!(1),
        json!([ISSUER]),
        json!({"iss": ISSUER}),
        json!("https://id.example\u{0}"),
        json!("https://id.еxample"),
    ] {
        assert_refused!(
            world.verify(&world.with("iss", other.clone())).await,
            IdTokenError::Issuer,
            "{other}"
        );
    }
    assert_refused!(world.verify(&world.without("iss")).await, IdTokenError::Issuer);
}

// IDT-02, IDT-04
#[tokio::test]
async fn the_audience_is_this_client() {
    let world = World::new();
    for good in [json!(CLIENT), json!([CLIENT]), json!([CLIENT, CLIENT])] {
        assert!(world.verify(&world.with("aud", good.clone())).await.is_ok(), "{good}");
    }
    for bad in [
        json!("other"),
        json!(["other"]),
        json!("Client"),
        json!("client "),
        json!("client,other"),
        json!(""),
        json!([""]),
        json!([]),
        json!(null),
        json!([null]),
        json!(1),
        json!([1]),
        json!(true),
        json!({"client": true}),
        json!([[CLIENT]]),
        json!([CLIENT, 1]),
        json!([CLIENT, null]),
        json!("clien"),
        json!("client\u{0}"),
    ] {
        assert_refused!(world.verify(&world.with("aud", bad.clone())).await, IdTokenError::Audience, "{bad}");
    }
    assert_refused!(world.verify(&world.without("aud")).await, IdTokenError::Audience);
}

// IDT-03, IDT-05
#[tokio::test]
async fn other_audiences_must_be_trusted_and_the_token_made_for_this_client() {
    let world = World::new();
    let trusted = ["other".to_owned()];
    let trusting = IdTokenChecks { trusted_audiences: &trusted, ..world.checks() };
    let mut claims = world.with("aud", json!([CLIENT, "other"]));
    assert_refused!(world.verify_with(&claims, &trusting).await, IdTokenError::AuthorizedParty);
    claims["azp"] = CLIENT.into();
    assert_refused!(world.verify(&claims).await, IdTokenError::Audience);
    assert_eq!(world.verify_with(&claims, &trusting).await.unwrap().audiences(), [CLIENT, "other"]);
    claims["aud"] = json!([CLIENT, "other", "third"]);
    assert_refused!(world.verify_with(&claims, &trusting).await, IdTokenError::Audience);
    claims["aud"] = json!(["other"]);
    assert_refused!(world.verify_with(&claims, &trusting).await, IdTokenError::Audience);
}

// IDT-05
#[tokio::test]
async fn the_authorized_party_is_this_client() {
    let world = World::new();
    assert!(world.verify(&world.with("azp", CLIENT)).await.is_ok());
    for bad in [json!("other"), json!(""), json!(null), json!(1), json!([CLIENT]), json!("CLIENT")] {
        assert_refused!(
            world.verify(&world.with("azp", bad.clone())).await,
            IdTokenError::AuthorizedParty,
            "{bad}"
        );
    }
}
// IDT-10
#[tokio::test]
async fn the_nonce_is_the_one_that_was_sent() {
    let world = World::new();
    for bad in [
        json!("other"),
        json!(""),
        json!(NONCE.to_lowercase()),
        json!(format!("{NONCE} ")),
        json!(&NONCE[1..]),
        json!(null),
        json!(0),
        json!([NONCE]),
    ] {
        assert_refused!(world.verify(&world.with("nonce", bad.clone())).await, IdTokenError::Nonce, "{bad}");
    }
    assert_refused!(world.verify(&world.without("nonce")).await, IdTokenError::Nonce);
    let refresh = IdTokenChecks::new(CLIENT, NonceCheck::Unknown);
    assert!(world.verify_with(&world.without("nonce"), &refresh).await.is_ok());
    assert!(world.verify_with(&world.claims(), &refresh).await.is_ok());
    assert_refused!(world.verify_with(&world.with("nonce", 1), &refresh).await, IdTokenError::Nonce);
}

// IDT-11, IDT-14
#[tokio::test]
async fn the_subject_is_a_name_byte_by_byte() {
    let world = World::new();
    for bad in [
        json!(""),
        json!("a".repeat(256)),
        json!("ä".repeat(128)),
        json!(null),
        json!(42),
        json!(["alice"]),
        json!({}),
    ] {
        assert_refused!(world.verify(&world.with("sub", bad.clone())).await, IdTokenError::Subject, "{bad}");
    }
    assert_refused!(world.verify(&world.without("sub")).await, IdTokenError::Subject);
    for good in [
        "a".repeat(255),
        "Alice".into(),
        "alice".into(),
        "\u{e9}".into(),
        "e\u{301}".into(),
        " ".into(),
        "0".into(),
    ] {
        let verified = world.verify(&world.with("sub", good.clone())).await.unwrap();
        assert_eq!(verified.subject().as_bytes(), good.as_bytes());
        let same = IdTokenChecks { subject: Some(&good), ..world.checks() };
        assert!(world.verify_with(&world.with("sub", good.clone()), &same).await.is_ok());
        let other = IdTokenChecks { subject: Some("bob"), ..world.checks() };
        assert_refused!(
            world.verify_with(&world.with("sub", good.clone()), &other).await,
            IdTokenError::Subject
        );
    }
    let composed = IdTokenChecks { subject: Some("\u{e9}"), ..world.checks() };
    assert_refused!(
        world.verify_with(&world.with("sub", "e\u{301}"), &composed).await,
        IdTokenError::Subject
    );
}

// IDT-12
#[tokio::test]
async fn hashes_of_access_token_and_code_fit_where_there_are_any() {
    let world = World::new();
    let keys: Vec<_> = SigningAlgorithm::ALL
        .map(|algorithm| TestKey::shared(algorithm).jwk(Some(algorithm.as_str())))
        .into();
    world.publish(&keys);
    let (access, code) = (
        Secret::from("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
        Secret::from("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"),
    );
    let half = |algorithm: SigningAlgorithm, value: &Secret| {
        let hash = digest::digest(algorithm.digest(), value.expose().as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2])
    };
    // The examples of OIDC Core, appendix A.
    assert_eq!(half(SigningAlgorithm::Rs256, &access), "77QmUPtjPfzWtF2AnpK9RQ");
    assert_eq!(half(SigningAlgorithm::Rs256, &code), "LDktKdoQak3Pk0cnXxCltA");

    for algorithm in SigningAlgorithm::ALL {
        let checks = IdTokenChecks { access_token: Some(&access), code: Some(&code), ..world.checks() };
        let verify = async |name: &str, value: Value| {
            let header = json!({"kid": if algorithm.as_str().starts_with(['R', 'P']) { "RS256" } else { algorithm.as_str() }});
            let token = TestKey::shared(algorithm).token(algorithm, header, &world.with(name, value));
            world.verify_token(&token, &checks).await
        };
        assert!(verify("at_hash", half(algorithm, &access).into()).await.is_ok(), "{algorithm}");
        assert!(verify("c_hash", half(algorithm, &code).into()).await.is_ok(), "{algorithm}");
        assert_refused!(
            verify("at_hash", half(algorithm, &code).into()).await,
            IdTokenError::AccessTokenHash
        );
        assert_refused!(verify("c_hash", half(algorithm, &access).into()).await, IdTokenError::CodeHash);
    }
    for bad in
        [json!(""), json!(null), json!(1), json!("77QmUPtjPfzWtF2AnpK9RQ=="), json!("77QmUPtjPfzWtF2AnpK9R")]
    {
        let checks = IdTokenChecks { access_token: Some(&access), ..world.checks() };
        let refused = world.verify_with(&world.with("at_hash", bad.clone()), &checks).await;
        assert_refused!(refused, IdTokenError::AccessTokenHash, "{bad}");
    }
}
// IDT-13
#[tokio::test]
async fn acr_is_one_of_those_that_were_essential() {
    let world = World::new();
    let essential = ["mfa".to_owned(), "urn:mace:incommon:iap:silver".to_owned()];
    let checks = IdTokenChecks { acr_values: &essential, ..world.checks() };
    assert!(world.verify_with(&world.with("acr", "mfa"), &checks).await.is_ok());
    for bad in [
        json!("pwd"),
        json!("MFA"),
        json!("mfa "),
        json!(""),
        json!("0"),
        json!(["mfa"]),
        json!(null),
        json!(1),
    ] {
        assert_refused!(
            world.verify_with(&world.with("acr", bad.clone()), &checks).await,
            IdTokenError::Acr,
            "{bad}"
        );
    }
    assert_refused!(world.verify_with(&world.claims(), &checks).await, IdTokenError::Acr);
    assert!(world.verify(&world.with("acr", "pwd")).await.is_ok());
}

// IDT-18
#[tokio::test]
async fn claims_elsewhere_are_not_fetched() {
    let world = World::new();
    let mut claims = world.with("_claim_names", json!({"email": "src1"}));
    claims["_claim_sources"] = json!({"src1": {"endpoint": "http://169.254.169.254/", "access_token": "x"}});
    assert!(world.verify(&claims).await.is_ok());
    assert_eq!(world.web.requests(), [KEYS]);
}

// IDT-19
#[tokio::test]
async fn there_are_no_issuer_templates() {
    let world = World::new();
    let mut claims = world.with("tid", "t1");
    claims["iss"] = "https://id.example/{tenantid}".into();
    assert_refused!(world.verify(&claims).await, IdTokenError::Issuer);
}

#[tokio::test]
async fn standard_claims_may_be_spelled_in_the_usual_odd_ways() {
    let world = World::new();
    for (name, good) in [
        ("email_verified", json!("true")),
        ("phone_number_verified", json!("false")),
        ("updated_at", json!("2026-01-01T00:00:00.000Z")),
        ("gender", json!({"any": "thing"})),
        ("picture", json!("")),
        ("locale", json!("en_US")),
        ("name#ja", json!("アリス")),
        ("groups", json!(["a", {"b": 1}, null])),
        ("address", json!({"formatted": "x", "odd": 1})),
        ("email", json!(null)),
    ] {
        assert!(world.verify(&world.with(name, good.clone())).await.is_ok(), "{name} {good}");
    }
    assert_refused!(world.verify(&world.with("address", "text")).await, IdTokenError::Malformed(_));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // JOS-14
    #[test]
    fn no_claims_make_it_panic(name in "(iss|sub|aud|exp|iat|nbf|azp|acr|amr|nonce|at_hash|auth_time|events|typ|address|name#?x?)", value in any_json(), boot in any::<u64>()) {
        let world = World::new();
        world.clock.set_boot(BootTime::from_origin(Duration::from_nanos(boot)));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let checks = IdTokenChecks { max_age: Some(seconds(boot)), leeway: seconds(boot), ..world.checks() };
        let _ = runtime.block_on(world.verify_with(&world.with(&name, value), &checks));
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z#]{0,5}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
