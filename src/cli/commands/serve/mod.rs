//! `sk-sync serve`: runs a receiver.

mod forget;
mod place;
mod token;
mod webhook;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use self::place::databases;
use crate::base::files;
use crate::cli::receiver::over;
use crate::cli::values::duration;
use crate::cli::{Context, Exit, Failure};
use crate::serve::{DEFAULT_MAX_BYTES, DEFAULT_MAX_EVENTS, Options, Pages, Server, Storage};

/// Run a receiver, the server side.
///
/// Accepts events and documents over HTTP and recognises every event ID it has. Prints `listening
/// on http://…` when it is ready; Ctrl-C stops it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync serve --demo                                    three missions, to look at the pages
  sk-sync serve                                           on a free port, kept in memory
  sk-sync serve --listen 127.0.0.1:8400 --store got.db    on a fixed port, kept in a file
  sk-sync serve --store-env DATABASE_URL --migrate        in PostgreSQL (sk-sync-server)
  sk-sync serve token add ci --scope write --store got.db   make a token for clients")]
#[command(args_conflicts_with_subcommands = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate switch")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    /// Store to FILE instead of memory
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,

    /// Store to PostgreSQL; NAME holds its URL, or one per line
    #[arg(long, value_name = "NAME", conflicts_with = "store")]
    pub(crate) store_env: Option<String>,

    /// Store long documents in S3: `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "URL", requires = "store_env")]
    pub(crate) bodies: Option<String>,

    /// Begin with three missions to look at, in memory
    #[arg(long, conflicts_with_all = ["store", "store_env"])]
    pub(crate) demo: bool,

    /// Keep the tables of the pages in FILE (default: STORE.pages)
    #[arg(long, value_name = "FILE")]
    pub(crate) pages_store: Option<PathBuf>,

    /// Rebuild the tables of the pages from the store
    #[arg(long)]
    pub(crate) rebuild_pages: bool,

    /// Create or update the tables before listening
    #[arg(long, requires = "store_env")]
    pub(crate) migrate: bool,

    /// Create or update the tables, then exit
    #[arg(long, requires = "store_env", conflicts_with = "migrate")]
    pub(crate) migrate_only: bool,

    /// Most events per batch
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MAX_EVENTS, value_parser = events)]
    pub(crate) max_events: usize,

    /// Most bytes per batch, after decompression
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MAX_BYTES, value_parser = bytes)]
    pub(crate) max_bytes: usize,

    /// Require the bearer token in the environment variable NAME
    #[arg(long, value_name = "NAME")]
    pub(crate) token_env: Option<String>,

    /// Address for /healthz, /readyz and /metrics only
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) admin_listen: Option<SocketAddr>,

    /// Time to keep answering after a stop signal
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub(crate) drain_delay: Duration,

    /// Log each request to stderr
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) log: Option<RequestLog>,

    /// Write the port to FILE once it listens
    #[arg(long, value_name = "FILE")]
    pub(crate) port_file: Option<PathBuf>,
}

/// What else there is to do with a receiver's storage.
#[derive(Debug, clap::Subcommand)]
enum Command {
    Token(token::Args),
    Forget(Box<forget::Args>),
    Webhook(Box<webhook::Args>),
}

/// What a line about a request looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum RequestLog {
    /// One JSON object: time, route, status, milliseconds, and how many events were what
    Json,
}

/// A closed stderr must not stop the receiver.
fn write_line(line: &str) {
    let _closed = writeln!(std::io::stderr(), "{line}");
}

/// Upper limit of `--max-events`: a batch is held in memory.
const MOST_EVENTS: usize = 100_000;
/// Limits of `--max-bytes`: one event must fit, and a batch is held in memory.
const BYTES: std::ops::RangeInclusive<usize> = (64 << 10)..=(64 << 20);

fn events(text: &str) -> Result<usize, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=MOST_EVENTS).contains(number));
    number.ok_or_else(|| format!("expected a number from 1 to {MOST_EVENTS}"))
}

fn bytes(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| BYTES.contains(number));
    number.ok_or_else(|| {
        format!(
            "expected a number from {} to {}",
            BYTES.start(),
            BYTES.end()
        )
    })
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    match &args.command {
        Some(Command::Token(args)) => return token::run(context, args),
        Some(Command::Forget(args)) => return forget::run(context, args),
        Some(Command::Webhook(args)) => return webhook::run(context, args),
        None => {}
    }
    let options = Options {
        listen: args.listen,
        demo: args.demo,
        pages: pages(context, args),
        token: required_token(context, args)?,
        max_events: args.max_events,
        max_bytes: args.max_bytes,
        admin: args.admin_listen,
        requests: args.log.map(|_json| write_line as fn(&str)),
        ..over(storage(context, args)?)
    };
    #[cfg(feature = "postgres")]
    if args.migrate_only {
        crate::serve::migrate(&options)?;
        context
            .printer
            .result("the tables are those of this version");
        return Ok(Exit::Success);
    }
    let server = Server::start(options)?;
    if let Some(file) = &args.port_file {
        let port = server.origin().rsplit(':').next().unwrap_or_default();
        files::replace(&context.cwd.join(file), port.as_bytes()).map_err(|e| Failure::io(&e))?;
    }
    if args.token_env.is_none() && !args.listen.ip().is_loopback() {
        let what = "without a token, anyone who can reach this address can send and read; require one: --token-env NAME, or sk-sync serve token add";
        context.printer.warning(what);
    }
    context
        .printer
        .result(&format!("listening on {}", server.origin()));
    if let Some(origin) = server.admin_origin() {
        context.printer.result(&format!("probes on {origin}"));
    }
    context.printer.flush();
    server.wait(&context.interrupt);
    server.drain(args.drain_delay);
    server.stop();
    Ok(Exit::Success)
}

/// The file of the pages' tables: next to the store unless it is named.
fn pages(context: &Context, args: &Args) -> Pages {
    let file = match (&args.pages_store, &args.store) {
        (Some(file), _) => context.cwd.join(file),
        (None, Some(store)) => {
            let mut name = context.cwd.join(store).into_os_string();
            name.push(".pages");
            name.into()
        }
        (None, None) => return Pages::Temporary,
    };
    if args.rebuild_pages {
        Pages::Again(file)
    } else {
        Pages::File(file)
    }
}

/// The storage of received data.
fn storage(context: &Context, args: &Args) -> Result<Storage, Failure> {
    match (&args.store_env, &args.store) {
        (Some(name), _) => databases(
            context,
            name,
            args.migrate || args.migrate_only,
            args.bodies.as_deref(),
        ),
        (None, Some(file)) => Ok(Storage::File(context.cwd.join(file))),
        (None, None) => Ok(Storage::Memory),
    }
}

/// The token that requests must carry, from the variable named by `--token-env`.
fn required_token(context: &Context, args: &Args) -> Result<Option<SecretString>, Failure> {
    let Some(name) = &args.token_env else {
        return Ok(None);
    };
    match context.env.text(name) {
        Some(token) => Ok(Some(SecretString::from(token.to_owned()))),
        None => Err(
            Failure::usage(format!("--token-env: the variable {name} is not set"))
                .with_hint(format!("set {name} to the token that clients must send")),
        ),
    }
}
