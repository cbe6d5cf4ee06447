//! A receiver in this process: its options, and the embedded one on a loopback port.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use crate::base::clock::SystemClock;
use crate::base::ids::SystemIds;
use crate::ops::Stub;
use crate::serve::{
    DEFAULT_MAX_BYTES, DEFAULT_MAX_EVENTS, Deployment, Options, Pages, Server, Storage,
};

/// The options of a receiver over this storage, on a free loopback port.
pub(crate) fn over(store: Storage) -> Options {
    Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
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

/// Starts the embedded receiver on a free loopback port.
pub(crate) fn start_stub(store: &Path) -> Result<Stub, String> {
    let server = Server::start(over(Storage::File(store.to_owned()))).map_err(|e| e.to_string())?;
    Ok(Stub {
        origin: server.origin().to_owned(),
        guard: Box::new(server),
    })
}
