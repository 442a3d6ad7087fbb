//! Where requests get their credentials from.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, header::AUTHORIZATION};
use zeroize::Zeroizing;

use crate::{AccessToken, Scheme, TokenError};

/// Gives requests their credential and renews it: what the layer needs of a login.
#[async_trait]
pub trait TokenSource: fmt::Debug + Send + Sync + 'static {
    /// A credential that is valid now, or nothing: no waiting, no lock, no allocation.
    ///
    /// May start a renewal in the background.
    fn peek(&self) -> Option<Credential>;

    /// A valid credential; waits for the one renewal in flight where there is none.
    ///
    /// # Errors
    /// [`TokenError`], the same for all who waited. Dropping the future does not stop the renewal.
    async fn token(&self) -> Result<Credential, TokenError>;

    /// A credential other than the one of generation `rejected`, which an API refused with 401. However many requests report the
    /// same one, it is renewed once; one that was already replaced costs nothing.
    ///
    /// # Errors
    /// [`TokenError`]. Dropping the future does not stop the renewal.
    async fn renew(&self, rejected: Generation) -> Result<Credential, TokenError>;

    /// Notes that an API refused the credential of generation `rejected`, for a caller that does not wait: the next call gets
    /// another one. One that was already replaced is left alone.
    fn reject(&self, rejected: Generation);
}

#[async_trait]
impl<S: TokenSource + ?Sized> TokenSource for Arc<S> {
    fn peek(&self) -> Option<Credential> {
        (**self).peek()
    }

    async fn token(&self) -> Result<Credential, TokenError> {
        (**self).token().await
    }

    async fn renew(&self, rejected: Generation) -> Result<Credential, TokenError> {
        (**self).renew(rejected).await
    }

    fn reject(&self, rejected: Generation) {
        (**self).reject(rejected);
    }
}

/// Which credential it is: what a caller reports when an API rejects it. Rises with every renewal, and no two credentials of a
/// process have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u64);

impl Generation {
    /// One that is higher than all before.
    pub fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed).saturating_add(1))
    }

    /// The number.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// A credential, ready to be attached to requests. Cloning it does not allocate; the token is wiped when the last clone goes.
#[derive(Clone)]
pub struct Credential {
    generation: Generation,
    authorization: HeaderValue,
}

impl Credential {
    /// The credential that `token` makes, with a generation of its own.
    #[expect(clippy::expect_used, reason = "the message is the proof")]
    pub fn new(token: &AccessToken) -> Self {
        let scheme = match token.scheme() {
            Scheme::Bearer => "Bearer ",
        };
        let value = token.value().expose();
        let mut text = Vec::with_capacity(scheme.len() + value.len());
        text.extend_from_slice(scheme.as_bytes());
        text.extend_from_slice(value.as_bytes());
        let text = WipedOnDrop(Zeroizing::new(text.into_boxed_slice()));
        let mut authorization = HeaderValue::from_maybe_shared(Bytes::from_owner(text))
            .expect("an access token is visible ASCII, checked when it was made");
        authorization.set_sensitive(true);
        Self { generation: Generation::next(), authorization }
    }

    /// Which credential it is. Clones have the same.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether both carry the same token, whatever their generations. Some providers answer a refresh with the token that
    /// they gave before.
    pub fn is_same_token(&self, other: &Self) -> bool {
        self.authorization == other.authorization
    }

    /// The access token itself, for whoever has to put it somewhere else than into this header. Nothing that is shown to anybody should hold it.
    pub fn expose(&self) -> &str {
        let text = self.authorization.to_str().unwrap_or_default();
        text.split_once(' ').map_or(text, |(_scheme, token)| token)
    }

    /// Attaches itself to `request`: sets the `Authorization` header, marked sensitive, in place of any other.
    ///
    /// # Errors
    /// None for bearer tokens. Credentials that sign each request can fail to.
    pub fn apply<B>(self, request: &mut Request<B>) -> Result<(), TokenError> {
        request.headers_mut().insert(AUTHORIZATION, self.authorization);
        Ok(())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("generation", &self.generation.0).finish_non_exhaustive()
    }
}

/// Boxed without spare room: the text is most of what an idle user costs.
struct WipedOnDrop(Zeroizing<Box<[u8]>>);

impl AsRef<[u8]> for WipedOnDrop {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::{Lifetime, Secret};

    #[test]
    fn the_header_is_attached_once_and_marked_sensitive() {
        let lifetime = Lifetime::new(SystemTime::UNIX_EPOCH, None);
        let token = AccessToken::bearer(Secret::from("canary"), lifetime).unwrap();
        let credential = Credential::new(&token);
        let mut request = Request::builder().header("authorization", "Basic x").body(()).unwrap();
        credential.clone().apply(&mut request).unwrap();
        let values: Vec<_> = request.headers().get_all(AUTHORIZATION).iter().collect();
        assert_eq!(values, ["Bearer canary"]);
        assert!(values[0].is_sensitive());
        assert_eq!(credential.expose(), "canary");
        assert!(!format!("{request:?} {credential:?}").contains("canary"));
    }
}
