//! Providers whose ways are known, as data.

use oidc_core::{ConfigError, Issuer};

use super::{IdTokens, Profile, Provider, ProviderMetadata};

/// An environment of Apiture Digital Banking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Environment {
    /// Live financial institutions.
    Production,
    /// Customer acceptance test.
    Cat,
    /// The second customer acceptance test.
    Cat2,
}

impl Environment {
    fn authority(self) -> &'static str {
        match self {
            Self::Production => "https://auth.apiture.com/oidc/",
            Self::Cat => "https://cat-oidc.apiture-comm-preprod.com/oidc/",
            Self::Cat2 => "https://cat2-oidc.apiture-comm-preprod.com/oidc/",
        }
    }
}

/// Apiture Digital Banking, by discovery.
///
/// - Its root authority ends in a slash; the issuer may be spelled with it or without it, and the first spelling that its metadata
///   shows is the only one from then on.
/// - Its documentation demands the scope `openid` and names four members of the token answer, none of which is an ID token: one
///   that comes is verified, none is needed ([`IdTokens::IfPresent`]).
pub fn apiture(environment: Environment) -> Provider {
    let authority = environment.authority();
    let profile = Profile::default()
        .with_issuer(constant_issuer(authority.trim_end_matches('/')))
        .with_id_tokens(IdTokens::IfPresent);
    Provider::discover(constant_issuer(authority)).with_profile(profile)
}

/// Aritma ID, whose installation has this base URL.
///
/// - Users log in at `/connect/authorize`, tokens come from `/connect/token`; there is no discovery.
/// - Neither issuer nor keys are documented, so there are no verified claims ([`IdTokens::Never`]). Who knows them describes the
///   provider with [`ProviderMetadata::builder`] instead.
/// - `acr_values` with `mfa` needs `prompt` with `login` beside it.
///
/// # Errors
/// [`ConfigError::Url`] where no endpoint can be made of `base`.
pub fn aritma_id(base: Issuer) -> Result<Provider, ConfigError> {
    let root = base.as_str().trim_end_matches('/').to_owned();
    let metadata = ProviderMetadata::builder_without_issuer(base)
        .authorization_endpoint(format!("{root}/connect/authorize"))?
        .token_endpoint(format!("{root}/connect/token"))?
        .build()?;
    let profile = Profile::default()
        .with_id_tokens(IdTokens::Never)
        .with_rule(("acr_values", "mfa"), ("prompt", "login"));
    Ok(Provider::by_hand(metadata).with_profile(profile))
}

#[expect(clippy::expect_used, reason = "three constants, all of which a test parses")]
fn constant_issuer(issuer: &str) -> Issuer {
    Issuer::new(issuer).expect("an https URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apiture_has_the_authorities_of_its_documentation() {
        for (environment, authority) in [
            (Environment::Production, "https://auth.apiture.com/oidc/"),
            (Environment::Cat, "https://cat-oidc.apiture-comm-preprod.com/oidc/"),
            (Environment::Cat2, "https://cat2-oidc.apiture-comm-preprod.com/oidc/"),
        ] {
            let provider = apiture(environment);
            assert_eq!(provider.authority().as_str(), authority);
            let others: Vec<_> = provider.profile().issuers().iter().map(Issuer::as_str).collect();
            assert_eq!(others, [authority.strip_suffix('/').unwrap()]);
            assert_eq!(provider.profile().id_tokens(), IdTokens::IfPresent);
        }
    }

    #[test]
    fn aritma_is_described_by_hand_and_claims_nothing() {
        for base in ["https://id.aritma.example", "https://id.aritma.example/"] {
            let provider = aritma_id(Issuer::new(base).unwrap()).unwrap();
            let super::super::Source::ByHand(metadata) = &provider.source else { panic!("discovered") };
            assert_eq!(
                metadata.authorization_endpoint().unwrap().as_str(),
                "https://id.aritma.example/connect/authorize"
            );
            assert_eq!(
                metadata.token_endpoint().unwrap().as_str(),
                "https://id.aritma.example/connect/token"
            );
            assert_eq!((metadata.issuer(), metadata.jwks_uri()), (None, None));
            assert_eq!(provider.profile().id_tokens(), IdTokens::Never);
        }
        let mfa = |prompt| {
            let profile =
                aritma_id(Issuer::new("https://id.aritma.example").unwrap()).unwrap().profile().clone();
            profile.check_parameters([("acr_values", "mfa"), ("prompt", prompt)].into_iter())
        };
        assert!(mfa("login").is_ok());
        assert!(mfa("consent").is_err());
    }
}
