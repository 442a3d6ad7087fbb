//! The rows DIS, as far as they are about the document.

use oidc_core::TransportErrorKind;
use oidc_testkit::ManualClock;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::{
        Endpoint, Profile,
        fake::{FakeWeb, Page},
    },
    *,
};
use crate::SigningAlgorithm;

const ISSUER: &str = "https://id.example/t";
const PLACE: &str = "https://id.example/t/.well-known/openid-configuration";

fn provider() -> Provider {
    Provider::discover(Issuer::new(ISSUER).unwrap())
}

fn document() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://id.example/authorize",
        "token_endpoint": "https://id.example/token",
        "jwks_uri": "https://keys.example/keys",
    })
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut document = document();
    document[name] = value.into();
    document
}

struct Discovery {
    web: FakeWeb,
    provider: Provider,
    pin: Arc<OnceLock<Pin>>,
}

impl Discovery {
    fn new(provider: Provider) -> Self {
        Self { web: FakeWeb::new(), provider, pin: Arc::default() }
    }

    async fn run(&self) -> Result<Arc<ProviderMetadata>, ProviderErrorKind> {
        let web = self.web.with(&ManualClock::new());
        let issuer = self.provider.authority();
        let found = discover(&self.provider, issuer, &web, &self.pin).await;
        found.map(|fetched| fetched.value).map_err(|error| error.kind())
    }
}

async fn read_text(text: impl ToString) -> Result<Arc<ProviderMetadata>, ProviderErrorKind> {
    let discovery = Discovery::new(provider());
    discovery.web.put(PLACE, text);
    discovery.run().await
}

#[test]
fn the_document_is_looked_for_in_two_places() {
    for (issuer, appended, inserted) in [
        (
            "https://a.b",
            "https://a.b/.well-known/openid-configuration",
            "https://a.b/.well-known/oauth-authorization-server",
        ),
        (
            "https://a.b/",
            "https://a.b/.well-known/openid-configuration",
            "https://a.b/.well-known/oauth-authorization-server",
        ),
        (
            "https://a.b/x/y/",
            "https://a.b/x/y/.well-known/openid-configuration",
            "https://a.b/.well-known/oauth-authorization-server/x/y",
        ),
        (
            "https://a.b:8443/x%20y",
            "https://a.b:8443/x%20y/.well-known/openid-configuration",
            "https://a.b:8443/.well-known/oauth-authorization-server/x%20y",
        ),
    ] {
        let found = locations(&Issuer::new(issuer).unwrap()).unwrap();
        assert_eq!(found.each_ref().map(Url::as_str), [appended, inserted]);
    }
}

#[tokio::test]
async fn the_second_place_counts_where_the_first_has_nothing() {
    let discovery = Discovery::new(provider());
    assert_eq!(discovery.run().await, Err(ProviderErrorKind::Refused { status: 404 }));
    assert_eq!(discovery.web.requests().len(), 2);

    let second = "https://id.example/.well-known/oauth-authorization-server/t";
    discovery.web.put(second, document());
    assert!(discovery.run().await.is_ok());
    discovery.web.put(second, with("issuer", "https://id.example"));
    assert_eq!(discovery.run().await, Err(ProviderErrorKind::IssuerMismatch));
}

#[tokio::test]
async fn the_second_place_does_not_stand_in_for_a_bad_first() {
    let discovery = Discovery::new(provider());
    discovery.web.put("https://id.example/.well-known/oauth-authorization-server/t", document());
    discovery.web.put(PLACE, "<html>");
    assert!(matches!(discovery.run().await, Err(ProviderErrorKind::Malformed { .. })));
    for status in [500, 502, 503, 429, 408] {
        discovery.web.put_status(PLACE, status);
        assert_eq!(discovery.run().await, Err(ProviderErrorKind::Unreachable), "{status}");
    }
    discovery.web.put_page(PLACE, Page::Failure(TransportErrorKind::Tls));
    assert_eq!(discovery.run().await, Err(ProviderErrorKind::Unreachable));
    assert!(discovery.web.requests().iter().all(|url| url == PLACE));
}

// DIS-01, DIS-02, IDT-19
#[tokio::test]
async fn the_issuer_is_exactly_the_configured_one() {
    assert_eq!(read_text(document()).await.unwrap().issuer().unwrap().as_str(), ISSUER);
    for other in [
        "https://id.example/t/",
        "https://id.example/T",
        "https://ID.example/t",
        "https://id.example:443/t",
        "https://id.example/t?",
        "https://id.example/t#",
        "https://id.example/other",
        "https://evil.example/t",
        "http://id.example/t",
        "https://id.example/%74",
        "https://id.example/t ",
        "\u{feff}https://id.example/t",
        "",
        "https://id.example/{tenantid}",
        "https://id.example/\u{442}",
    ] {
        assert_eq!(read_text(with("issuer", other)).await, Err(ProviderErrorKind::IssuerMismatch), "{other}");
    }
    for odd in [json!(null), json!([ISSUER]), json!(1), json!({"issuer": ISSUER})] {
        assert!(matches!(read_text(with("issuer", odd)).await, Err(ProviderErrorKind::Malformed { .. })));
    }
    let mut without = document();
    without.as_object_mut().unwrap().remove("issuer");
    assert!(matches!(read_text(without).await, Err(ProviderErrorKind::Malformed { .. })));
}

// DIS-02
#[tokio::test]
async fn of_several_exact_issuers_the_first_that_is_seen_stays() {
    let slashed = Issuer::new("https://id.example/t/").unwrap();
    let discovery = Discovery::new(provider().with_profile(Profile::default().with_issuer(slashed)));
    discovery.web.put(PLACE, with("issuer", "https://id.example/t/"));
    assert_eq!(discovery.run().await.unwrap().issuer().unwrap().as_str(), "https://id.example/t/");
    discovery.web.put(PLACE, document());
    assert_eq!(discovery.run().await, Err(ProviderErrorKind::IssuerMismatch));
}

// DIS-04, DIS-18, DIS-19
#[tokio::test]
async fn one_bad_endpoint_refuses_the_whole_document() {
    for endpoint in Endpoint::ALL {
        let field = endpoint.field();
        for url in [
            "http://id.example/x",
            "javascript:alert(1)",
            "file:///x",
            "https://u@id.example/x",
            "https://id.example/x#y",
        ] {
            let refused = read_text(with(field, url)).await;
            assert_eq!(refused, Err(ProviderErrorKind::InsecureEndpoint { field }), "{field} {url}");
        }
        let refused = read_text(with(field, "https://id.example/x?client_id=evil")).await;
        assert_eq!(refused, Err(ProviderErrorKind::ReservedParameter { field }));
    }
}

// DIS-03, DIS-04
#[tokio::test]
async fn plain_http_on_this_machine_is_an_explicit_choice() {
    let local = with("token_endpoint", "http://127.0.0.1:9000/token");
    assert!(read_text(&local).await.is_err());
    let discovery = Discovery::new(provider().allow_insecure_loopback());
    discovery.web.put(PLACE, &local);
    assert!(discovery.run().await.is_ok());
    discovery.web.put(PLACE, with("token_endpoint", "http://id.example/token"));
    assert!(discovery.run().await.is_err());
}

// DIS-16
#[tokio::test]
async fn odd_optional_members_count_as_not_said() {
    let plain = read_text(document()).await.unwrap();
    for name in [
        "userinfo_endpoint",
        "revocation_endpoint",
        "end_session_endpoint",
        "introspection_endpoint",
        "device_authorization_endpoint",
        "pushed_authorization_request_endpoint",
        "code_challenge_methods_supported",
        "id_token_signing_alg_values_supported",
        "token_endpoint_auth_methods_supported",
        "authorization_response_iss_parameter_supported",
        "op_policy_uri",
        "unknown",
    ] {
        for odd in [json!(null), json!(1), json!({}), json!([]), json!([1, null]), json!(false)] {
            assert_eq!(read_text(with(name, odd.clone())).await.as_ref(), Ok(&plain), "{name} {odd}");
        }
    }
    for text in ["", "/userinfo", "not a URL"] {
        let read = read_text(with("userinfo_endpoint", text)).await;
        assert_eq!(read.is_ok(), text != "not a URL", "{text}");
    }
    assert!(
        read_text(with("authorization_response_iss_parameter_supported", "true"))
            .await
            .unwrap()
            .iss_parameter
    );
    let methods = read_text(with("token_endpoint_auth_methods_supported", "none")).await.unwrap();
    assert_eq!(methods.token_endpoint_auth_methods_supported(), ["none"]);
}

#[tokio::test]
async fn a_document_may_have_few_endpoints() {
    let metadata =
        read_text(json!({"issuer": ISSUER, "token_endpoint": "https://id.example/token"})).await.unwrap();
    assert_eq!((metadata.authorization_endpoint(), metadata.jwks_uri()), (None, None));
    assert!(metadata.token_endpoint().is_some());
}

// JOS-01, JOS-02
#[tokio::test]
async fn a_document_cannot_widen_the_algorithms() {
    let read = |algorithms: Value| read_text(with("id_token_signing_alg_values_supported", algorithms));
    let metadata = read(json!(["none", "HS256", "ES256K", "ES256", "RS256", 7])).await.unwrap();
    let expected = [SigningAlgorithm::Es256, SigningAlgorithm::Rs256];
    assert_eq!(metadata.id_token_signing_alg_values_supported(), expected);
    assert_eq!(read(json!(["none", "HS256"])).await.unwrap().id_token_signing_alg_values_supported(), []);
}

// DIS-15
#[tokio::test]
async fn pkce_is_not_talked_down() {
    let read = |methods: Value| read_text(with("code_challenge_methods_supported", methods));
    for good in [json!(["S256"]), json!(["plain", "S256"]), json!("S256"), json!([])] {
        assert!(read(good.clone()).await.is_ok(), "{good}");
    }
    for bad in [json!(["plain"]), json!("plain"), json!(["s256"]), json!(["S512", ""])] {
        assert_eq!(read(bad.clone()).await, Err(ProviderErrorKind::PkceUnsupported), "{bad}");
    }
}

// DIS-09, DIS-10, DIS-11
#[tokio::test]
async fn what_is_no_document_is_refused() {
    for text in
        ["", "<html></html>", "null", "[]", "\"x\"", "{", "{}{}", "{\"issuer\":\"https://id.example/t\",}"]
    {
        assert!(matches!(read_text(text).await, Err(ProviderErrorKind::Malformed { .. })), "{text}");
    }
    for twice in [
        r#""token_endpoint":"https://evil.example""#,
        r#""\u0074oken_endpoint":"https://evil.example""#,
        r#""x":{"y":1,"y":2}"#,
    ] {
        let text = document().to_string().replacen('{', &format!("{{{twice},"), 1);
        assert_eq!(read_text(text).await, Err(ProviderErrorKind::DuplicateMember), "{twice}");
    }
    for large in [
        with("x", "a".repeat(10 << 20)).to_string(),
        document().to_string().replacen(
            '{',
            &format!(r#"{{"x":{}1{},"#, "[".repeat(10_000), "]".repeat(10_000)),
            1,
        ),
        " ".repeat(256 * 1024 + 1),
    ] {
        assert_eq!(read_text(large).await, Err(ProviderErrorKind::TooLarge));
    }
    let marked = format!("\u{feff}{}", document());
    assert!(read_text(marked).await.is_ok());
}

// DIS-07
#[tokio::test]
async fn endpoints_stay_at_the_origins_of_the_first_document() {
    let discovery = Discovery::new(provider());
    discovery.web.put(PLACE, document());
    let first = discovery.run().await.unwrap();
    assert_eq!(first.jwks_uri().unwrap().as_str(), "https://keys.example/keys");
    for (good, url) in [
        (true, "https://id.example/token2"),
        (true, "https://keys.example/token"),
        (true, "https://id.example:443/token"),
        (false, "https://evil.example/token"),
        (false, "https://id.example:8443/token"),
        (false, "https://sub.id.example/token"),
    ] {
        discovery.web.put(PLACE, with("token_endpoint", url));
        match discovery.run().await {
            Ok(_) => assert!(good, "{url}"),
            Err(error) => {
                assert!(!good, "{url}");
                assert_eq!(error, ProviderErrorKind::EndpointMoved { field: "token_endpoint" });
            }
        }
    }
}

// DIS-08
#[tokio::test]
async fn redirects_are_not_followed() {
    for status in [301, 302, 303, 307, 308, 304] {
        let discovery = Discovery::new(provider());
        let headers = vec![("location", "https://id.example/other".to_owned())];
        discovery.web.put_page(PLACE, Page::Answer(status, headers, document().to_string().into()));
        discovery.web.put("https://id.example/other", document());
        assert_eq!(discovery.run().await, Err(ProviderErrorKind::Redirected), "{status}");
        assert_eq!(discovery.web.requests(), [PLACE]);
    }
}

proptest! {
    // DIS-09, DIS-11
    #[test]
    fn reading_never_panics(text in any::<String>(), name in "[a-z_]{1,30}", value in any::<String>()) {
        for body in [text, with(&name, value).to_string()] {
            let _ = document::read(body.as_bytes(), &provider(), None);
        }
    }
}
