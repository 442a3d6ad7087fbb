//! Refreshes of one process and of two.

use std::sync::atomic::Ordering::SeqCst;

use oidc_testkit::{Rotation, Successor};

use crate::{broken::Broken, run::Run, stage::Stage, trouble::Trouble};

/// An access token has ended; the next use renews it, and the use after that, too. A process that starts then goes on from there.
pub(crate) async fn refresh(stage: &Stage, n: u64, trouble: Trouble) -> Result<bool, Broken> {
    let run = Run::new(stage, &trouble);
    let process = run.with_an_ended_token().await?;
    run.arm(n);
    let before = run.settles(&process).await?;
    let after = run.settles(&run.process()).await?;
    assert!(before.is_some() || after.is_none(), "what is over is over for everybody");
    Ok(run.met())
}

/// Two processes that share the store alone find that the token has ended.
pub(crate) async fn refresh_in_two_processes(
    stage: &Stage,
    n: u64,
    trouble: Trouble,
) -> Result<bool, Broken> {
    let run = Run::new(stage, &trouble);
    let first = run.with_an_ended_token().await?;
    let second = run.process();
    let accepted = stage.world.provider.judge().refreshes_accepted;
    run.arm(n);
    let both = async { tokio::join!(run.token(&first), run.token(&second)) };
    let (one, other) = run.flow(both).await?;
    assert_eq!(one?.is_some(), other?.is_some(), "there is one login");
    let refreshes = stage.world.provider.judge().refreshes_accepted - accepted;
    assert!(refreshes <= 1 || run.met(), "two processes refreshed one login {refreshes} times");
    run.settles(&first).await?;
    run.settles(&second).await?;
    Ok(run.met())
}

// REF-01, REF-12, STO-01
#[tokio::test]
async fn no_fault_in_a_refresh_loses_a_login_without_saying_why() {
    let stage = Stage::strict().await;
    stage.survives(Trouble::of_store(), 30, refresh).await;
    assert_eq!(stage.losses.load(SeqCst), 0, "no fault of the store loses anything");
    stage.survives(Trouble::of_wire(), 30, refresh).await;
    assert!(stage.losses.load(SeqCst) > 0, "a lost answer of a strict provider ends the login");
}

#[tokio::test]
async fn no_fault_in_a_refresh_loses_a_login_of_a_provider_with_a_grace_window() {
    for successor in [Successor::Same, Successor::New] {
        let window = std::time::Duration::from_secs(60);
        let stage = Stage::with(Rotation::Grace { window, successor }).await;
        stage.survives(Trouble::all(), 60, refresh).await;
    }
}

#[tokio::test]
async fn no_fault_in_a_refresh_loses_a_login_of_a_provider_that_does_not_rotate() {
    Stage::with(Rotation::Never).await.survives(Trouble::all(), 60, refresh).await;
}

// MPR-01
#[tokio::test]
async fn no_fault_makes_two_processes_spend_one_refresh_token() {
    for stage in [Stage::strict().await, Stage::grace().await] {
        stage.survives(Trouble::all(), 60, refresh_in_two_processes).await;
    }
}

#[tokio::test]
async fn no_fault_loses_a_login_in_files() {
    let stage = Stage::strict().await.in_files();
    stage.survives(Trouble::of_files(), 15, refresh).await;
}
