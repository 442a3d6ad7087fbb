//! The rows IDT.

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

// IDT-06, IDT-07
#[tokio::test]
async fn times_are_numbers_that_mean_a_time() {
    let world = World::new();
    let now = world.now();
    for name in ["exp", "iat", "nbf", "auth_time"] {
        for bad in [
            json!(null),
            json!(now.to_string()),
            json!(""),
            json!(true),
            json!([]),
            json!([now]),
            json!({}),
            json!(-1),
            json!(-0.5),
            json!(1e300),
            json!(-1e300),
            json!(u64::MAX),
            json!(i64::MAX),
            json!(i64::MIN),
            json!(253_402_300_800_u64),
            json!("2026-01-01T00:00:00Z"),
            json!(now * 1000),
        ] {
            assert_refused!(
                world.verify(&world.with(name, bad.clone())).await,
                IdTokenError::Malformed(_),
                "{name} {bad}"
            );
        }
        for infinite in ["1e999", "-1e999", "NaN", "Infinity", "0x10", "+1", "1_000"] {
            let payload = world.with(name, "MARK").to_string().replace("\"MARK\"", infinite);
            let token = key().token_of(SigningAlgorithm::Es256, r#"{"alg":"ES256","kid":"a"}"#, &payload);
            let refused = world.verify_token(&token, &world.checks()).await;
            assert_refused!(refused, IdTokenError::Malformed(_), "{name} {infinite}");
        }
    }
    for name in ["exp", "iat"] {
        assert_refused!(world.verify(&world.without(name)).await, IdTokenError::Malformed(_), "{name}");
    }
    let fraction = f64::from(u32::try_from(now).unwrap()) + 0.5;
    for name in ["exp", "iat", "nbf", "auth_time"] {
        assert!(world.verify(&world.with(name, fraction)).await.is_ok(), "{name}");
    }
    assert!(world.verify(&world.with("exp", 253_402_300_799_u64)).await.is_ok());
}

// IDT-06
#[tokio::test]
async fn no_clock_is_too_strange() {
    let world = World::new();
    let epoch = SystemTime::UNIX_EPOCH;
    for wall in [
        Some(epoch),
        Some(epoch + seconds(1)),
        epoch.checked_sub(seconds(1 << 33)),
        epoch.checked_sub(seconds(1 << 43)),
        epoch.checked_sub(seconds(1 << 62)),
        epoch.checked_add(seconds(253_402_300_800)),
        epoch.checked_add(seconds(9_000_000_000_000)),
        epoch.checked_add(seconds(u64::from(u32::MAX) << 30)),
    ] {
        let Some(wall) = wall else { continue };
        let strange = World::new();
        strange.clock.set_wall(wall);
        assert!(strange.verify(&world.claims()).await.is_err(), "{wall:?}");
        let mut claims = world.with("iat", 0);
        claims["exp"] = 253_402_300_799_u64.into();
        let is_before_the_end = wall < epoch + seconds(253_402_300_799 + 60);
        assert_eq!(strange.verify(&claims).await.is_ok(), is_before_the_end, "{wall:?}");
    }
}

// IDT-07, IDT-08, IDT-09
#[tokio::test]
async fn clocks_may_differ_by_the_leeway() {
    let world = World::new();
    let now = world.now();
    for (name, good, bad) in
        [("exp", now - 59, now - 60), ("nbf", now + 60, now + 61), ("iat", now + 60, now + 61)]
    {
        assert!(world.verify(&world.with(name, good)).await.is_ok(), "{name}");
        let refused = world.verify(&world.with(name, bad)).await.unwrap_err();
        let expected = matches!(
            (name, &refused),
            ("exp", IdTokenError::Expired)
                | ("nbf", IdTokenError::NotBefore)
                | ("iat", IdTokenError::IssuedAt)
        );
        assert!(expected, "{name} {refused:?}");
    }
    for (leeway, good, bad) in [(0, 1, 0), (1, 0, -1), (300, -299, -300), (86_400, -299, -300)] {
        let checks = IdTokenChecks { leeway: seconds(leeway), ..world.checks() };
        let exp = |offset: i64| world.with("exp", now.saturating_add_signed(offset));
        assert!(world.verify_with(&exp(good), &checks).await.is_ok(), "{leeway}");
        assert_refused!(world.verify_with(&exp(bad), &checks).await, IdTokenError::Expired, "{leeway}");
    }
}

// IDT-08
#[tokio::test]
async fn a_token_may_be_old_unless_the_client_says_otherwise() {
    let world = World::new();
    let claims = world.with("iat", world.now() - 7 * 24 * 3600);
    assert!(world.verify(&claims).await.is_ok());
    let checks = IdTokenChecks { max_iat_age: Some(seconds(600)), ..world.checks() };
    assert_refused!(world.verify_with(&claims, &checks).await, IdTokenError::IssuedAt);
    assert!(world.verify_with(&world.with("iat", world.now() - 660), &checks).await.is_ok());
    let forever = IdTokenChecks { max_iat_age: Some(Duration::MAX), ..world.checks() };
    assert!(world.verify_with(&claims, &forever).await.is_ok());
}

// IDT-09
#[tokio::test]
async fn a_wrong_clock_is_told_from_an_ended_token() {
    let world = World::new();
    for (offset, is_ahead) in
        [(90, true), (600, true), (86_400, true), (90, false), (600, false), (86_400, false)]
    {
        let server = if is_ahead {
            world.clock.wall() - seconds(offset)
        } else {
            world.clock.wall() + seconds(offset)
        };
        let issued = server.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let mut claims = world.with("iat", issued);
        claims["exp"] = (issued + 20).into();
        let blind = world.verify(&claims).await.unwrap_err();
        assert!(matches!(blind, IdTokenError::Expired | IdTokenError::IssuedAt), "{blind:?}");
        let told = IdTokenChecks { server_time: Some(server), ..world.checks() };
        let refused = world.verify_with(&claims, &told).await.unwrap_err();
        let IdTokenError::ClockSkew { estimate, ahead } = refused else { panic!("{refused:?}") };
        assert_eq!((estimate, ahead), (seconds(offset), is_ahead));
    }
    for (exp, skew) in [(3600, 90), (61, 30), (61, 60)] {
        let ended = world.with("exp", world.now() - exp);
        let told = IdTokenChecks { server_time: Some(world.clock.wall() - seconds(skew)), ..world.checks() };
        assert_refused!(world.verify_with(&ended, &told).await, IdTokenError::Expired, "{exp} {skew}");
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
async fn the_user_was_authenticated_lately_enough() {
    let world = World::new();
    let checks = IdTokenChecks { max_age: Some(seconds(100)), ..world.checks() };
    let at = |offset: i64| world.with("auth_time", world.now().saturating_add_signed(offset));
    for good in [-160, -100, 0, 60] {
        assert!(world.verify_with(&at(good), &checks).await.is_ok(), "{good}");
    }
    for bad in [-161, -3600, 61] {
        assert_refused!(world.verify_with(&at(bad), &checks).await, IdTokenError::AuthTime, "{bad}");
    }
    assert_refused!(world.verify_with(&world.claims(), &checks).await, IdTokenError::AuthTime);
    let now = IdTokenChecks { max_age: Some(Duration::ZERO), ..world.checks() };
    assert!(world.verify_with(&at(0), &now).await.is_ok());
    assert_refused!(world.verify_with(&at(-61), &now).await, IdTokenError::AuthTime);
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
