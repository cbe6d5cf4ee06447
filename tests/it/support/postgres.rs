//! A PostgreSQL that a test may kill: its own directory, port and processes.

use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::pause;

/// Who runs it when the test is root: PostgreSQL refuses to.
const STRANGER: u32 = 65534;
/// How long it may take to start, or to recover.
const PATIENCE: Duration = Duration::from_mins(2);

/// One server with one database `postgres`, whose user `sk` needs no password.
pub(crate) struct Postgres {
    bin: PathBuf,
    dir: TempDir,
    port: u16,
    settings: Vec<String>,
    server: Option<Child>,
}

impl Postgres {
    /// Starts one with these settings (`name=value`); `None`, with a notice, if PostgreSQL is not
    /// installed.
    #[expect(
        clippy::disallowed_methods,
        clippy::print_stderr,
        reason = "a test asks which engines this machine has"
    )]
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        let Some(bin) = std::env::var_os("SK_SYNC_TEST_POSTGRES_BIN").map(PathBuf::from) else {
            eprintln!(
                "SKIPPED: no PostgreSQL to kill: run .ci/engines cargo test --features postgres"
            );
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        if is_root() {
            chown(dir.path(), Some(STRANGER), Some(STRANGER)).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let settings = settings
            .iter()
            .map(|setting| (*setting).to_owned())
            .collect();
        let mut postgres = Self {
            bin,
            dir,
            port,
            settings,
            server: None,
        };
        let data = postgres.data();
        let mut init = postgres.program("initdb");
        init.args([
            "--auth=trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-U",
            "sk",
            "-D",
        ])
        .arg(data);
        let output = init.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        postgres.restart();
        Some(postgres)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.current_dir(self.dir.path());
        if is_root() {
            command.uid(STRANGER).gid(STRANGER);
        }
        command
    }

    /// The URL of its database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://sk@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it again and waits until it has recovered.
    pub(crate) fn restart(&mut self) {
        let begun = Instant::now();
        loop {
            let is_running = self
                .server
                .as_mut()
                .is_some_and(|server| server.try_wait().unwrap().is_none());
            if !is_running {
                // The shared memory of a killed one may take a moment to be freed.
                self.server = Some(self.spawn());
            }
            if self.try_query("SELECT 1").is_some() {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "PostgreSQL does not start: {}",
                self.log()
            );
            pause(Duration::from_millis(50));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    fn spawn(&self) -> Child {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("log"))
            .unwrap();
        let mut command = self.program("postgres");
        command
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string()]);
        command.args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
        ]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// Ends all of its processes at the same time with SIGKILL.
    pub(crate) fn kill(&mut self) {
        let mut server = self.server.take().unwrap();
        let mut all = vec![server.id().to_string()];
        for entry in std::fs::read_dir("/proc").unwrap().map(Result::unwrap) {
            let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
                continue;
            };
            let parent = stat.rsplit(')').next().unwrap().split_whitespace().nth(1);
            if parent == Some(&all[0]) {
                all.push(entry.file_name().into_string().unwrap());
            }
        }
        let killed = Command::new("kill")
            .arg("-KILL")
            .args(&all)
            .status()
            .unwrap();
        assert!(killed.success() || !all.is_empty());
        server.wait().unwrap();
    }

    fn try_query(&self, sql: &str) -> Option<String> {
        let output = Command::new(self.bin.join("psql"))
            .args([
                "-X",
                "-At",
                "-d",
                &self.url(),
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                sql,
            ])
            .output()
            .unwrap();
        output.status.success().then(|| {
            String::from_utf8(output.stdout)
                .unwrap()
                .trim_end()
                .to_owned()
        })
    }

    /// Output of `psql` for a statement.
    pub(crate) fn query(&self, sql: &str) -> String {
        self.try_query(sql)
            .unwrap_or_else(|| panic!("{sql}: {}", self.log()))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.kill();
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
