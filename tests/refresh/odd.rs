//! Refresh answers as real providers send them, and as attackers would.

use std::time::Duration;

use http::StatusCode;
use oidc_core::{Cause, TokenError, TokenErrorKind};
use oidc_testkit::{BadIdToken as Bad, Endpoint, Fault, OddAnswer, Rotation, SigningAlgorithm};
use tests::World;

/// What becomes of a refresh whose answer is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The tokens are good.
    Renewed,
    /// There is no token now, and one after the pause, with the new refresh token.
    Later,
    /// The login is over.
    Over(Cause),
}

const ALL: [(OddAnswer, Fate); 27] = {
    use OddAnswer::*;
    [
        (TokenType("Bearer:"), Fate::Renewed),
        (TokenType("bearer"), Fate::Renewed),
        (TokenType(" BEARER "), Fate::Renewed),
        (NoTokenType, Fate::Renewed),
        (TokenType("mac"), Fate::Later),
        (TokenType("DPoP"), Fate::Later),
        (NoAccessToken, Fate::Later),
        (NoIdToken, Fate::Renewed),
        (ExpiresInText, Fate::Renewed),
        (NoExpiresIn, Fate::Renewed),
        (ScopeArray, Fate::Renewed),
        (ErrorWithStatus200("invalid_grant"), Fate::Over(Cause::GrantRejected)),
        (BadIdToken(Bad::Signature), Fate::Later),
        (BadIdToken(Bad::AlgorithmNone), Fate::Later),
        (BadIdToken(Bad::ForgedKey), Fate::Later),
        (BadIdToken(Bad::UnknownKey), Fate::Later),
        (BadIdToken(Bad::Issuer), Fate::Over(Cause::RefreshMismatch)),
        (BadIdToken(Bad::Subject), Fate::Over(Cause::RefreshMismatch)),
        (BadIdToken(Bad::Audience), Fate::Later),
        (BadIdToken(Bad::AccessTokenHash), Fate::Later),
        (BadIdToken(Bad::Expired), Fate::Renewed),
        (BadIdToken(Bad::IssuedInFuture), Fate::Renewed),
        (BadIdToken(Bad::Without("sub")), Fate::Later),
        (BadIdToken(Bad::Without("aud")), Fate::Later),
        (BadIdToken(Bad::Without("exp")), Fate::Later),
        (BadIdToken(Bad::Without("iat")), Fate::Later),
        (BadIdToken(Bad::Without("iss")), Fate::Later),
    ]
};

// IDT-14, IDT-15, TOK-01, TOK-02, TOK-03, TOK-05, TOK-06, TOK-12
#[tokio::test]
async fn no_oddity_beside_a_refresh_token_costs_the_login() {
    let world = World::with(|provider| provider.signing_algorithm(SigningAlgorithm::Es256)).await;
    for (odd, fate) in ALL {
        let client = world.api_client(&world.signed_in().await);
        let before = world.provider.judge().grants("refresh_token");
        world.provider.fail_next(Endpoint::Token, Fault::Odd(odd));
        world.clock.advance(World::LIFE);
        let error = match world.get(&client).await {
            Ok(answer) => {
                assert_eq!(answer.status(), StatusCode::OK);
                None
            }
            Err(error) => Some(error.downcast_ref::<TokenError>().unwrap().kind()),
        };
        let expected = match fate {
            Fate::Renewed => error.is_none(),
            Fate::Later => !matches!(error, None | Some(TokenErrorKind::ReauthRequired(_))),
            Fate::Over(cause) => error == Some(TokenErrorKind::ReauthRequired(cause)),
        };
        assert!(expected, "{odd:?}: {error:?}");

        world.clock.advance(Duration::from_secs(3600));
        let sent = match fate {
            Fate::Renewed | Fate::Later => {
                world.get_ok(&client).await;
                2
            }
            Fate::Over(cause) => {
                assert_eq!(world.get_err(&client).await.kind(), TokenErrorKind::ReauthRequired(cause));
                1
            }
        };
        assert_eq!(world.provider.judge().grants("refresh_token") - before, sent, "{odd:?}");
        world.assert_each_spent_once();
    }
}

// TOK-15
#[tokio::test]
async fn a_refresh_token_that_is_left_out_is_kept() {
    for rotation in [Rotation::Never, Rotation::Strict] {
        let world = World::with(|provider| provider.rotation(rotation)).await;
        let client = world.api_client(&world.signed_in().await);
        world.provider.fail_next(Endpoint::Token, Fault::Odd(OddAnswer::NoRefreshToken));
        world.clock.advance(World::LIFE);
        world.get_ok(&client).await;
        world.clock.advance(World::LIFE);
        if rotation == Rotation::Never {
            world.get_ok(&client).await;
            assert_eq!(world.provider.judge().refresh_tokens_resent().len(), 1);
        } else {
            // It rotated and did not say so: nobody has the new one.
            let error = world.get_err(&client).await;
            assert_eq!(error.kind(), TokenErrorKind::ReauthRequired(Cause::GrantRejected));
        }
    }
}

// TOK-01
#[tokio::test]
async fn a_token_without_an_end_is_renewed_from_time_to_time_and_when_it_is_refused() {
    let world = World::start().await;
    let client = world.api_client(&world.signed_in().await);
    world.provider.fail_next(Endpoint::Token, Fault::Odd(OddAnswer::NoExpiresIn));
    world.clock.advance(World::LIFE);
    for _ in 0..20 {
        world.get_ok(&client).await;
    }
    assert_eq!(world.provider.judge().grants("refresh_token"), 1, "not with every request");
    world.clock.advance(World::LIFE);
    world.get_ok(&client).await;
    let judge = world.provider.judge();
    assert_eq!((judge.grants("refresh_token"), world.api.unauthorized()), (2, 1));
    world.assert_each_spent_once();
}
