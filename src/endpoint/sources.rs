//! Everybody who may name the target, and who of them wins. Pure.

use crate::base::Env;
use crate::base::env::{LEGACY_URL, TARGET_URL};
use crate::config::{Access, Origin, ReceiverKind, UrlSource, without_secrets};

use super::Error;
use super::address::{Address, Flaw};
use super::agreement::{Claim, Disagreement, Proposal, Slot};
use super::choice::Choice;
use super::named::Named;
use super::older::Older;
use super::resolved::OverrideMode;

/// Who may name an address of this receiver.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    /// The addresses of the configuration.
    pub(super) urls: &'a [UrlSource],
    /// The environment.
    pub(super) env: &'a Env,
    /// What an older version knew.
    pub(super) older: Option<&'a Older>,
    /// The receiver.
    pub(super) receiver: ReceiverKind,
}

/// Why there is no one target.
#[derive(Debug)]
pub(super) enum Stop {
    /// Two sources disagree.
    Quarrel(Disagreement),
    /// A source names what cannot be a target.
    Flaw(Error),
}

impl From<Disagreement> for Stop {
    fn from(disagreement: Disagreement) -> Self {
        Self::Quarrel(disagreement)
    }
}

/// One address as a source writes it.
type Written<'a> = (Slot, &'a str, Origin);

impl<'a> Sources<'a> {
    /// The flag wins over all; the environment over files where it was told to; otherwise all must
    /// agree.
    pub(super) fn decide(&self, choice: &Choice<'_>) -> Result<(Proposal, OverrideMode), Stop> {
        let files = || proposals(self.in_files());
        let environment = || proposals(self.in_environment());
        if let Some(url) = choice.target_url {
            let flag = join_all(proposals([(
                Slot::Base,
                url,
                Origin::Flag("--target-url"),
            )])?)?;
            return Ok(winner(flag, [files(), environment()]));
        }
        if choice.is_environment_first {
            let environment = join_all(environment()?)?;
            if !environment.is_empty() {
                return Ok(winner(environment, [files()]));
            }
        }
        let all = files()?.into_iter().chain(environment()?).collect();
        Ok((join_all(all)?, OverrideMode::None))
    }

    /// Addresses in files, lowest layer first.
    pub(super) fn in_files(&self) -> impl Iterator<Item = Written<'a>> {
        let older = self
            .older
            .filter(|_| self.receiver.access() == Access::Token);
        let older = older.and_then(|older| older.server.as_ref());
        let older =
            older.map(|(path, url)| (Slot::Base, url.as_str(), Origin::OlderFile(path.clone())));
        older.into_iter().chain(
            self.keyed()
                .filter(|(.., origin)| !matches!(origin, Origin::Variable(_))),
        )
    }

    /// Addresses in the environment.
    pub(super) fn in_environment(&self) -> impl Iterator<Item = Written<'a>> {
        let named = [TARGET_URL, LEGACY_URL].into_iter().filter_map(|name| {
            let value = self.env.text(name)?.trim();
            (!value.is_empty()).then(|| (Slot::Base, value, Origin::Variable(name.to_owned())))
        });
        self.keyed()
            .filter(|(.., origin)| matches!(origin, Origin::Variable(_)))
            .chain(named)
    }

    /// Every source that names an address of this receiver, lowest layer first.
    pub(super) fn all(&self, choice: &Choice<'_>) -> Vec<Named> {
        let flag = choice
            .target_url
            .map(|url| (Slot::Base, url, Origin::Flag("--target-url")));
        let written = self.in_files().chain(self.in_environment()).chain(flag);
        let named = |(slot, url, origin): Written<'_>| Named {
            key: match &origin {
                Origin::OlderFile(_) => "sync.server_url",
                Origin::Flag(_) => "",
                Origin::Variable(name) if [TARGET_URL, LEGACY_URL].contains(&name.as_str()) => "",
                _ => self.key_of(slot),
            },
            url: without_secrets(url),
            origin,
        };
        written.map(named).collect()
    }

    fn keyed(&self) -> impl Iterator<Item = Written<'a>> {
        let slots = self
            .urls
            .iter()
            .map(|u| (self.slot(u.key), u.value.as_str(), u.origin.clone()));
        slots.filter_map(|(slot, value, origin)| Some((slot?, value, origin)))
    }

    fn key_of(&self, slot: Slot) -> &'static str {
        let keys = self.receiver.url_keys();
        match slot {
            Slot::Base => keys.base,
            Slot::Events => keys.events,
            Slot::Bodies => keys.bodies,
        }
    }

    fn slot(&self, key: &str) -> Option<Slot> {
        [Slot::Base, Slot::Events, Slot::Bodies]
            .into_iter()
            .find(|slot| self.key_of(*slot) == key)
    }
}

/// What wins, and whether that changed anything: losers that cannot be read or disagree count as
/// different.
fn winner(
    won: Proposal,
    losers: impl IntoIterator<Item = Result<Vec<Proposal>, Stop>>,
) -> (Proposal, OverrideMode) {
    let adds_nothing = |one: &Proposal| {
        won.clone()
            .join(one.clone())
            .is_ok_and(|joined| joined == won)
    };
    let is_same =
        |all: Result<Vec<Proposal>, Stop>| all.is_ok_and(|all| all.iter().all(adds_nothing));
    let mode = if losers.into_iter().all(is_same) {
        OverrideMode::None
    } else {
        OverrideMode::ProcessOverride
    };
    (won, mode)
}

/// Refuses what cannot be the address of a target; `from` says where it stands.
pub(crate) fn check_address(text: &str, from: &Origin, is_base: bool) -> Result<(), Error> {
    let address = read(text, from)?;
    if is_base {
        without_query(&address, text, from)
    } else {
        Ok(())
    }
}

/// Refuses a base URL with a query: nothing would be sent with it.
fn without_query(address: &Address, text: &str, from: &Origin) -> Result<(), Error> {
    if !address.has_query() {
        return Ok(());
    }
    let url = crate::base::text::printable(&without_secrets(text));
    Err(Error::Address {
        from: from.clone(),
        url,
        flaw: Flaw::Query,
    })
}

fn read(text: &str, from: &Origin) -> Result<Address, Error> {
    Address::read(text).map_err(|flaw| {
        let url = crate::base::text::printable(&without_secrets(text));
        Error::Address {
            from: from.clone(),
            url,
            flaw,
        }
    })
}

/// One proposal per file, and one for the whole environment.
fn proposals<'a>(written: impl IntoIterator<Item = Written<'a>>) -> Result<Vec<Proposal>, Stop> {
    let mut groups: Vec<(Origin, Proposal)> = Vec::new();
    for (slot, text, origin) in written {
        let address = read(text, &origin).map_err(Stop::Flaw)?;
        if slot == Slot::Base {
            without_query(&address, text, &origin).map_err(Stop::Flaw)?;
        }
        let claim = Claim {
            address,
            origin: origin.clone(),
        };
        let is_group = |of: &Origin| {
            *of == origin || matches!((of, &origin), (Origin::Variable(_), Origin::Variable(_)))
        };
        if let Some((_, proposal)) = groups.iter_mut().find(|(of, _)| is_group(of)) {
            proposal.add(slot, claim)?;
        } else {
            let mut proposal = Proposal::default();
            proposal.add(slot, claim)?;
            groups.push((origin, proposal));
        }
    }
    Ok(groups.into_iter().map(|(_, proposal)| proposal).collect())
}

fn join_all(all: Vec<Proposal>) -> Result<Proposal, Disagreement> {
    all.into_iter()
        .try_fold(Proposal::default(), Proposal::join)
}

/// A target was named for this program, and nothing is delivered there.
pub(super) fn idle_url(
    receiver: Option<ReceiverKind>,
    env: &Env,
    choice: &Choice<'_>,
) -> Option<String> {
    let delivery = match receiver {
        None => "none",
        Some(kind) if !kind.is_server() => kind.word(),
        Some(_) => return None,
    };
    let name = choice
        .target_url
        .map(|_| "--target-url")
        .or_else(|| env.text(TARGET_URL).map(|_| TARGET_URL))?;
    Some(format!(
        "{name} names a target, but delivery is `{delivery}`: choose --preset teamspace or --preset external-receiver"
    ))
}
