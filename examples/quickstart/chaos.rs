//! `cargo run --example quickstart -- --chaos`: the same job, while nearly everything goes wrong.
//!
//! Token requests and their answers get lost, the provider is overloaded, slow, and answers oddly, access tokens are revoked at any
//! moment, and a quarter of the callers give up. The provider lets a refresh token be sent again for 10 seconds, so no login need be lost.
//! The seed of the trouble is printed; `--seed N` makes the same trouble again, as far as the time that everything takes allows.
//!
//! `unauthorized` counts the callers who were left with a 401 after they had done what the layer asks of them:
//!
//! - An error that may pass ([`TokenError::is_transient`]), or a 401 that has such an error in its extensions because the token could
//!   not be renewed: try again, after the pause that the error names.
//! - A 401 without an error: the API has refused a token that was won during this very call. If tokens were revoked during the call, that
//!   is why, and the caller tries again. Otherwise it counts.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use examples::{Error, Http, Outcome, Stopwatch, http_client};
use http::{Request, StatusCode};
use http_body_util::Empty;
use oidc_kit::{BearerLayer, Origins, RefreshingSource, TokenError, tower::Bearer};
use oidc_testkit::{Judge, ProtectedApi};
use tokio::task::JoinHandle;
use tower::{Layer, ServiceExt};

use crate::trouble::{Dice, Trouble, grace};

/// How long there is trouble, from the login on. The calls go on for a while, to see that everything recovers.
const TROUBLE: Duration = Duration::from_secs(10);

/// How long callers call.
const CALLS: Duration = Duration::from_secs(12);

/// After so long an error does not pass any more.
const PATIENCE: Duration = Duration::from_secs(18);

/// The seed, if `--chaos` is among the arguments: that of `--seed N`, or a random one.
pub(crate) fn seed(mut arguments: impl Iterator<Item = String>) -> Result<Option<u64>, Error> {
    let (mut chaos, mut seed) = (false, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--chaos" => chaos = true,
            "--seed" => {
                let number = arguments.next().and_then(|number| number.parse().ok());
                seed = Some(number.ok_or("--seed needs a number")?);
            }
            unknown => return Err(format!("unknown argument `{unknown}`").into()),
        }
    }
    match (chaos, seed) {
        (false, Some(_)) => Err("--seed is for --chaos".into()),
        (false, None) => Ok(None),
        (true, seed) => Ok(Some(seed.unwrap_or_else(|| RandomState::new().hash_one(())))),
    }
}

/// Makes the trouble of `seed` while 8 tasks call the API.
#[expect(clippy::print_stdout, reason = "the last line is for programs")]
pub(crate) async fn run(seed: u64) -> Outcome {
    Stopwatch::start().say(format_args!("seed {seed}"));
    let mut dice = Dice::new(seed);
    let provider = crate::start_provider(grace(&mut dice)).await?;
    let api = ProtectedApi::start(&provider).await?;
    let tokens = crate::sign_in(&provider).await?;
    let watch = Stopwatch::start();
    watch.say("logged in");

    let layer = BearerLayer::new(tokens.clone(), Origins::insecure_loopback([api.url()])?);
    let trouble = Arc::new(Trouble::new(provider));
    let caller = Caller {
        service: layer.layer(http_client()),
        url: api.url().to_owned(),
        trouble: trouble.clone(),
        watch: watch.clone(),
    };
    let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(caller.clone().call(dice.others()))).collect();
    make_trouble(&trouble, &tokens, &mut dice, &watch).await;
    let unauthorized = unauthorized(tasks).await;
    watch.say(format_args!("{} calls were refused by the API; {}", api.unauthorized(), tokens.status()));
    tokens.shutdown().await?;

    let (calls, judge) = (api.calls(), trouble.provider().judge());
    check_login(&judge)?;
    let (unauthorized, refreshes, logins) = (unauthorized?, judge.refreshes_accepted, judge.logins);
    println!("calls={calls} unauthorized={unauthorized} refreshes={refreshes} logins={logins}");
    let as_promised = calls >= 200 && unauthorized == 0 && refreshes > 0;
    as_promised.then_some(()).ok_or_else(|| "not as promised".into())
}

async fn make_trouble(trouble: &Trouble, tokens: &RefreshingSource, dice: &mut Dice, watch: &Stopwatch) {
    let mut next_report = Duration::from_secs(2);
    while watch.elapsed() < TROUBLE {
        watch.pause(dice.milliseconds(50, 400)).await;
        trouble.make(dice, tokens.status().failures > 0);
        if watch.elapsed() >= next_report {
            next_report += Duration::from_secs(2);
            watch.say(format_args!("{} revocations so far; {}", trouble.revocations(), tokens.status()));
        }
    }
    watch.say("the trouble is over");
}

/// How many calls ended with a 401, over all callers. All are waited for, also after an error.
async fn unauthorized(tasks: Vec<JoinHandle<Result<u64, Error>>>) -> Result<u64, Error> {
    let mut total = Ok(0);
    for task in tasks {
        let one = task.await?;
        total = total.and_then(|others| Ok(others + one?));
    }
    total
}

/// That the provider has seen one login, and no reason to end it.
fn check_login(judge: &Judge) -> Outcome {
    if judge.reuse_detected > 0 {
        return Err("a refresh token was spent twice".into());
    }
    if judge.families_revoked > 0 {
        return Err("the provider ended the login".into());
    }
    if judge.logins != 1 {
        return Err("somebody had to log in again".into());
    }
    Ok(())
}

#[derive(Clone)]
struct Caller {
    service: Bearer<Http, RefreshingSource>,
    url: String,
    trouble: Arc<Trouble>,
    watch: Stopwatch,
}

impl Caller {
    /// Calls the API, and gives up one call in four. Gives how many of the others ended with a 401.
    async fn call(self, mut dice: Dice) -> Result<u64, Error> {
        let mut unauthorized = 0;
        while self.watch.elapsed() < CALLS {
            if dice.once_in(4) {
                let patience = dice.milliseconds(1, 60);
                tokio::select! {
                    _ = self.get() => {}
                    () = self.watch.pause(patience) => {}
                }
            } else {
                match self.get_patiently().await? {
                    StatusCode::OK => {}
                    StatusCode::UNAUTHORIZED => unauthorized += 1,
                    other => return Err(format!("the API answered {other}").into()),
                }
            }
            self.watch.pause(Duration::from_millis(20)).await;
        }
        Ok(unauthorized)
    }

    /// One call, with another try wherever the layer says that it may help.
    async fn get_patiently(&self) -> Result<StatusCode, Error> {
        loop {
            let revocations = self.trouble.revocations();
            match self.get().await? {
                Err(error) if error.is_transient() && self.watch.elapsed() < PATIENCE => {
                    self.watch.pause(error.retry_after().unwrap_or(Duration::from_millis(100))).await;
                }
                Err(error) => return Err(error.into()),
                Ok(StatusCode::UNAUTHORIZED) if self.trouble.revocations() > revocations => {}
                Ok(status) => return Ok(status),
            }
        }
    }

    /// The status, or why there was no token at all or no other one.
    async fn get(&self) -> Result<Result<StatusCode, TokenError>, Error> {
        match self.service.clone().oneshot(Request::get(&self.url).body(Empty::new())?).await {
            Ok(response) => {
                let error = response.extensions().get::<TokenError>().cloned();
                Ok(error.map_or(Ok(response.status()), Err))
            }
            Err(error) => Ok(Err(*error.downcast::<TokenError>()?)),
        }
    }
}
