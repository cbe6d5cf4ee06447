//! A project in which everything is delivered: the usual state.

use super::error::Error;
use super::ground::Ground;
use super::receiver::Receiver;
use super::site::Site;
use super::stage::Stage;

/// A site with nothing left to send, and the URL of the server that has everything. The server no
/// longer runs.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) site: Site,
    pub(super) url: String,
    pub(super) depth: u64,
}

impl Settled {
    /// A site with `depth` events, all delivered; created once for all users of `ground`.
    pub(super) fn at(
        stage: &Stage,
        ground: &Ground,
        depth: u64,
        progress: &dyn Fn(&str),
    ) -> Result<Self, Error> {
        let name = format!("settled-{depth}");
        let note = ground.path(&name).join("url");
        let known = std::fs::read_to_string(&note).ok();
        let site = Site::that_sends(stage, ground, &name)?;
        if let Some(url) = known {
            return Ok(Self { site, url, depth });
        }
        progress(&format!("preparing {depth} delivered events"));
        site.prefill(depth)?;
        let receiver = Receiver::start(site.command(&[]), None)?;
        let (drain, _) = site.drain(&receiver.url)?;
        if drain.success != depth {
            return Err(Error::Work(format!(
                "{} of {depth} events were delivered",
                drain.success
            )));
        }
        std::fs::write(&note, &receiver.url)?;
        Ok(Self {
            url: receiver.url.clone(),
            site,
            depth,
        })
    }

    /// `args` followed by the arguments that name the server.
    pub(super) fn with_target<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        [args, &["--target-url", &self.url]].concat()
    }
}
