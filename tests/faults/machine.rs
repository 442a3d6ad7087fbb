//! Tokens that can be won again at any time.

use std::sync::Arc;

use oidc_core::{Secret, Subject, TokenSource};
use oidc_flow::ClientAuth;
use oidc_refresh::RefreshingSource;
use tests::World;

use crate::{broken::Broken, run::Run, stage::Stage, trouble::Trouble};

async fn client_credentials(stage: &Stage, n: u64, trouble: Trouble) -> Result<bool, Broken> {
    let run = Run::new(stage, &trouble);
    let client = run.client(run.outlet(), "service", ClientAuth::secret_basic(Secret::from(World::SECRET)));
    let grant = client.client_credentials(["read"]).unwrap();
    let builder = RefreshingSource::builder(grant).store(run.outlet(), client.key(Subject::App));
    let source = builder.clock(Arc::new(run.clock.clone())).build().unwrap();
    run.arm(n);
    let mut last = None;
    for _ in 0..3 {
        let credential = run.wins(&source).await?;
        assert_ne!(last.replace(credential.generation()), Some(credential.generation()), "an ended token");
        run.pass(World::LIFE);
    }
    Ok(run.met())
}

impl Run<'_> {
    /// A token, in the end: nobody is ever to be asked for one.
    async fn wins(&self, source: &RefreshingSource) -> Result<oidc_core::Credential, Broken> {
        self.until_ok(async || source.token().await).await
    }
}

// GRA-01
#[tokio::test]
async fn no_fault_keeps_a_service_without_a_token() {
    Stage::strict().await.survives(Trouble::all(), 60, client_credentials).await;
}
