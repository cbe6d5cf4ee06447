//! `sk-sync serve`: runs a receiver.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::{serve_forget, serve_token, serve_webhook};
use crate::base::clock::SystemClock;
use crate::base::files;
use crate::base::ids::SystemIds;
use crate::cli::args::duration;
use crate::cli::{Context, Exit, Failure};
use crate::serve::{
    DEFAULT_MAX_BYTES, DEFAULT_MAX_EVENTS, Deployment, Options, Pages, Server, Storage,
};

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
    Token(serve_token::Args),
    Forget(Box<serve_forget::Args>),
    Webhook(Box<serve_webhook::Args>),
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

/// The options of a receiver over this storage.
fn over(store: Storage) -> Options {
    Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        store,
        demo: false,
        pages: Pages::None,
        token: None,
        max_events: DEFAULT_MAX_EVENTS,
        max_bytes: DEFAULT_MAX_BYTES,
        deployment: Deployment::default(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds::default()),
        random: fastrand::f64,
        admin: None,
        requests: None,
    }
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let at =
        |place: &serve_token::Place, bodies: Option<&str>| match (&place.store_env, &place.store) {
            (Some(name), _) => Ok(over(databases(context, name, false, bodies)?)),
            (None, Some(file)) => Ok(over(Storage::File(context.cwd.join(file)))),
            (None, None) => Err(Failure::usage(
                "name the storage with --store or --store-env".to_owned(),
            )),
        };
    match &args.command {
        Some(Command::Token(token)) => {
            return serve_token::run(context, token, |place| at(place, None));
        }
        Some(Command::Forget(forget)) => return serve_forget::run(context, forget, at),
        Some(Command::Webhook(webhook)) => {
            return serve_webhook::run(context, webhook, |place| at(place, None));
        }
        None => {}
    }
    let options = Options {
        listen: args.listen,
        demo: args.demo,
        pages: pages(context, args),
        token: token(context, args)?,
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

#[cfg(not(feature = "postgres"))]
fn databases(
    _context: &Context,
    name: &str,
    _migrate: bool,
    _bodies: Option<&str>,
) -> Result<Storage, Failure> {
    Err(Failure::usage(format!(
        "--store-env {name}: this build of sk-sync cannot use PostgreSQL"
    ))
    .with_hint("build sk-sync-server: cargo build --release --features postgres"))
}

#[cfg(feature = "postgres")]
fn databases(
    context: &Context,
    name: &str,
    migrate: bool,
    bodies: Option<&str>,
) -> Result<Storage, Failure> {
    use crate::base::env::CERTIFICATES;
    use crate::serve::{Databases, Migrate};
    let lacking = |what: &str| {
        Failure::usage(format!("--store-env: the variable {name} {what}")).with_hint(format!(
            "set {name} to postgres://USER:PASSWORD@HOST/DATABASE"
        ))
    };
    let text = context
        .env
        .text(name)
        .ok_or_else(|| lacking("is not set"))?;
    let urls: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let is_url = |url: &&str| url.starts_with("postgres://") || url.starts_with("postgresql://");
    if urls.is_empty() || !urls.iter().all(is_url) {
        return Err(lacking("does not hold a postgres:// URL in each line"));
    }
    let authorities = context.env.path(CERTIFICATES).map(|file| {
        let read = std::fs::read(&file)
            .map_err(|e| e.to_string())
            .and_then(|pem| crate::http::Authorities::read(&pem));
        read.map_err(|flaw| {
            Failure::usage(format!(
                "{CERTIFICATES}: {} {flaw}",
                crate::base::text::path(&file)
            ))
        })
    });
    Ok(Storage::Databases(Box::new(Databases {
        urls: urls.into_iter().map(SecretString::from).collect(),
        migrate: if migrate {
            Migrate::Apply
        } else {
            Migrate::Refuse
        },
        authorities: authorities.transpose()?,
        bodies: bodies
            .map(|address| object_store(context, address))
            .transpose()?,
    })))
}

#[cfg(feature = "postgres")]
fn object_store(context: &Context, address: &str) -> Result<crate::serve::ObjectStore, Failure> {
    use crate::serve::{Keys, ObjectStore};
    let text = |name: &str| context.env.text(name).map(str::to_owned);
    let needed = |name: &str| {
        text(name).ok_or_else(|| {
            Failure::usage(format!("--bodies: the variable {name} is not set"))
                .with_hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        })
    };
    let keys = Keys {
        id: needed("AWS_ACCESS_KEY_ID")?,
        secret: needed("AWS_SECRET_ACCESS_KEY")?.into(),
        session: text("AWS_SESSION_TOKEN").map(SecretString::from),
        region: text("AWS_REGION").or_else(|| text("AWS_DEFAULT_REGION")),
    };
    ObjectStore::read(address, keys).map_err(|flaw| {
        Failure::usage(format!("--bodies: {flaw}"))
            .with_hint("expected s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION")
    })
}

/// The token that requests must carry, from the variable named by `--token-env`.
fn token(context: &Context, args: &Args) -> Result<Option<SecretString>, Failure> {
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
