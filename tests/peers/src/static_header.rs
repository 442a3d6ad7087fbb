//! tower-http: a header that never changes. It manages no token, and is what all others are compared with.

use tower::Layer;
use tower_http::auth::{AddAuthorization, AddAuthorizationLayer};

use crate::request::{Answers, token};

pub const NAME: &str = "tower-http AddAuthorizationLayer (static)";

pub fn service() -> AddAuthorization<Answers> {
    AddAuthorizationLayer::bearer(&token()).as_sensitive(true).layer(Answers)
}
