//! What a login asks for.

use std::{collections::BTreeSet, time::Duration};

use oauth2::CsrfToken;
use oidc_core::{ConfigError, Scopes, Subject, Target, is_reserved_parameter};

use super::{LoginStart, Prompt, start::Plan};
use crate::{LoginError, OidcClient, provider::IdTokens, redirect};

/// A login in the making. [`start`](Self::start) gives the URL to send the user to.
#[derive(Debug)]
#[must_use]
pub struct LoginRequest {
    client: OidcClient,
    scopes: Vec<String>,
    offline_access: bool,
    prompts: Vec<Prompt>,
    acr_values: Vec<String>,
    max_age: Option<Duration>,
    login_hint: Option<String>,
    ui_locales: Vec<String>,
    resources: Vec<String>,
    parameters: Vec<(String, String)>,
    redirect_uri: Option<String>,
    user: Option<String>,
    oauth_only: bool,
}

impl LoginRequest {
    pub(crate) fn new(client: OidcClient) -> Self {
        Self {
            client,
            scopes: Vec::new(),
            offline_access: false,
            prompts: Vec::new(),
            acr_values: Vec::new(),
            max_age: None,
            login_hint: None,
            ui_locales: Vec::new(),
            resources: Vec::new(),
            parameters: Vec::new(),
            redirect_uri: None,
            user: None,
            oauth_only: false,
        }
    }

    /// Adds scopes, one per item. `openid` is added by itself, except in plain OAuth mode.
    pub fn scopes<I, S>(mut self, scopes: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// Asks for a refresh token: adds the scope `offline_access` (OIDC Core §11), or what the provider's profile names instead.
    pub fn offline_access(mut self) -> Self {
        self.offline_access = true;
        self
    }

    /// Adds what the provider should ask the user. Several may be added; [`Prompt::None`] stands alone.
    pub fn prompt(mut self, prompt: Prompt) -> Self {
        self.prompts.push(prompt);
        self
    }

    /// Adds the classes of authentication that are wanted, best first (`acr_values`). The provider may do otherwise:
    /// [`IdTokenClaims::acr`](crate::IdTokenClaims::acr) says what it did.
    pub fn acr_values<I, S>(mut self, values: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        self.acr_values.extend(values.into_iter().map(Into::into));
        self
    }

    /// Sets how long ago the user may have been authenticated, in whole seconds. The ID token must prove it.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Sets who is probably logging in: a name or an e-mail address for the provider's form.
    pub fn login_hint(mut self, hint: impl Into<String>) -> Self {
        self.login_hint = Some(hint.into());
        self
    }

    /// Adds the languages of the provider's pages, best first, as BCP 47 tags.
    pub fn ui_locales<I, S>(mut self, locales: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        self.ui_locales.extend(locales.into_iter().map(Into::into));
        self
    }

    /// Adds a resource that the access token is for (RFC 8707): an absolute URI without fragment. It goes to the token endpoint too.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// Adds a parameter that the protocol does not set and that has no method of its own, such as `audience`.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Sets where the user comes back to, in place of the client's setting: for apps that listen on a port of the moment.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// Plain OAuth 2.0: adds no `openid` and no nonce, expects no ID token and claims nothing about the user. Implied where the
    /// provider's profile says that there are no ID tokens.
    pub fn oauth_only(mut self) -> Self {
        self.oauth_only = true;
        self
    }

    /// Names the user that the tokens will belong to, as the application knows the user. Only where no ID token says so; default
    /// there: a name of this login's own, made up at random. It is what [`Session::key`](crate::Session::key) is made of.
    pub fn user(mut self, id: impl Into<String>) -> Self {
        self.user = Some(id.into());
        self
    }

    /// Finishes the request: asks for the provider's metadata if it is not known yet, and makes state, nonce and PKCE verifier. Dropping
    /// the future does no harm.
    ///
    /// # Errors
    /// [`LoginError::Config`] where the request cannot work, before anything is sent; [`LoginError::Provider`] where the provider
    /// cannot be used.
    pub async fn start(self) -> Result<LoginStart, LoginError> {
        let client = self.client.clone();
        let plan = self.into_plan()?;
        let metadata = client.0.provider.metadata().await?;
        plan.start(&client, &metadata)
    }

    fn into_plan(self) -> Result<Plan, ConfigError> {
        let id_tokens = match self.client.provider().profile().id_tokens() {
            _ if self.oauth_only => IdTokens::Never,
            of_the_profile => of_the_profile,
        };
        let plan = Plan {
            redirect_uri: self.checked_redirect_uri(id_tokens)?,
            subject: self.subject(id_tokens)?,
            scopes: self.all_scopes(id_tokens)?,
            max_age: self.checked_max_age(id_tokens)?,
            has_nonce: id_tokens != IdTokens::Never,
            resources: self.checked_resources()?,
            parameters: self.all_parameters()?,
        };
        let parameters = plan.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        self.client.provider().profile().check_parameters(parameters)?;
        Ok(plan)
    }

    fn checked_redirect_uri(&self, id_tokens: IdTokens) -> Result<Option<String>, ConfigError> {
        match self.redirect_uri.as_ref().or(self.client.0.redirect_uri.as_ref()) {
            Some(uri) => redirect::check("redirect_uri", uri).map(|()| Some(uri.clone())),
            None if id_tokens == IdTokens::Never => Ok(None),
            None => Err(ConfigError::Missing { field: "redirect_uri" }),
        }
    }

    fn subject(&self, id_tokens: IdTokens) -> Result<Option<Subject>, ConfigError> {
        match (&self.user, id_tokens) {
            (None, IdTokens::Required) => Ok(None),
            (Some(_), IdTokens::Required) => {
                Err(ConfigError::Invalid { field: "user", reason: "the ID token says who the user is" })
            }
            (Some(user), _) => Subject::user(user).map(Some),
            (None, _) => Subject::user(CsrfToken::new_random().into_secret()).map(Some),
        }
    }

    /// In the order that people write them: `openid`, `offline_access`, then the others.
    fn all_scopes(&self, id_tokens: IdTokens) -> Result<Vec<String>, ConfigError> {
        let openid = (id_tokens != IdTokens::Never).then_some("openid");
        let offline = self.client.provider().profile().offline_access().filter(|_| self.offline_access);
        let first: Vec<&str> = ["openid", "offline_access"]
            .into_iter()
            .filter(|first| self.scopes.iter().any(|scope| scope == first) || openid == Some(first))
            .chain(offline)
            .collect();
        let all = Scopes::new(first.iter().copied().chain(self.scopes.iter().map(String::as_str)))?;
        let mut seen = BTreeSet::new();
        Ok(first
            .into_iter()
            .chain(all.iter())
            .filter(|scope| seen.insert(*scope))
            .map(str::to_owned)
            .collect())
    }

    fn checked_max_age(&self, id_tokens: IdTokens) -> Result<Option<Duration>, ConfigError> {
        match self.max_age {
            Some(_) if id_tokens == IdTokens::Never => Err(ConfigError::Invalid {
                field: "max_age",
                reason: "nothing proves it without an ID token",
            }),
            max_age => Ok(max_age.map(|age| Duration::from_secs(age.as_secs()))),
        }
    }

    fn checked_resources(&self) -> Result<Vec<String>, ConfigError> {
        let check = |target: Target, resource: &String| target.with_resource(resource);
        let target = self.resources.iter().try_fold(Target::granted(), check)?;
        Ok(target.resources().map(str::to_owned).collect())
    }

    /// The optional parameters, and those of the application.
    fn all_parameters(&self) -> Result<Vec<(String, String)>, ConfigError> {
        if self.prompts.len() > 1 && self.prompts.contains(&Prompt::None) {
            return Err(ConfigError::Invalid { field: "prompt", reason: "none stands alone" });
        }
        let prompts: Vec<_> = self.prompts.iter().map(|prompt| prompt.as_str().to_owned()).collect();
        let lists = [
            ("prompt", list("prompt", &prompts)?),
            ("acr_values", list("acr_values", &self.acr_values)?),
            ("max_age", self.max_age.map(|age| age.as_secs().to_string())),
            ("login_hint", self.login_hint.clone()),
            ("ui_locales", list("ui_locales", &self.ui_locales)?),
        ];
        let mut all: Vec<_> =
            lists.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        for (name, value) in &self.parameters {
            check_parameter(name)?;
            if all.iter().any(|(other, _)| other == name) {
                return Err(ConfigError::Invalid { field: "parameter", reason: "there twice" });
            }
            all.push((name.clone(), value.clone()));
        }
        Ok(all)
    }
}

/// # Errors
/// [`ConfigError::ReservedParameter`] for what the protocol sets, what has a method of its own, and what would replace the whole
/// request (RFC 9101).
fn check_parameter(name: &str) -> Result<(), ConfigError> {
    const OWN: [&str; 11] = [
        "acr_values",
        "iss",
        "login_hint",
        "max_age",
        "prompt",
        "request",
        "request_uri",
        "resource",
        "response",
        "scope",
        "ui_locales",
    ];
    if name.is_empty() {
        return Err(ConfigError::Empty { field: "parameter" });
    }
    if is_reserved_parameter(name) || OWN.contains(&name) {
        return Err(ConfigError::ReservedParameter { name: name.to_owned() });
    }
    Ok(())
}

/// A list of words, separated by spaces. `None` where there are none.
fn list(field: &'static str, words: &[String]) -> Result<Option<String>, ConfigError> {
    let is_word = |word: &String| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
    match words {
        [] => Ok(None),
        words if words.iter().all(is_word) => Ok(Some(words.join(" "))),
        _ => Err(ConfigError::Invalid { field, reason: "an item is empty or not visible ASCII" }),
    }
}

#[cfg(test)]
mod tests;
