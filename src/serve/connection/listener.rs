//! Accepting connections, bounded in number: at the limit the idlest one gives way to the next.

use std::collections::HashMap;
use std::io::Result;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::timed::{Activity, TimedStream};
use crate::serve::engine::count::Count;
use crate::serve::traffic::Traffic;

/// The most connections at a time.
const MAX_CONNECTIONS: usize = 256;

/// An open connection: closed when its sender is dropped.
#[derive(Debug)]
struct Open {
    activity: Arc<Activity>,
    hold: oneshot::Sender<()>,
}

/// Accepts connections and counts them.
#[derive(Debug)]
pub(in crate::serve) struct LimitedListener {
    listener: TcpListener,
    open: HashMap<u64, Open>,
    next: u64,
    traffic: Arc<Traffic>,
}

impl LimitedListener {
    pub(in crate::serve) fn new(listener: TcpListener, traffic: Arc<Traffic>) -> Self {
        Self {
            listener,
            open: HashMap::new(),
            next: 0,
            traffic,
        }
    }

    /// Makes room for one more connection.
    fn make_room(&mut self) {
        if self.open.len() >= MAX_CONNECTIONS {
            self.open
                .retain(|_, connection| !connection.hold.is_closed());
        }
        while self.open.len() >= MAX_CONNECTIONS {
            let idlest = self
                .open
                .iter()
                .min_by_key(|(_, connection)| connection.activity.milestone());
            let Some(id) = idlest.map(|(id, _)| *id) else {
                return;
            };
            self.open.remove(&id);
            log::warn!("{MAX_CONNECTIONS} connections are open: the idlest one was closed");
        }
    }
}

impl Listener for LimitedListener {
    type Io = TimedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TimedStream, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        self.traffic.count(Count::Connections);
        if let Err(e) = stream.set_nodelay(true) {
            log::debug!("cannot set TCP_NODELAY for {address}: {e}");
        }
        self.make_room();
        let activity = Arc::new(Activity::begin());
        let (hold, given_up) = oneshot::channel();
        self.open.insert(
            self.next,
            Open {
                activity: Arc::clone(&activity),
                hold,
            },
        );
        self.next += 1;
        (TimedStream::new(stream, activity, given_up), address)
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// What a request knows of its connection.
#[derive(Debug, Clone)]
pub(in crate::serve) struct OnConnection(pub(in crate::serve) Arc<Activity>);

impl Connected<IncomingStream<'_, LimitedListener>> for OnConnection {
    fn connect_info(stream: IncomingStream<'_, LimitedListener>) -> Self {
        Self(Arc::clone(stream.io().activity()))
    }
}
