//! What the provider tells about the user.

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header::ACCEPT};
use oidc_core::{AccessToken, ConfigError, Credential, Generation, Subject, TokenKey};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    EndpointError, OidcClient,
    json::{self, Limits},
    provider::{Endpoint, ProviderErrorKind},
    token_endpoint::retry_after,
};

/// The answer of the userinfo endpoint (OIDC Core §5.3), about the user it was asked about.
///
/// The claims are what the provider knows just now; only `sub` says who the user is. `Debug` leaves personal data out.
#[derive(Clone, PartialEq)]
pub struct UserInfo {
    subject: String,
    claims: Map<String, Value>,
}

impl UserInfo {
    /// Who the user is at this provider: the same as in the ID token.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// One claim, such as `email`. `None` where it is missing or not of this type.
    pub fn claim<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(self.claims.get(name)?).ok()
    }

    /// All claims as a type of your own.
    ///
    /// # Errors
    /// [`EndpointError::Malformed`] where they are not what the type wants.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, EndpointError> {
        let reason = "the claims are not what the application wants";
        T::deserialize(&self.claims).map_err(|_| EndpointError::Malformed { reason })
    }

    fn read(body: &[u8], subject: &str) -> Result<Self, EndpointError> {
        let claims = json::object(body, LIMITS)
            .map_err(|_| EndpointError::Malformed { reason: "not one JSON object without repetitions" })?;
        match claims.get("sub").and_then(Value::as_str) {
            Some(sub) if sub == subject => Ok(Self { subject: sub.to_owned(), claims }),
            Some(_) => Err(EndpointError::SubjectMismatch),
            None => Err(EndpointError::Malformed { reason: "sub is missing or not text" }),
        }
    }
}

impl fmt::Debug for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserInfo").finish_non_exhaustive()
    }
}

impl OidcClient {
    /// Asks for the claims of the user of the login `key`, with an `access` token of that login.
    ///
    /// The answer must be about the user that a verified ID token named. In plain OAuth mode there is none, so there is nothing to
    /// compare with, and this fails. Signed and encrypted answers (JWTs) are not read.
    ///
    /// # Errors
    /// [`EndpointError`]; [`SubjectMismatch`](EndpointError::SubjectMismatch) for an answer about someone else.
    pub async fn userinfo(&self, key: &TokenKey, access: &AccessToken) -> Result<UserInfo, EndpointError> {
        let invalid = |reason| ConfigError::Invalid { field: "key", reason };
        if *key.issuer() != *self.provider().authority() || key.client() != self.client_id() {
            return Err(invalid("the login is another client's").into());
        }
        let Subject::User(user) = key.subject() else { return Err(invalid("the login is no user's").into()) };
        let request = self.userinfo_request(access).await?;
        let answer = self.0.provider.transport().send(request).await?;
        if answer.status() != StatusCode::OK {
            let now = self.0.provider.clock().wall();
            let retry_after = retry_after(answer.headers(), now);
            return Err(EndpointError::Status { status: answer.status().as_u16(), retry_after });
        }
        UserInfo::read(answer.body(), user.as_str())
    }

    async fn userinfo_request(&self, access: &AccessToken) -> Result<Request<Bytes>, EndpointError> {
        let metadata = self.0.provider.metadata().await?;
        let field = Endpoint::Userinfo.field();
        let missing = || EndpointError::Provider(ProviderErrorKind::MissingEndpoint { field }.into());
        let uri = metadata.userinfo_endpoint().and_then(|url| url.as_str().parse().ok()).ok_or_else(missing)?;
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = uri;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        let unusable = |_| EndpointError::Malformed { reason: "the access token cannot be attached" };
        Credential::new(access, Generation::default()).apply(&mut request).map_err(unusable)?;
        Ok(request)
    }
}

const LIMITS: Limits = Limits { bytes: 256 * 1024, values: 4096 };
