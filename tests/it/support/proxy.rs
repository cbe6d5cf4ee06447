//! A proxy that is asked to `CONNECT`: it leads every name to one server, and may want a password.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A running proxy; it ends when dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Leads to `behind` (an URL of this machine). With `password`, asks for exactly this
    /// `user:password`.
    pub(crate) fn to(behind: &str, password: Option<&str>) -> Self {
        let authority = behind
            .split_once("://")
            .unwrap()
            .1
            .replace("localhost", "127.0.0.1");
        let behind: SocketAddr = authority.parse().unwrap();
        let wanted = password.map(|text| {
            use base64::Engine as _;
            format!(
                "Proxy-Authorization: Basic {}",
                base64::engine::general_purpose::STANDARD.encode(text)
            )
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (heads, is_over) = (
            Arc::<Mutex<Vec<String>>>::default(),
            Arc::<AtomicBool>::default(),
        );
        let (noted, ended) = (Arc::clone(&heads), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || {
            for client in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let (client, noted, wanted) = (client.unwrap(), Arc::clone(&noted), wanted.clone());
                std::thread::spawn(move || drop(attend(client, behind, wanted.as_deref(), &noted)));
            }
        });
        Self {
            address,
            heads,
            is_over,
            thread: Some(thread),
        }
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// The first line of every request.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    #[expect(clippy::disallowed_methods, reason = "a test's own proxy wakes itself")]
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the way on to the server behind the proxy"
)]
fn attend(
    mut client: TcpStream,
    behind: SocketAddr,
    wanted: Option<&str>,
    noted: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    noted
        .lock()
        .unwrap()
        .push(head.lines().next().unwrap_or_default().to_owned());
    if wanted.is_some_and(|wanted| !head.lines().any(|line| line.eq_ignore_ascii_case(wanted))) {
        let refusal =
            b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n";
        return client.write_all(refusal);
    }
    let mut server = TcpStream::connect(behind)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut back, mut forth) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        drop(std::io::copy(&mut back, &mut forth));
        drop(forth.shutdown(Shutdown::Both));
    });
    drop(std::io::copy(&mut client, &mut server));
    server.shutdown(Shutdown::Both)
}
