//! Aritma ID, its API and a browser, all on this machine.

use std::{sync::Arc, time::Duration};

use axum::{Json, Router, http::HeaderMap, http::StatusCode, http::header, routing::get};
use examples::{Error, Outcome, Stopwatch};
use oidc_kit::{ClientAuth, Issuer, OidcClient, Origins, ReqwestTransport, Secret, provider::aritma_id};
use oidc_testkit::{ClientAuthentication, Endpoint, TestClient, TestProvider};
use serde_json::json;
use tokio::net::TcpListener;

use crate::app::App;

pub(crate) async fn play(watch: &Stopwatch) -> Outcome {
    let (web, api) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    let web_url = format!("http://{}", web.local_addr()?);
    let api_url = format!("http://{}", api.local_addr()?);
    let redirect_uri = format!("{web_url}/callback");
    let provider = TestProvider::builder()
        .path(Endpoint::Authorize, "/connect/authorize")
        .path(Endpoint::Token, "/connect/token")
        .client(
            TestClient::confidential("web-app", "s3cret")
                .authentication(ClientAuthentication::Post)
                .redirect_uri(&redirect_uri),
        )
        .access_token_lifetime(Duration::from_secs(2))
        .start()
        .await?;
    let provider = Arc::new(provider);
    let client = OidcClient::builder(
        aritma_id(Issuer::insecure_loopback(provider.issuer())?)?.allow_insecure_loopback(),
        "web-app",
    )
    .auth(ClientAuth::secret_post(Secret::from("s3cret")))
    .redirect_uri(&redirect_uri)
    .build(ReqwestTransport::builder(Default::default()).allow_loopback().build()?)?;
    let app = App::new(client, &api_url, Origins::insecure_loopback([api_url.as_str()])?)?;
    tokio::spawn(axum::serve(web, app.router()).into_future());
    tokio::spawn(axum::serve(api, company_api(provider.clone())).into_future());
    watch.say(format_args!("web app at {web_url}, Aritma ID at {}", provider.issuer()));

    let browser = Browser::new()?;
    let page = browser.open(&web_url).await?;
    watch.say(format_args!("the user logs in and sees: {}", text_of(&page)));
    watch.pause(Duration::from_secs(3)).await;
    let page = browser.open(&format!("{web_url}/companies")).await?;
    watch.say(format_args!("and again, after the token has ended: {}", text_of(&page)));
    let judge = provider.judge();
    watch.say(format_args!("{} login, {} refresh", judge.logins, judge.refreshes_accepted));
    let as_promised = page.contains("Fjord AS") && judge.logins == 1 && judge.refreshes_accepted == 1;
    as_promised.then_some(()).ok_or_else(|| "not as promised".into())
}

/// `/api/v3/companies`, for live tokens only.
fn company_api(provider: Arc<TestProvider>) -> Router {
    let companies = get(move |headers: HeaderMap| async move {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        match value.and_then(|value| value.strip_prefix("Bearer ")) {
            Some(token) if provider.is_live(token) => {
                Ok(Json(json!([{ "name": "Fjord AS" }, { "name": "Fjell AS" }])))
            }
            _ => Err((StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")])),
        }
    });
    Router::new().route("/api/v3/companies", companies)
}

/// Follows redirects and keeps cookies, as a browser does.
struct Browser {
    client: reqwest::Client,
    cookies: std::sync::Mutex<Vec<String>>,
}

impl Browser {
    fn new() -> Result<Self, Error> {
        let client =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
        Ok(Self { client, cookies: Default::default() })
    }

    async fn open(&self, url: &str) -> Result<String, Error> {
        let mut url = url::Url::parse(url)?;
        for _ in 0..10 {
            let cookies = self.cookies.lock().map_err(|_| "poisoned")?.join("; ");
            let response = self.client.get(url.clone()).header(header::COOKIE, cookies).send().await?;
            for cookie in response.headers().get_all(header::SET_COOKIE) {
                let pair = cookie.to_str()?.split(';').next().unwrap_or_default().to_owned();
                self.cookies.lock().map_err(|_| "poisoned")?.push(pair);
            }
            match response.headers().get(header::LOCATION) {
                Some(location) => url = url.join(location.to_str()?)?,
                None => return Ok(response.text().await?),
            }
        }
        Err("too many redirects".into())
    }
}

fn text_of(page: &str) -> String {
    let mut text = String::new();
    let mut inside_tag = false;
    for letter in page.chars() {
        match letter {
            '<' => inside_tag = true,
            '>' => {
                inside_tag = false;
                text.push(' ');
            }
            _ if !inside_tag => text.push(letter),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
