//! Where a receiver keeps what it receives: a SQLite file, or PostgreSQL and an object store.

use std::path::PathBuf;

#[cfg(feature = "postgres")]
use secrecy::SecretString;

use crate::base::text::printable;
use crate::cli::receiver::over;
use crate::cli::{Context, Failure};
use crate::serve::{Options, Storage};

/// Where the receiver keeps what it receives.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Place {
    /// SQLite file of the receiver
    #[arg(long, value_name = "FILE")]
    pub(super) store: Option<PathBuf>,
    /// PostgreSQL of the receiver; NAME holds its URL, or one per line
    #[arg(long, value_name = "NAME")]
    pub(super) store_env: Option<String>,
}

impl Place {
    /// The options of a receiver over this storage; long documents are in the object store
    /// `bodies`.
    pub(super) fn options(
        &self,
        context: &Context,
        bodies: Option<&str>,
    ) -> Result<Options, Failure> {
        match (&self.store_env, &self.store) {
            (Some(name), _) => Ok(over(databases(context, name, false, bodies)?)),
            (None, Some(file)) => Ok(over(Storage::File(context.cwd.join(file)))),
            (None, None) => Err(Failure::usage(
                "name the storage with --store or --store-env".to_owned(),
            )),
        }
    }
}

/// The failure for a name that the storage does not have; `see` lists the names.
pub(super) fn unknown(what: &str, name: &str, why: &str, see: &str) -> Failure {
    Failure::usage(format!(
        "cannot {what} {}: {why} has this name",
        printable(name)
    ))
    .with_hint(format!("`{see}` of the same storage lists the names"))
}

#[cfg(not(feature = "postgres"))]
pub(super) fn databases(
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
pub(super) fn databases(
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
