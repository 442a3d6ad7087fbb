//! Logins that begin, begin again, and end.

use oidc_core::{Cause, TokenSource};
use oidc_flow::{Callback, ClientAuth, LoginError, OidcClient, Session};
use oidc_testkit::browse;
use std::time::Duration;
use tests::World;

use crate::{
    broken::Broken,
    run::{Process, Run},
    stage::Stage,
    trouble::Trouble,
};

/// From the browser to the second use.
pub(crate) async fn log_in_and_use(stage: &Stage, n: u64, trouble: Trouble) -> Result<bool, Broken> {
    let run = Run::new(stage, &trouble);
    let client = run.client(run.outlet(), "app", ClientAuth::none());
    let process = run.process();
    run.arm(n);
    let session = log_in(&run, &client).await?;
    assert_eq!(session.key, run.key);
    run.sign_in(&process, &session.tokens).await?;
    run.settles(&process).await?;
    run.settles(&run.process()).await?;
    Ok(run.met())
}

/// The user tries again where it failed.
async fn log_in(run: &Run<'_>, client: &OidcClient) -> Result<Session, Broken> {
    let mut last = String::new();
    for _ in 0..10 {
        match log_in_once(run, client).await? {
            Ok(session) => return Ok(session),
            Err(error) => last = error.to_string(),
        }
        run.pass(Duration::from_secs(5));
    }
    Err(Broken::Stuck(last))
}

async fn log_in_once(run: &Run<'_>, client: &OidcClient) -> Result<Result<Session, LoginError>, Broken> {
    let start = client.login().scopes(["profile"]).offline_access().start();
    let start = match run.flow(start).await? {
        Ok(start) => start,
        Err(error) => return Ok(Err(error)),
    };
    let visit = browse(start.url.as_str()).await.unwrap();
    let answer = start.pending.check(&Callback::parse(visit.callback_query().unwrap()).unwrap()).unwrap();
    run.flow(client.finish_login(start.pending, answer)).await
}

/// Somebody logs in again while the login that is there is being renewed.
pub(crate) async fn sign_in_over_a_login(stage: &Stage, n: u64, trouble: Trouble) -> Result<bool, Broken> {
    let run = Run::new(stage, &trouble);
    let process = run.with_an_ended_token().await?;
    let second = run.tokens();
    run.arm(n);
    let use_it = run.flow(process.source.token());
    let (_, begun) = tokio::join!(use_it, run.sign_in(&process, &second));
    begun?;
    run.settles(&process).await?;
    run.settles(&run.process()).await?;
    let saved = run.stored().await;
    assert!(saved.is_some() || stage.flaw != Default::default());
    Ok(run.met())
}

/// The user leaves while the token is being renewed.
pub(crate) async fn sign_out_in_use(stage: &Stage, n: u64, trouble: Trouble) -> Result<bool, Broken> {
    let mut met = false;
    for requests_before in [0, 1] {
        let run = Run::new(stage, &trouble);
        let process = run.with_an_ended_token().await?;
        let sends = run.shelf.wire.faults.sends() + requests_before;
        run.arm(n);
        let use_it = run.flow(process.source.token());
        let leave = async {
            for _ in 0..1_000 {
                if run.shelf.wire.faults.sends() >= sends {
                    break;
                }
                tokio::task::yield_now().await;
            }
            run.until_ok(async || process.source.sign_out().await).await
        };
        let (_, left) = tokio::join!(use_it, leave);
        left?;
        for process in [process, run.process()] {
            stays_out(&run, &process).await?;
        }
        met |= run.met();
    }
    Ok(met)
}

async fn stays_out(run: &Run<'_>, process: &Process) -> Result<(), Broken> {
    for _ in 0..3 {
        match run.flow(process.source.token()).await? {
            Err(error) if error.reauth_cause() == Some(Cause::LoggedOut) => {}
            Err(error) if error.reauth_cause().is_some() => return Err(Broken::Lost(error.to_string())),
            Err(_) => {}
            Ok(_) => return Err(Broken::CameBack),
        }
        run.pass(World::LIFE);
    }
    match run.stored().await {
        Some(_) => Err(Broken::CameBack),
        None => run.spent_once(),
    }
}

#[tokio::test]
async fn no_fault_in_a_login_loses_what_was_acknowledged() {
    Stage::strict().await.survives(Trouble::all(), 60, log_in_and_use).await;
}

#[tokio::test]
async fn no_fault_lets_an_old_login_harm_a_new_one() {
    for stage in [Stage::strict().await, Stage::grace().await] {
        stage.survives(Trouble::all(), 60, sign_in_over_a_login).await;
    }
}

#[tokio::test]
async fn no_fault_brings_a_login_back_that_was_signed_out() {
    for stage in [Stage::strict().await, Stage::grace().await] {
        stage.survives(Trouble::all(), 60, sign_out_in_use).await;
    }
}
