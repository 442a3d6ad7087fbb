//! The user's browser: follows redirects and keeps cookies, until it is sent back to the application.

use std::collections::BTreeMap;

use reqwest::{
    Client, RequestBuilder, Response,
    header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE},
    redirect::Policy,
};
use url::Url;

use crate::report::Broken;

/// Where the provider sends the user after a login. Nobody listens there: the browser stops before it.
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:7777/callback";
/// Where the provider sends the user after a logout.
pub(crate) const SIGNED_OUT_URI: &str = "http://127.0.0.1/signed-out";

/// More redirects than that are a loop.
const MOST_HOPS: usize = 10;

/// A browser with its cookies.
pub(crate) struct Browser {
    http: Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new() -> Result<Self, Broken> {
        let http = Client::builder().redirect(Policy::none()).no_proxy().build()?;
        Ok(Self { http, cookies: BTreeMap::new() })
    }

    /// Goes to `start` and follows redirects until one leads to `end`, which is returned whole.
    pub(crate) async fn visit(&mut self, start: &Url, end: &str) -> Result<Url, Broken> {
        let answer = self.send(self.http.get(start.clone())).await?;
        self.follow(start.clone(), answer, end).await
    }

    /// Goes to `page`, which shows a form, submits it, and follows redirects as [`visit`](Self::visit) does.
    pub(crate) async fn submit(&mut self, page: &Url, answer: &str, end: &str) -> Result<Url, Broken> {
        let html = self.send(self.http.get(page.clone())).await?.error_for_status()?.text().await?;
        let field = |name: &str| attribute(&html, name).ok_or_else(|| Broken::new("the page shows no form"));
        let action = page.join(field("action")?)?;
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("xsrf", field("value")?)
            .append_pair(answer, "yes")
            .finish();
        let form = self.http.post(action.clone()).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = self.send(form.body(body)).await?;
        self.follow(action, answer, end).await
    }

    async fn follow(&mut self, mut here: Url, mut answer: Response, end: &str) -> Result<Url, Broken> {
        for _ in 0..MOST_HOPS {
            let Some(next) = answer.headers().get(LOCATION) else {
                return Err(Broken::new(format!("{} on {} leads nowhere", answer.status(), here.path())));
            };
            here = here.join(next.to_str()?)?;
            if here.as_str().starts_with(end) {
                return Ok(here);
            }
            answer = self.send(self.http.get(here.clone())).await?;
        }
        Err(Broken::new("the provider redirects in a loop"))
    }

    /// Sends a request with the cookies, and takes in those of the answer: their paths and lifetimes do not matter here.
    async fn send(&mut self, request: RequestBuilder) -> Result<Response, Broken> {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.header(COOKIE, cookies.join("; ")).send().await?;
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().ok().and_then(|cookie| cookie.split(';').next()?.split_once('='));
            match pair {
                Some((name, "")) => drop(self.cookies.remove(name)),
                Some((name, value)) => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
                None => {}
            }
        }
        Ok(answer)
    }
}

/// The first attribute of that name in a page.
fn attribute<'h>(html: &'h str, name: &str) -> Option<&'h str> {
    html.split_once(&format!(" {name}=\""))?.1.split('"').next()
}
