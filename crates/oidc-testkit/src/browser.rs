//! The user's browser, as far as a login needs one.

use std::io;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::Url;

/// What came back when the browser opened a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    status: StatusCode,
    location: Option<Url>,
    body: String,
}

/// Opens an `http` URL with GET and does not follow where it redirects to: what is needed of a browser
/// between the start of a login and its callback.
///
/// ```
/// # async fn example(authorize_url: &str) -> std::io::Result<()> {
/// let visit = oidc_testkit::browse(authorize_url).await?;
/// let callback: &str = visit.callback_query()?; // code=…&state=…&iss=…
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Where the URL is not an `http` one, nobody answers at it, or the answer is not HTTP or longer than 1 MiB.
pub async fn browse(url: &str) -> io::Result<Visit> {
    let url = Url::parse(url).map_err(invalid)?;
    let (Some(host), Some(port), "http") = (url.host_str(), url.port_or_known_default(), url.scheme()) else {
        return Err(invalid("the browser opens only http URLs"));
    };
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let request = Request::get(target).header(header::HOST, format!("{host}:{port}"));
    let request = request.body(Empty::<Bytes>::new()).map_err(invalid)?;
    // The connection lives as long as the sender, so that has to go with the exchange.
    let exchange = async {
        let mut sender = sender;
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, 1024 * 1024).collect().await.map_err(io::Error::other)?;
        Ok::<_, io::Error>((head, body.to_bytes()))
    };
    let (exchanged, _) = tokio::join!(exchange, connection);
    let (head, body) = exchanged?;
    let location = head.headers.get(header::LOCATION).map(|value| {
        let text = value.to_str().map_err(invalid)?;
        url.join(text).map_err(invalid)
    });
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Visit { status: head.status, location: location.transpose()?, body })
}

impl Visit {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Where the answer redirects to.
    pub fn location(&self) -> Option<&Url> {
        self.location.as_ref()
    }

    /// The body of the answer.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The query of the URL that the answer redirects to: what the callback of a login gets.
    ///
    /// # Errors
    /// Where the answer does not redirect, or to a URL without a query: it is the provider's error page.
    pub fn callback_query(&self) -> io::Result<&str> {
        let query = self.location().filter(|_| self.status.is_redirection()).and_then(Url::query);
        query.ok_or_else(|| io::Error::other(format!("no redirect, status {}: {}", self.status, self.body)))
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}
