//! Keeps logins alive: one credential (`RefreshingSource`) or many (`TokenPool`), each refresh token spent once.

mod flight;
