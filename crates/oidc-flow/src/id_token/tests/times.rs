//! The rows IDT that are about times.

use super::*;

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
