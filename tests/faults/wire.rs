//! The way to the provider, and a note of each refresh token that goes over it.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use oidc_core::{HttpTransport, TransportError};
use oidc_testkit::FaultTransport;
use oidc_transport::ReqwestTransport;
use tests::Form;

use crate::flaw::Flaw;

/// The transport of one run: all its processes send through it, and it fails where the run says so.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) faults: FaultTransport<Arc<ReqwestTransport>>,
    sent: Mutex<Vec<Sent>>,
    flaw: Flaw,
}

/// A refresh token that was sent, and what the client learned of it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) token: String,
    pub(crate) learned: Learned,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Learned {
    /// The provider did not get it, or says that it did nothing.
    NotProcessed,
    /// Nothing.
    Nothing,
    /// Tokens, or an error of OAuth.
    Answer,
}

impl Wire {
    pub(crate) fn new(inner: Arc<ReqwestTransport>, flaw: Flaw) -> Self {
        Self { faults: FaultTransport::new(inner), sent: Mutex::default(), flaw }
    }

    pub(crate) async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let form = Form::parse(request.body());
        let refreshes = form.get("grant_type") == Some("refresh_token");
        let place = refreshes.then(|| self.note(form.value("refresh_token")));
        if self.flaw == Flaw::SendsTwice {
            drop(self.faults.send(request.clone()).await);
        }
        let answer = self.faults.send(request).await;
        if let Some(place) = place {
            self.sent.lock().unwrap()[place].learned = learned(&answer);
        }
        answer
    }

    /// Each refresh token that was sent so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// Whoever learned what became of this refresh token is dead.
    pub(crate) fn unlearn(&self, token: &str) {
        let mut sent = self.sent.lock().unwrap();
        sent.iter_mut().filter(|sent| sent.token == token).for_each(|sent| sent.learned = Learned::Nothing);
    }

    /// Until its answer is there, nobody has learned anything.
    fn note(&self, token: &str) -> usize {
        let mut sent = self.sent.lock().unwrap();
        sent.push(Sent { token: token.to_owned(), learned: Learned::Nothing });
        sent.len() - 1
    }
}

fn learned(answer: &Result<Response<Bytes>, TransportError>) -> Learned {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.may_have_been_sent() => return Learned::Nothing,
        Err(_) => return Learned::NotProcessed,
    };
    let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    match answer.status().as_u16() {
        200 if body["access_token"].is_string() => Learned::Answer,
        400 | 401 if body["error"].is_string() => Learned::Answer,
        429 | 503 => Learned::NotProcessed,
        _ => Learned::Nothing,
    }
}
