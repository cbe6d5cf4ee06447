//! The system calls of a real process that change files, as a tracer heard them, in the order in
//! which they returned.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::disk::{Disk, Node, Op};
use super::words::{bytes_of, first_bytes, paths, text_of};
use crate::support::{Run, Sandbox, tell};

/// The calls that are recorded. A call that writes and is not modelled fails the test.
const CALLS: &str = "trace=open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,\
                     symlink,symlinkat,write,pwrite64,writev,pwritev,lseek,truncate,ftruncate,fallocate,fsync,fdatasync,\
                     sync_file_range,copy_file_range,sendfile,sendto,sendmsg,recvfrom,read";

/// What a process did to the files below some directories.
#[derive(Debug)]
pub(super) struct Recording {
    /// The directory that all paths are relative to.
    pub(super) root: PathBuf,
    /// The files before.
    pub(super) base: Disk,
    /// What happened.
    pub(super) ops: Vec<Op>,
}

/// A command under the tracer, which writes to `log`.
pub(super) fn tracer(sandbox: &Sandbox, words: &[&str]) -> Command {
    let program = sandbox.command(words);
    let mut strace = Command::new("strace");
    strace
        .args([
            "-f", "-y", "-qq", "-xx", "-s", "16777216", "-e", CALLS, "-o",
        ])
        .arg(sandbox.path("strace.log"));
    strace
        .arg(program.get_program())
        .args(words)
        .env_clear()
        .current_dir(sandbox.repo());
    strace.envs(
        program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    strace
}

/// Runs a command and records it. `None`, with a notice, where processes cannot be traced.
pub(super) fn record(
    sandbox: &Sandbox,
    tracked: &[&str],
    words: &[&str],
    input: &str,
) -> Option<(Recording, Run)> {
    let base = Disk::load(&sandbox.path(""), tracked);
    let stdin = sandbox.path("stdin");
    std::fs::write(&stdin, input).unwrap();
    let mut strace = tracer(sandbox, words);
    let output = strace
        .stdin(Stdio::from(std::fs::File::open(stdin).unwrap()))
        .output();
    match output.map(crate::support::rights::ended) {
        Ok(run) if !run.stderr.contains("strace:") => Some((heard(sandbox, tracked, base), run)),
        other => {
            tell(&format!(
                "SKIPPED: cannot trace system calls here: {other:?}"
            ));
            None
        }
    }
}

/// Reads the tracer's log.
pub(super) fn heard(sandbox: &Sandbox, tracked: &[&str], base: Disk) -> Recording {
    let log = std::fs::read_to_string(sandbox.path("strace.log")).unwrap();
    let mut reader = Reader {
        root: sandbox.path("").components().collect(),
        tracked: tracked.iter().map(PathBuf::from).collect(),
        live: base.clone(),
        ops: Vec::new(),
        offsets: BTreeMap::new(),
        begun: BTreeMap::new(),
    };
    log.lines().for_each(|line| reader.line(line));
    Recording {
        root: reader.root,
        base,
        ops: reader.ops,
    }
}

struct Reader {
    root: PathBuf,
    tracked: Vec<PathBuf>,
    /// The files as the process sees them.
    live: Disk,
    ops: Vec<Op>,
    /// Where the next `write` to a descriptor goes.
    offsets: BTreeMap<(String, PathBuf), u64>,
    /// Calls that have not returned: their first part, and the number of operations before them.
    begun: BTreeMap<String, (String, usize)>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let Some((pid, rest)) = line.split_once(' ') else {
            return;
        };
        let rest = rest.trim_start();
        if let Some(first) = rest.strip_suffix(" <unfinished ...>") {
            let before = self.ops.len();
            self.begun
                .insert(pid.to_owned(), (first.to_owned(), before));
        } else if let Some((_, last)) = rest
            .strip_prefix("<... ")
            .and_then(|rest| rest.split_once(" resumed>"))
        {
            let Some((first, before)) = self.begun.remove(pid) else {
                return;
            };
            self.call(&format!("{first}{last}"), before);
        } else {
            let before = self.ops.len();
            self.call(rest, before);
        }
    }

    /// A call that returned; `before` operations had returned when it began.
    fn call(&mut self, text: &str, before: usize) {
        let Some((call, result)) = text.rsplit_once(" = ") else {
            return;
        };
        let Some((name, arguments)) = call.split_once('(') else {
            return;
        };
        let arguments = arguments.trim_end();
        let arguments = arguments.strip_suffix(')').unwrap_or(arguments);
        let result_number: i64 = result
            .split(|c: char| !c.is_ascii_digit() && c != '-')
            .next()
            .unwrap()
            .parse()
            .unwrap_or(-1);
        if result_number < 0 {
            return;
        }
        let words: Vec<&str> = arguments.split(", ").collect();
        match name {
            "open" | "openat" | "creat" => self.open(arguments, result),
            "mkdir" | "mkdirat" => self.make(&words, true),
            "rename" | "renameat" | "renameat2" => self.rename(&words),
            "link" | "linkat" => self.link(&words),
            "unlink" | "unlinkat" | "rmdir" => self.remove(&words),
            "pwrite64" => self.write(words[0], bytes_of(words[1]), words[3].parse().ok()),
            "write" => self.write(words[0], bytes_of(words[1]), None),
            "copy_file_range" => self.copy(&words, result_number.unsigned_abs()),
            "lseek" => self.seek(words[0], result_number.unsigned_abs()),
            "ftruncate" => self.cut(words[0], words[1].parse().unwrap()),
            "fsync" | "fdatasync" => self.sync(words[0], before),
            "sendto" | "writev" | "sendmsg" => self.sent(words[0], arguments),
            "recvfrom" | "read" => self.received(words[0], arguments),
            other => assert!(
                self.nodes(arguments).is_empty(),
                "a call that is not modelled: {other}({arguments})"
            ),
        }
    }

    /// The tracked path below the root.
    fn tracked(&self, path: &Path) -> Option<PathBuf> {
        let path = path.strip_prefix(&self.root).ok()?;
        self.tracked
            .iter()
            .any(|tracked| path.starts_with(tracked))
            .then(|| path.to_owned())
    }

    /// The path behind a descriptor, if it is tracked and has a name.
    fn behind(&self, descriptor: &str) -> Option<PathBuf> {
        if descriptor.ends_with("(deleted)") {
            return None;
        }
        self.tracked(&PathBuf::from(text_of(descriptor.split_once('<')?.1)))
    }

    /// Every tracked file behind the descriptors in these arguments.
    fn nodes(&self, arguments: &str) -> Vec<PathBuf> {
        arguments
            .split(", ")
            .filter_map(|word| self.behind(word))
            .collect()
    }

    fn push(&mut self, op: Op) {
        self.live.apply(&op);
        self.ops.push(op);
    }

    fn open(&mut self, arguments: &str, result: &str) {
        let Some(path) = self.behind(result) else {
            return;
        };
        let has = |flag: &str| arguments.contains(flag);
        if !has("O_WRONLY") && !has("O_RDWR") {
            return;
        }
        match self.live.find(&path) {
            Some(node) if has("O_TRUNC") => self.push(Op::Cut { node, length: 0 }),
            Some(_) => {}
            None => {
                assert!(
                    has("O_CREAT"),
                    "{} was not seen: {arguments}",
                    path.display()
                );
                let ((dir, name), node) = (self.place(&path), self.live.next());
                self.push(Op::Make {
                    dir,
                    name,
                    node,
                    is_dir: false,
                });
            }
        }
        let at = if has("O_APPEND") { u64::MAX } else { 0 };
        let descriptor = result.split('<').next().unwrap().to_owned();
        self.offsets.insert((descriptor, path), at);
    }

    /// The directory and the name of a path.
    fn place(&self, path: &Path) -> (Node, String) {
        let dir = path.parent().and_then(|dir| self.live.find(dir));
        let dir = dir.unwrap_or_else(|| panic!("the directory of {} is not known", path.display()));
        (dir, path.file_name().unwrap().to_str().unwrap().to_owned())
    }

    fn make(&mut self, words: &[&str], is_dir: bool) {
        for path in paths(words)
            .iter()
            .filter_map(|path| self.tracked(path))
            .collect::<Vec<_>>()
        {
            let ((dir, name), node) = (self.place(&path), self.live.next());
            self.push(Op::Make {
                dir,
                name,
                node,
                is_dir,
            });
        }
    }

    fn rename(&mut self, words: &[&str]) {
        let paths = paths(words);
        match [self.tracked(&paths[0]), self.tracked(&paths[1])] {
            [Some(from), Some(to)] => {
                let node = self.live.find(&from).unwrap();
                let ((dir, from), (other, to)) = (self.place(&from), self.place(&to));
                // A file that changes its directory may be in both after a cut, or in none.
                if dir == other {
                    self.push(Op::Move {
                        dir,
                        from,
                        to,
                        node,
                    });
                } else {
                    self.push(Op::Link {
                        dir: other,
                        name: to,
                        node,
                    });
                    self.push(Op::Remove { dir, name: from });
                }
            }
            [None, None] => {}
            _ => panic!("a file crosses the border: {paths:?}"),
        }
    }

    fn link(&mut self, words: &[&str]) {
        let paths = paths(words);
        if let [Some(from), Some(to)] = [self.tracked(&paths[0]), self.tracked(&paths[1])] {
            let node = self.live.find(&from).unwrap();
            let (dir, name) = self.place(&to);
            self.push(Op::Link { dir, name, node });
        }
    }

    fn remove(&mut self, words: &[&str]) {
        for path in paths(words)
            .iter()
            .filter_map(|path| self.tracked(path))
            .collect::<Vec<_>>()
        {
            let (dir, name) = self.place(&path);
            self.push(Op::Remove { dir, name });
        }
    }

    /// Bytes at a place, or where the descriptor stands.
    fn write(&mut self, descriptor: &str, bytes: Vec<u8>, at: Option<u64>) {
        let number = descriptor.split('<').next().unwrap();
        if number == "1" {
            self.ops.push(Op::Said(bytes));
            return;
        }
        let Some(path) = self.behind(descriptor) else {
            return;
        };
        let Some(node) = self.live.find(&path) else {
            return;
        };
        let offset = self.offsets.entry((number.to_owned(), path)).or_insert(0);
        let end = self.live.length(node);
        let place = at.unwrap_or(if *offset == u64::MAX { end } else { *offset });
        if at.is_none() && *offset != u64::MAX {
            *offset += bytes.len() as u64;
        }
        self.push(Op::Write {
            node,
            at: place,
            bytes,
        });
    }

    /// The next bytes of one file are written to another; the first is as it was meanwhile.
    fn copy(&mut self, words: &[&str], length: u64) {
        let Some(path) = self.behind(words[2]) else {
            return;
        };
        let source = PathBuf::from(text_of(words[0].split_once('<').unwrap().1));
        let offset = self
            .offsets
            .get(&(words[2].split('<').next().unwrap().to_owned(), path))
            .copied()
            .unwrap_or(0);
        let range = usize::try_from(offset).unwrap()..usize::try_from(offset + length).unwrap();
        self.write(
            words[2],
            std::fs::read(source).unwrap()[range].to_vec(),
            None,
        );
    }

    fn seek(&mut self, descriptor: &str, to: u64) {
        let Some(path) = self.behind(descriptor) else {
            return;
        };
        let offset = self
            .offsets
            .entry((descriptor.split('<').next().unwrap().to_owned(), path))
            .or_insert(0);
        if *offset != u64::MAX {
            *offset = to;
        }
    }

    fn cut(&mut self, descriptor: &str, length: u64) {
        if let Some(node) = self
            .behind(descriptor)
            .and_then(|path| self.live.find(&path))
        {
            self.push(Op::Cut { node, length });
        }
    }

    fn sync(&mut self, descriptor: &str, before: usize) {
        let path = descriptor
            .split_once('<')
            .map(|(_, path)| PathBuf::from(text_of(path)));
        let node = path.and_then(|path| self.live.find(path.strip_prefix(&self.root).ok()?));
        if let Some(node) = node.filter(|_| !descriptor.ends_with("(deleted)")) {
            self.ops.push(Op::Sync { node, before });
        }
    }

    /// A request or an answer leaves.
    fn sent(&mut self, descriptor: &str, arguments: &str) {
        assert!(
            self.behind(descriptor).is_none(),
            "not modelled: {arguments}"
        );
        let bytes = first_bytes(arguments);
        if bytes.starts_with(b"POST ") || bytes.starts_with(b"HTTP/1.1 2") {
            self.ops.push(Op::Sent);
        }
    }

    /// An answer arrives.
    fn received(&mut self, descriptor: &str, arguments: &str) {
        if self.behind(descriptor).is_none() && first_bytes(arguments).starts_with(b"HTTP/1.1 2") {
            self.ops.push(Op::Answered);
        }
    }
}
