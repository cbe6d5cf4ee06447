//! TLS in front of a scripted server: bytes are forwarded unchanged.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use super::server::Server;

/// A file of `tests/fixtures/tls`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/tls")
        .join(name)
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    handshakes: AtomicUsize,
    is_over: AtomicBool,
}

/// A listener with a certificate; it ends when dropped.
pub(crate) struct Front {
    address: SocketAddr,
    seen: Arc<Seen>,
    thread: Option<JoinHandle<()>>,
}

impl Front {
    /// Listens for `server` with the certificate `leaf` of the fixtures.
    pub(crate) fn of(server: &Server, leaf: &str) -> Self {
        Self::with(server, leaf, None)
    }

    /// The same for clients that show a certificate of this authority alone.
    pub(crate) fn wanting_clients(server: &Server, leaf: &str, authority: &str) -> Self {
        Self::with(server, leaf, Some(authority))
    }

    fn with(server: &Server, leaf: &str, clients: Option<&str>) -> Self {
        let certificate = CertificateDer::from_pem_file(fixture(&format!("{leaf}.pem"))).unwrap();
        let key = PrivateKeyDer::from_pem_file(fixture(&format!("{leaf}.key"))).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = clients.map(|authority| {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_file(fixture(&format!("{authority}.pem"))).unwrap())
                .unwrap();
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .unwrap()
        });
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = match verifier {
            Some(verifier) => config.with_client_cert_verifier(verifier),
            None => config.with_no_client_auth(),
        };
        let config = Arc::new(config.with_single_cert(vec![certificate], key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let behind: SocketAddr = server
            .url()
            .strip_prefix("http://")
            .unwrap()
            .parse()
            .unwrap();
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let (stream, config, shared) =
                    (stream.unwrap(), Arc::clone(&config), Arc::clone(&shared));
                shared.connections.fetch_add(1, Ordering::SeqCst);
                // A client that rejects the connection ends only that one.
                std::thread::spawn(move || drop(attend(stream, config, behind, &shared)));
            }
        });
        Self {
            address,
            seen,
            thread: Some(thread),
        }
    }

    /// The base URL under this name of this machine.
    pub(crate) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}", self.address.port())
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How many came as far as being encrypted.
    pub(crate) fn handshakes(&self) -> usize {
        self.seen.handshakes.load(Ordering::SeqCst)
    }
}

impl Drop for Front {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test's own server wakes itself"
    )]
    fn drop(&mut self) {
        self.seen.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it sees that it is over.
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// Forwards one connection in both directions until either side closes it.
#[expect(
    clippy::disallowed_methods,
    reason = "the way on to the scripted server"
)]
fn attend(
    mut client: TcpStream,
    config: Arc<ServerConfig>,
    behind: SocketAddr,
    seen: &Seen,
) -> std::io::Result<()> {
    let mut tls = ServerConnection::new(config).map_err(std::io::Error::other)?;
    while tls.is_handshaking() {
        if let Err(error) = tls.complete_io(&mut client) {
            // The alert is in transit: a client that is still writing must not lose it to a reset.
            let _sent = tls.write_tls(&mut client);
            client.shutdown(Shutdown::Write)?;
            std::io::copy(&mut client, &mut std::io::sink())?;
            return Err(error);
        }
    }
    seen.handshakes.fetch_add(1, Ordering::SeqCst);
    let mut server = TcpStream::connect(behind)?;
    let tls = Arc::new(Mutex::new(tls));
    let (back, mut from_server, mut to_client) =
        (Arc::clone(&tls), server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 14];
        while let Ok(length @ 1..) = from_server.read(&mut buffer) {
            let mut tls = back.lock().unwrap();
            let mut send = || {
                tls.writer().write_all(&buffer[..length])?;
                while tls.wants_write() {
                    tls.write_tls(&mut to_client)?;
                }
                Ok::<_, std::io::Error>(())
            };
            if send().is_err() {
                return;
            }
        }
        let _closed = to_client.shutdown(Shutdown::Both);
    });
    let (mut buffer, mut length) = (vec![0; 1 << 14], 0);
    loop {
        // The end of the handshake may have brought a request with it, so available bytes are
        // forwarded first.
        let (mut rest, mut plain) = (&buffer[..length], Vec::new());
        {
            let mut tls = tls.lock().unwrap();
            loop {
                let ready = tls
                    .process_new_packets()
                    .map_err(std::io::Error::other)?
                    .plaintext_bytes_to_read();
                plain.resize(ready, 0);
                tls.reader().read_exact(&mut plain)?;
                server.write_all(&plain)?;
                if rest.is_empty() {
                    break;
                }
                tls.read_tls(&mut rest)?;
            }
        }
        length = client.read(&mut buffer)?;
        if length == 0 {
            return server.shutdown(Shutdown::Both);
        }
    }
}
