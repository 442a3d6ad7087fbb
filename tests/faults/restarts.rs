//! Programs that end at the fault and are started again.

use std::sync::atomic::Ordering;

use crate::{broken::Broken, run::Run, stage::Stage, trouble::Trouble};

/// The program is shut down after the first answer, good or bad, and another one goes on.
async fn shut_down_and_restart(stage: &Stage, n: u64, trouble: Trouble) -> Result<bool, Broken> {
    let run = Run::new(stage, &trouble);
    let first = run.with_an_ended_token().await?;
    run.arm(n);
    // What a caller is told is one thing, what the next program finds another.
    let _ = run.flow(oidc_core::TokenSource::token(&first.source)).await?;
    run.flow(first.source.shutdown()).await?.unwrap();
    run.settles(&run.process()).await?;
    Ok(run.met())
}

/// The program dies at the moment of the fault.
async fn die_and_restart(stage: &Stage, n: u64, trouble: Trouble) -> Result<bool, Broken> {
    let run = Run::new(stage, &trouble);
    let first = run.with_an_ended_token().await?;
    run.arm(n);
    run.shelf.is_deadly.store(true, Ordering::SeqCst);
    let struck = async {
        while !run.met() {
            tokio::task::yield_now().await;
        }
    };
    let ended = async {
        tokio::select! {
            biased;
            () = struck => {}
            _ = run.token(&first) => {}
        }
    };
    run.flow(ended).await?;
    let met = run.met();
    run.kill(&first).await;
    run.settles(&run.process()).await?;
    Ok(met)
}

// CAN-05
#[tokio::test]
async fn a_restart_after_any_fault_goes_on_with_the_login() {
    for stage in [Stage::strict().await, Stage::grace().await, Stage::grace().await.in_files()] {
        let is_file = stage.directory.is_some();
        let troubles = if is_file { Trouble::of_files() } else { Trouble::all() };
        stage.survives(troubles, 10, shut_down_and_restart).await;
    }
}

// CAN-05, CAN-06
#[tokio::test]
async fn a_crash_at_any_operation_costs_a_login_only_where_the_provider_insists() {
    for stage in [Stage::strict().await, Stage::grace().await] {
        stage.survives(Trouble::all(), 60, die_and_restart).await;
    }
}
