//! Every kind of fault.

use bytes::Bytes;
use http::{Response, header::CONTENT_TYPE};
use oidc_core::{StoreErrorKind, TransportErrorKind};
use oidc_testkit::{StoreFault, TransportFault};

/// A fault of the store or of the transport.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    Store(StoreFault),
    Wire(TransportFault),
}

impl Trouble {
    /// Every fault of the store.
    pub(crate) fn of_store() -> Vec<Self> {
        let kinds = [
            StoreErrorKind::Unavailable,
            StoreErrorKind::Busy,
            StoreErrorKind::Full,
            StoreErrorKind::Corrupt,
        ];
        let before = kinds.map(StoreFault::Before);
        let after = kinds.map(StoreFault::After);
        before.into_iter().chain(after).chain([StoreFault::Panic]).map(Self::Store).collect()
    }

    /// Faults of a disk, one of each way to fail: what they leave in files takes real time to pass.
    pub(crate) fn of_files() -> Vec<Self> {
        let (full, corrupt) = (StoreErrorKind::Full, StoreErrorKind::Corrupt);
        [StoreFault::Before(full), StoreFault::After(corrupt), StoreFault::Panic].map(Self::Store).into()
    }

    /// Every fault of the transport.
    pub(crate) fn of_wire() -> Vec<Self> {
        let lost = [TransportErrorKind::Interrupted, TransportErrorKind::Timeout];
        let not_sent =
            [TransportErrorKind::Connect, TransportErrorKind::Timeout].map(TransportFault::NotSent);
        let before = [(429, ""), (500, ""), (503, "")].map(|(status, body)| answer(status, body));
        let after =
            [(500, ""), (502, "<html>"), (200, ""), (200, "{}"), (200, "{\"access_token\":\"a"), (200, "[]")];
        let after = after.map(|(status, body)| answer(status, body));
        (not_sent.into_iter())
            .chain(lost.map(TransportFault::LoseRequest))
            .chain(lost.map(TransportFault::LoseAnswer))
            .chain(before.map(TransportFault::Answer))
            .chain(after.map(TransportFault::ReplaceAnswer))
            .map(Self::Wire)
            .collect()
    }

    /// Every fault that there is.
    pub(crate) fn all() -> Vec<Self> {
        [Self::of_store(), Self::of_wire()].concat()
    }
}

fn answer(status: u16, body: &'static str) -> Response<Bytes> {
    let answer = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    answer.body(Bytes::from_static(body.as_bytes())).unwrap()
}
