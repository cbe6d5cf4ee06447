//! A running `sk-sync serve`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a started server may take to write its port.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running `sk-sync serve`; killed when dropped.
#[derive(Debug)]
pub(crate) struct Served {
    /// The process.
    pub(crate) child: Child,
    stdout: BufReader<ChildStdout>,
    port: u16,
}

impl Served {
    /// Starts this command and waits until it has written its port into the file.
    pub(super) fn start(mut command: Command, port_file: &Path) -> Self {
        // A port of an earlier server would be taken for this one's.
        let _absent = std::fs::remove_file(port_file);
        let mut child = command
            .arg("--port-file")
            .arg(port_file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut served = Self {
            child,
            stdout: BufReader::new(stdout),
            port: 0,
        };
        let begun = Instant::now();
        while served.port == 0 {
            assert!(
                begun.elapsed() < PATIENCE,
                "no port in {} after {PATIENCE:?}",
                port_file.display()
            );
            assert!(
                served.child.try_wait().unwrap().is_none(),
                "serve ended before it listened"
            );
            let text = std::fs::read_to_string(port_file).unwrap_or_default();
            served.port = text.trim().parse().unwrap_or(0);
            std::thread::park_timeout(Duration::from_millis(5));
        }
        served
    }

    /// The base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its report of received events.
    pub(crate) fn report(&self) -> serde_json::Value {
        self.report_for("")
    }

    /// The counts, asked for with a token.
    pub(crate) fn report_for(&self, token: &str) -> serde_json::Value {
        self.ask("/__sk-sync__/report", token)
    }

    /// The document at a path.
    #[expect(
        clippy::disallowed_methods,
        reason = "the test asks the server without the client under test"
    )]
    pub(crate) fn ask(&self, path: &str, token: &str) -> serde_json::Value {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        write!(stream, "{head}Authorization: Bearer {token}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// The next line of its stdout.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
