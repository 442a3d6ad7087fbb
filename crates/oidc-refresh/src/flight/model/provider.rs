//! A provider as far as refresh tokens go.

use oidc_core::Payload;

/// How a provider rotates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rotation {
    /// Single use; a second use revokes the whole family.
    Strict,
    /// A second use gives the same successor, until that one is used; after that it revokes the family.
    GraceSame,
    /// A second use gives another successor, until one of them is used; after that it revokes the family.
    GraceNew,
    /// The refresh token stays what it is.
    None,
    /// Single use; a second use is refused and harms nobody.
    Forgiving,
}

/// One refresh token, and what it was won with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tokens {
    /// The login at the provider.
    pub(super) family: u8,
    /// Which refresh token of the family.
    pub(super) number: u8,
    /// Which access token; all up to a certain one have ended.
    pub(super) access: u8,
}

impl Tokens {
    pub(super) fn payload(self) -> Payload {
        Payload::new(vec![self.family, self.number, self.access])
    }

    pub(super) fn of(payload: &Payload) -> Self {
        match *payload.as_bytes() {
            [family, number, access] => Self { family, number, access },
            _ => panic!("the model wrote these bytes"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Provider {
    rotation: Rotation,
    families: Vec<Family>,
    /// The newest access token.
    pub(super) access: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Family {
    revoked: bool,
    tokens: Vec<RefreshToken>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct RefreshToken {
    parent: Option<u8>,
    /// Its newest successor.
    child: Option<u8>,
    /// A successor was used: no grace any more.
    closed: bool,
    /// How often it was sent.
    sent: u8,
    /// The store has noted that it was refused.
    rejected: bool,
}

impl Provider {
    /// A provider with one login, whose access token has ended.
    pub(super) fn new(rotation: Rotation) -> Self {
        let first = Family { revoked: false, tokens: vec![RefreshToken::default()] };
        Self { rotation, families: vec![first], access: 0 }
    }

    pub(super) fn rotates(&self) -> bool {
        self.rotation != Rotation::None
    }

    /// A new login.
    pub(super) fn sign_in(&mut self) -> Tokens {
        self.families.push(Family { revoked: false, tokens: vec![RefreshToken::default()] });
        let family = u8::try_from(self.families.len() - 1).expect("few logins");
        Tokens { family, number: 0, access: self.next_access() }
    }

    /// Notes that a request was sent, whether it arrives or not.
    /// Returns how often it was, by now.
    pub(super) fn note_sent(&mut self, sent: Tokens) -> u8 {
        let token = self.token(sent);
        token.sent += 1;
        token.sent
    }

    /// Notes that the store knows of the refusal.
    pub(super) fn note_rejected(&mut self, refused: Tokens) {
        self.token(refused).rejected = true;
    }

    /// Whether the store knew at some time that this refresh token is refused.
    pub(super) fn was_rejected(&self, tokens: Tokens) -> bool {
        self.families[usize::from(tokens.family)].tokens[usize::from(tokens.number)].rejected
    }

    /// Handles a token request: new tokens, or a refusal.
    pub(super) fn handle(&mut self, sent: Tokens) -> Option<Tokens> {
        if self.families[usize::from(sent.family)].revoked {
            return None;
        }
        let number = self.spend(sent)?;
        Some(Tokens { number, access: self.next_access(), ..sent })
    }

    /// Whether a request with this refresh token would be honoured by the rules of every provider.
    pub(super) fn is_living(&self, tokens: Tokens) -> bool {
        let family = &self.families[usize::from(tokens.family)];
        !family.revoked && family.tokens[usize::from(tokens.number)].child.is_none()
    }

    pub(super) fn revoke(&mut self, tokens: Tokens) {
        self.families[usize::from(tokens.family)].revoked = true;
    }

    /// The number of the successor.
    fn spend(&mut self, sent: Tokens) -> Option<u8> {
        let token = self.token(sent).clone();
        match (self.rotation, token.child) {
            (Rotation::None, _) => Some(sent.number),
            (_, None) => {
                if let Some(parent) = token.parent {
                    self.token(Tokens { number: parent, ..sent }).closed = true;
                }
                Some(self.successor(sent))
            }
            (Rotation::GraceSame, child) if !token.closed => child,
            (Rotation::GraceNew, _) if !token.closed => Some(self.successor(sent)),
            (Rotation::Forgiving, _) => None,
            _ => {
                self.revoke(sent);
                None
            }
        }
    }

    fn successor(&mut self, sent: Tokens) -> u8 {
        let tokens = &mut self.families[usize::from(sent.family)].tokens;
        let number = u8::try_from(tokens.len()).expect("few rotations");
        tokens.push(RefreshToken { parent: Some(sent.number), ..RefreshToken::default() });
        tokens[usize::from(sent.number)].child = Some(number);
        number
    }

    fn token(&mut self, tokens: Tokens) -> &mut RefreshToken {
        &mut self.families[usize::from(tokens.family)].tokens[usize::from(tokens.number)]
    }

    fn next_access(&mut self) -> u8 {
        self.access += 1;
        self.access
    }
}
