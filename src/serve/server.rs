//! A running receiver: its threads, from binding the address to the last commit.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};

use super::access::Known;
use super::app::App;
use super::connection::listener::{LimitedListener, OnConnection};
use super::endpoints::probes;
use super::engine::token;
use super::limits::Limits;
use super::metrics::Metrics;
use super::model::{self, Model};
use super::opening::{open, runtime};
use super::router::router;
use super::thread::spawn;
use super::traffic::Traffic;
use super::{Error, Options, Pages, demo, webhook_send};
use crate::base::Interrupt;
use crate::base::clock::is_lost;

/// How long requests that are being answered may still take after a stop was asked for.
const GRACE: Duration = Duration::from_secs(10);
/// How often a waiting caller looks for an interruption.
const LOOK: Duration = Duration::from_millis(50);

/// A receiver that is bound and answers, on its own threads. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Server {
    origin: String,
    admin_origin: Option<String>,
    is_draining: Arc<AtomicBool>,
    stop: Option<oneshot::Sender<()>>,
    /// Carries nothing; closes when the receiver has ended.
    ended: Receiver<Infallible>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Binds the address, opens the storage, and begins to answer.
    pub(crate) fn start(options: Options) -> Result<Self, Error> {
        if options
            .token
            .as_ref()
            .is_some_and(|token| token.expose_secret().trim().is_empty())
        {
            return Err(Error::EmptyToken);
        }
        if is_lost() {
            return Err(Error::LostClock);
        }
        let listener = bind(options.listen)?;
        let admin = options.admin.map(bind).transpose()?;
        let admin_origin = admin
            .as_ref()
            .map(|admin| admin.local_addr().map_err(Error::Start))
            .transpose()?;
        let address = listener.local_addr().map_err(Error::Start)?;
        let runtime = runtime(&options.store)?;
        let traffic = Arc::<Traffic>::default();
        let (engine, keeping) = open(&runtime, &options, &traffic)?;
        if options.demo {
            runtime
                .block_on(demo::fill(engine.as_ref()))
                .map_err(Error::Demo)?;
        }
        let model = match &options.pages {
            Pages::None => None,
            Pages::Temporary => Some(Model::open(None)?),
            Pages::File(path) => Some(Model::open(Some(path))?),
            Pages::Again(path) => {
                let model = Model::open(Some(path))?;
                model.rebuild()?;
                Some(model)
            }
        };
        let is_draining = Arc::<AtomicBool>::default();
        let app = App {
            limits: Limits {
                max_events: options.max_events,
                max_bytes: options.max_bytes,
            },
            token: options
                .token
                .as_ref()
                .map(|token| token::digest(token.expose_secret())),
            known: Known::default(),
            deployment: options.deployment,
            traffic: Arc::clone(&traffic),
            engine,
            model,
            random: options.random,
            clock: options.clock,
            metrics: Metrics::default(),
            requests: options.requests,
            is_draining: Arc::clone(&is_draining),
        };

        let (stop, stopped) = oneshot::channel();
        let (end, ended) = channel::<Infallible>();
        let answering = spawn("serve-http", move || {
            let app = Arc::new(app);
            let following = app
                .model
                .clone()
                .map(|model| runtime.spawn(model::follow(model, Arc::clone(&app.engine))));
            let sending = runtime.spawn(webhook_send::run(Arc::clone(&app)));
            answer(&runtime, listener, admin, &app, stopped);
            sending.abort();
            following.inspect(tokio::task::JoinHandle::abort);
            // Ends what is still open, so that the storage's queue closes.
            drop(runtime);
            drop(end);
        })?;
        let origin = format!("http://{address}");
        let threads = [answering].into_iter().chain(keeping).collect();
        let admin_origin = admin_origin.map(|address| format!("http://{address}"));
        Ok(Self {
            origin,
            admin_origin,
            is_draining,
            stop: Some(stop),
            ended,
            threads,
        })
    }

    /// Where it listens, as `http://127.0.0.1:4711`.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Where the probes have a separate address.
    pub(crate) fn admin_origin(&self) -> Option<&str> {
        self.admin_origin.as_deref()
    }

    /// Says that it is not ready and closes connections after their answer, and goes on answering
    /// for this long, so that balancers look elsewhere before the stop.
    pub(crate) fn drain(&self, delay: Duration) {
        self.is_draining.store(true, Ordering::Relaxed);
        let _ended = self.ended.recv_timeout(delay);
    }

    /// Stops accepting, lets current requests end within a time limit, and returns after the
    /// storage's last commit.
    pub(crate) fn stop(self) {
        drop(self);
    }

    /// Returns when an interruption is requested, or when the receiver has ended.
    pub(crate) fn wait(&self, interrupt: &Interrupt) {
        while !interrupt.is_requested()
            && self.ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout)
        {}
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Open pages close their streams.
        self.is_draining.store(true, Ordering::Relaxed);
        self.stop = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                log::error!("a thread of the receiver ended early");
            }
        }
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    use std::io::ErrorKind;
    TcpListener::bind(address).map_err(|reason| match reason.kind() {
        ErrorKind::AddrInUse => Error::AddressInUse(address),
        ErrorKind::AddrNotAvailable => Error::AddressNotAvailable(address),
        _ => Error::Listen { address, reason },
    })
}

/// Answers requests until `stopped` resolves, and then the current ones.
fn answer(
    runtime: &Runtime,
    listener: TcpListener,
    admin: Option<TcpListener>,
    app: &Arc<App>,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        let (close, closing) = watch::channel(());
        let mut all = Vec::new();
        let listeners = [(Some(listener), router(app)), (admin, probes::admin(app))];
        for (listener, router) in listeners
            .into_iter()
            .filter_map(|(listener, router)| Some((listener?, router)))
        {
            let listening = listener
                .set_nonblocking(true)
                .and_then(|()| tokio::net::TcpListener::from_std(listener));
            let listener = match listening {
                Ok(listener) => LimitedListener::new(listener, Arc::clone(&app.traffic)),
                Err(e) => return log::error!("cannot listen: {e}"),
            };
            let mut closing = closing.clone();
            let signal = async move { while closing.changed().await.is_ok() {} };
            let service = router.into_make_service_with_connect_info::<OnConnection>();
            let serving = axum::serve(listener, service).with_graceful_shutdown(signal);
            all.push(tokio::spawn(serving.into_future()));
        }
        stopped.await.ok();
        drop(close);
        let ending = async {
            for serving in all {
                serving.await.ok();
            }
        };
        tokio::time::timeout(GRACE, ending).await.ok();
    });
}
