//! `sk-sync serve`: the receiving side.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use crate::base::clock::SystemClock;
use crate::base::files;
use crate::base::ids::SystemIds;
use crate::cli::{Context, Exit, Failure};
use crate::serve::{DEFAULT_MAX_BYTES, DEFAULT_MAX_EVENTS, Deployment, Options, Server, Storage};

/// Run a receiver: the server side, for tests and self-hosters.
///
/// Takes events and bodies over HTTP, remembers every event id, and answers as the contract says. Prints
/// `listening on http://…` once it does; ends with Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync serve                                           on a free port, kept in memory
  sk-sync serve --listen 127.0.0.1:8400 --store got.db    on a fixed port, kept in a file")]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    /// Keep what is received in FILE, instead of in memory
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,

    /// Want the bearer token that the environment variable NAME holds
    #[arg(long, value_name = "NAME")]
    pub(crate) token_env: Option<String>,

    /// Write the port to FILE once it is open
    #[arg(long, value_name = "FILE")]
    pub(crate) port_file: Option<PathBuf>,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let server = Server::start(Options {
        listen: args.listen,
        store: args.store.as_ref().map_or(Storage::Memory, |file| Storage::File(context.cwd.join(file))),
        token: token(context, args)?,
        max_events: DEFAULT_MAX_EVENTS,
        max_bytes: DEFAULT_MAX_BYTES,
        deployment: Deployment::default(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds::default()),
        random: fastrand::f64,
    })?;
    if let Some(file) = &args.port_file {
        let port = server.origin().rsplit(':').next().unwrap_or_default();
        files::replace(&context.cwd.join(file), port.as_bytes()).map_err(|e| Failure::io(&e))?;
    }
    if args.token_env.is_none() && !args.listen.ip().is_loopback() {
        let what = "anybody who reaches this address may send and read the report; --token-env NAME asks for a token";
        context.printer.warning(what);
    }
    context.printer.result(&format!("listening on {}", server.origin()));
    context.printer.flush();
    server.wait(&context.interrupt);
    server.stop();
    Ok(Exit::Success)
}

/// The token that requests must bring, from the variable that `--token-env` names.
fn token(context: &Context, args: &Args) -> Result<Option<SecretString>, Failure> {
    let Some(name) = &args.token_env else { return Ok(None) };
    match context.env.text(name) {
        Some(token) => Ok(Some(SecretString::from(token.to_owned()))),
        None => Err(Failure::usage(format!("--token-env: the variable {name} is not set"))
            .with_hint(format!("set {name} to the token that clients must send"))),
    }
}
