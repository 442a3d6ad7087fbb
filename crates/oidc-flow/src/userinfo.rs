//! What the provider tells about the user.

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header::ACCEPT};
use oidc_core::{AccessToken, ConfigError, Credential, Subject, TokenKey};
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
        let uri =
            metadata.userinfo_endpoint().and_then(|url| url.as_str().parse().ok()).ok_or_else(missing)?;
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = uri;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        let unusable = |_| EndpointError::Malformed { reason: "the access token cannot be attached" };
        Credential::new(access).apply(&mut request).map_err(unusable)?;
        Ok(request)
    }
}

const LIMITS: Limits = Limits { bytes: 256 * 1024, values: 4096 };

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;
    use oidc_core::{Lifetime, TransportError, TransportErrorKind};

    use super::*;
    use crate::fake::{client, provider};

    fn access() -> AccessToken {
        let lifetime = Lifetime::new(std::time::SystemTime::UNIX_EPOCH, None);
        AccessToken::bearer("canary-a".into(), lifetime).unwrap()
    }

    fn key(client: &OidcClient) -> TokenKey {
        client.key(Subject::user("jo").unwrap())
    }

    #[tokio::test]
    async fn the_claims_of_the_right_user_are_handed_over() {
        let (client, transport, _) = client(provider());
        transport.answer(200, r#"{"sub":"jo","email":"jo@canary.example","email_verified":"true"}"#);
        let info = client.userinfo(&key(&client), &access()).await.unwrap();
        assert_eq!(
            (info.subject(), info.claim::<String>("email").as_deref()),
            ("jo", Some("jo@canary.example"))
        );
        assert_eq!((info.claim::<bool>("email_verified"), info.claim::<String>("name")), (None, None));
        assert!(!format!("{info:?}").contains("canary"));
        let [request] = <[_; 1]>::try_from(transport.requests()).unwrap();
        assert_eq!(
            (request.method().as_str(), request.uri().to_string().as_str()),
            ("GET", "https://id.example/userinfo")
        );
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer canary-a");
        assert!(request.headers()[AUTHORIZATION].is_sensitive());
    }

    // IDT-16, IDT-17
    #[tokio::test]
    async fn another_users_claims_are_not() {
        let (client, transport, _) = client(provider());
        for body in [r#"{"sub":"mallory"}"#, r#"{"sub":"JO"}"#, r#"{"sub":"jo "}"#, r#"{"sub":""}"#] {
            transport.answer(200, body);
            let refused = client.userinfo(&key(&client), &access()).await;
            assert!(matches!(refused, Err(EndpointError::SubjectMismatch)), "{body}");
        }
        for body in
            ["", "{}", r#"{"sub":1}"#, r#"{"sub":"jo","sub":"jo"}"#, r#"["jo"]"#, "a.b.c", r#"{"sub":"jo"}x"#]
        {
            transport.answer(200, body);
            let refused = client.userinfo(&key(&client), &access()).await;
            assert!(matches!(refused, Err(EndpointError::Malformed { .. })), "{body}");
        }
    }

    #[tokio::test]
    async fn a_refusal_is_told_by_its_status() {
        let (client, transport, _) = client(provider());
        for status in [201, 302, 401, 403, 500] {
            transport.answer(status, r#"{"sub":"jo"}"#);
            let refused = client.userinfo(&key(&client), &access()).await;
            assert!(matches!(refused, Err(EndpointError::Status { status: told, .. }) if told == status));
        }
        transport.push(Err(TransportError::maybe_sent(TransportErrorKind::Timeout)));
        assert!(client.userinfo(&key(&client), &access()).await.unwrap_err().is_transient());
    }

    #[tokio::test]
    async fn another_clients_login_is_not_asked_for() {
        let (client, transport, _) = client(provider());
        let other = oidc_core::Issuer::new("https://id.example/").unwrap();
        for key in [
            client.key(Subject::App),
            TokenKey::new(client.provider().authority().clone(), "other", Subject::user("jo").unwrap()),
            TokenKey::new(other, client.client_id(), Subject::user("jo").unwrap()),
        ] {
            assert!(matches!(client.userinfo(&key, &access()).await, Err(EndpointError::Config(_))));
        }
        assert!(transport.requests().is_empty());
    }
}
