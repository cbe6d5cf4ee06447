//! A receiver in a separate process, so that its processor time is not counted for the client.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::error::Error;

/// A running `sk-sync serve` on a loopback port; ended on drop.
#[derive(Debug)]
pub(super) struct Receiver {
    child: Child,
    /// Its base URL.
    pub(super) url: String,
}

impl Receiver {
    /// Starts `serve` with the beginning `command`; it stores in `store`, or in memory for `None`.
    pub(super) fn start(mut command: Command, store: Option<&Path>) -> Result<Self, Error> {
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(store) = store {
            command.arg("--store").arg(store);
        }
        let mut child = command.spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap_or_default()
            .to_owned();
        let receiver = Self { child, url };
        if receiver.url.is_empty() {
            return Err(Error::Work("the receiver did not start".to_owned()));
        }
        Ok(receiver)
    }

    /// Its socket address.
    pub(super) fn address(&self) -> Result<SocketAddr, Error> {
        address(&self.url)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// The socket address in a base URL with a numeric host.
fn address(url: &str) -> Result<SocketAddr, Error> {
    let parsed = url
        .rsplit('/')
        .next()
        .and_then(|authority| authority.parse().ok());
    parsed.ok_or_else(|| {
        Error::Work(format!(
            "the receiver's address is not one of digits: {url}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_end_of_the_url() {
        assert_eq!(
            address("http://127.0.0.1:80").unwrap(),
            SocketAddr::from(([127, 0, 0, 1], 80))
        );
        assert!(address("http://localhost:80").is_err());
    }
}
