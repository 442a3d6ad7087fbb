//! A provider as far as tokens go: rotation, reuse detection, grace, revocation.

use std::{collections::BTreeMap, time::Duration};

use super::history::{Access, Login, Refresh, TargetNumber, Verdict};

/// How a provider rotates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rotation {
    /// Single use; a second use revokes the whole family.
    Strict,
    /// For so long a second use gives the same successor again, until that one is used; after that it revokes the family.
    GraceSame(Duration),
    /// For so long a second use gives another successor, until one of them is used; after that it revokes the family.
    GraceNew(Duration),
    /// Single use; a second use is refused and harms nobody.
    Forgiving,
    /// The refresh token stays what it is.
    None,
}

#[derive(Debug)]
pub(super) struct Provider {
    rotation: Rotation,
    /// Renewing ends the access tokens of before, for the same target.
    ends_old_access: bool,
    life: Duration,
    families: Vec<Family>,
    access: BTreeMap<Access, (TargetNumber, Duration)>,
    issued: u16,
}

#[derive(Debug)]
struct Family {
    login: Login,
    revoked: bool,
    tokens: Vec<RefreshToken>,
}

#[derive(Clone, Debug, Default)]
struct RefreshToken {
    parent: Option<u16>,
    /// Its newest successor, and when it was first spent.
    child: Option<(u16, Duration)>,
    /// A successor was used: no grace any more.
    closed: bool,
}

impl Provider {
    pub(super) fn new(rotation: Rotation, ends_old_access: bool, life: Duration) -> Self {
        Self { rotation, ends_old_access, life, families: Vec::new(), access: BTreeMap::new(), issued: 0 }
    }

    /// Somebody logs in.
    pub(super) fn grant(&mut self, login: Login, now: Duration) -> (Refresh, Access) {
        let family = u16::try_from(self.families.len()).unwrap();
        self.families.push(Family { login, revoked: false, tokens: vec![RefreshToken::default()] });
        (Refresh { family, number: 0 }, self.issue(family, 0, now))
    }

    pub(super) fn login_of(&self, family: u16) -> Login {
        self.families[usize::from(family)].login
    }

    /// Deals with a token request; `life` is what the answer says of the access token.
    pub(super) fn handle(
        &mut self,
        sent: Refresh,
        target: TargetNumber,
        now: Duration,
        life: Option<Duration>,
    ) -> Verdict {
        if self.families[usize::from(sent.family)].revoked {
            return Verdict::Refused;
        }
        match self.spend(sent, now) {
            Ok(refresh) => {
                if self.ends_old_access {
                    self.end_access(sent.family, Some(target), now);
                }
                Verdict::Issued { access: self.issue(sent.family, target, now), refresh, life }
            }
            Err(verdict) => {
                if verdict == Verdict::Reused {
                    self.revoke(sent.family, now);
                }
                verdict
            }
        }
    }

    /// Ends a login at the provider.
    pub(super) fn revoke(&mut self, family: u16, now: Duration) {
        self.families[usize::from(family)].revoked = true;
        self.end_access(family, None, now);
    }

    /// Ends the access tokens of a login early, all or those for one target; the login lives on.
    pub(super) fn end_access(&mut self, family: u16, target: Option<TargetNumber>, now: Duration) {
        for (access, (other, ends_at)) in &mut self.access {
            if access.family == family && target.is_none_or(|target| target == *other) {
                *ends_at = now.min(*ends_at);
            }
        }
    }

    /// Whether an API takes this token.
    pub(super) fn takes(&self, access: Access, now: Duration) -> bool {
        self.access.get(&access).is_some_and(|(_, ends_at)| now < *ends_at)
    }

    /// The login at the provider that somebody has had for the longest time and that still lives.
    pub(super) fn living(&self) -> Option<u16> {
        self.families.iter().position(|family| !family.revoked).map(|index| u16::try_from(index).unwrap())
    }

    fn issue(&mut self, family: u16, target: TargetNumber, now: Duration) -> Access {
        self.issued += 1;
        let access = Access { family, number: self.issued };
        self.access.insert(access, (target, now + self.life));
        access
    }

    fn spend(&mut self, sent: Refresh, now: Duration) -> Result<Refresh, Verdict> {
        let token = self.token(sent).clone();
        let in_grace = |window| !token.closed && token.child.is_some_and(|(_, spent)| now < spent + window);
        let number = match (self.rotation, token.child) {
            (Rotation::None, _) => sent.number,
            (_, None) => {
                if let Some(parent) = token.parent {
                    self.token(Refresh { number: parent, ..sent }).closed = true;
                }
                self.succeed(sent, now)
            }
            (Rotation::GraceSame(window), Some((child, _))) if in_grace(window) => child,
            (Rotation::GraceNew(window), Some(_)) if in_grace(window) => self.succeed(sent, now),
            (Rotation::Forgiving, Some(_)) => return Err(Verdict::Spent),
            _ => return Err(Verdict::Reused),
        };
        Ok(Refresh { number, ..sent })
    }

    fn succeed(&mut self, sent: Refresh, now: Duration) -> u16 {
        let tokens = &mut self.families[usize::from(sent.family)].tokens;
        let number = u16::try_from(tokens.len()).unwrap();
        tokens.push(RefreshToken { parent: Some(sent.number), ..RefreshToken::default() });
        let spent = tokens[usize::from(sent.number)].child.map_or(now, |(_, spent)| spent);
        tokens[usize::from(sent.number)].child = Some((number, spent));
        number
    }

    fn token(&mut self, token: Refresh) -> &mut RefreshToken {
        &mut self.families[usize::from(token.family)].tokens[usize::from(token.number)]
    }
}
