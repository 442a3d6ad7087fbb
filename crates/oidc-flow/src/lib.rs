//! Speaks to OAuth 2.0 and OpenID Connect providers: discovery, login, grants, ID tokens, logout.
