//! Files as a disk keeps them, and the changes that a process makes to them.
//!
//! A change that a sync of the same file, or for names of the same directory, has covered stays.
//! `sampled` and `every` choose what is left of all others.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::support::chance::Chance;

/// Bytes that a disk writes as a whole.
pub(super) const SECTOR: u64 = 512;

/// A file or directory, whatever its name.
pub(super) type Node = usize;

/// One change, or a mark between changes.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Make {
        dir: Node,
        name: String,
        node: Node,
        is_dir: bool,
    },
    Link {
        dir: Node,
        name: String,
        node: Node,
    },
    /// A name of a directory becomes another of the same directory.
    Move {
        dir: Node,
        from: String,
        to: String,
        node: Node,
    },
    Remove {
        dir: Node,
        name: String,
    },
    Write {
        node: Node,
        at: u64,
        bytes: Vec<u8>,
    },
    Cut {
        node: Node,
        length: u64,
    },
    /// A sync that began when `before` operations had returned.
    Sync {
        node: Node,
        before: usize,
    },
    /// A request began to leave; of a receiver: an answer.
    Sent,
    /// An answer arrived.
    Answered,
    /// Bytes on the standard output.
    Said(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    File(Vec<u8>),
    Dir(BTreeMap<String, Node>),
}

impl Content {
    fn new(is_dir: bool) -> Self {
        if is_dir {
            Self::Dir(BTreeMap::new())
        } else {
            Self::File(Vec::new())
        }
    }
}

/// A tree of files; node 0 is its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disk(BTreeMap<Node, Content>);

impl Disk {
    /// The files below the `tracked` directories of `root`.
    pub(super) fn load(root: &Path, tracked: &[&str]) -> Self {
        let mut disk = Self::empty();
        for path in tracked {
            let mut dir = 0;
            let parts: Vec<_> = Path::new(path)
                .iter()
                .map(|part| part.to_str().unwrap())
                .collect();
            let mut at = root.to_owned();
            for part in parts {
                at.push(part);
                if !at.exists() {
                    break;
                }
                dir = disk.entry(dir, part, true);
            }
            if root.join(path).is_dir() {
                disk.fill(dir, &root.join(path));
            }
        }
        disk
    }

    /// A root without names.
    pub(super) fn empty() -> Self {
        Self(BTreeMap::from([(0, Content::new(true))]))
    }

    /// The files that are mapped into memory.
    pub(super) fn memory(&self) -> BTreeSet<Node> {
        let dirs = self.0.values().filter_map(|content| match content {
            Content::Dir(names) => Some(names),
            Content::File(_) => None,
        });
        let files = dirs.flatten().filter(|(name, _)| is_memory(name));
        files.map(|(_, node)| *node).collect()
    }

    fn entry(&mut self, dir: Node, name: &str, is_dir: bool) -> Node {
        if let Some(node) = self.names(dir).get(name) {
            return *node;
        }
        let node = self.next();
        self.apply(&Op::Make {
            dir,
            name: name.to_owned(),
            node,
            is_dir,
        });
        node
    }

    fn fill(&mut self, dir: Node, path: &Path) {
        for entry in std::fs::read_dir(path).unwrap().map(Result::unwrap) {
            let (name, path) = (entry.file_name().into_string().unwrap(), entry.path());
            let node = self.entry(dir, &name, path.is_dir());
            if path.is_dir() {
                self.fill(node, &path);
            } else {
                self.0
                    .insert(node, Content::File(std::fs::read(path).unwrap()));
            }
        }
    }

    /// A number that no node has.
    pub(super) fn next(&self) -> Node {
        self.0.keys().next_back().map_or(0, |last| last + 1)
    }

    fn names(&self, dir: Node) -> &BTreeMap<String, Node> {
        match self.0.get(&dir) {
            Some(Content::Dir(names)) => names,
            other => panic!("{dir} is not a directory: {other:?}"),
        }
    }

    /// The node of a path.
    pub(super) fn find(&self, path: &Path) -> Option<Node> {
        path.iter().try_fold(0, |dir, name| match self.0.get(&dir) {
            Some(Content::Dir(names)) => names.get(name.to_str().unwrap()).copied(),
            _ => None,
        })
    }

    /// The bytes of a file.
    pub(super) fn bytes(&self, node: Node) -> Option<&[u8]> {
        match self.0.get(&node)? {
            Content::File(bytes) => Some(bytes),
            Content::Dir(_) => None,
        }
    }

    /// The length of a file.
    pub(super) fn length(&self, node: Node) -> u64 {
        self.bytes(node).map_or(0, |bytes| bytes.len() as u64)
    }

    /// Applies a change. A name that was given to a file stays with it, whether its earlier names
    /// are there or not.
    pub(super) fn apply(&mut self, op: &Op) {
        match op {
            Op::Make {
                dir,
                name,
                node,
                is_dir,
            } => {
                self.0.entry(*node).or_insert_with(|| Content::new(*is_dir));
                self.name(*dir, name, *node);
            }
            Op::Link { dir, name, node } => self.name(*dir, name, *node),
            Op::Move {
                dir,
                from,
                to,
                node,
            } => {
                if let Some(Content::Dir(names)) = self.0.get_mut(dir)
                    && names.get(from) == Some(node)
                {
                    names.remove(from);
                }
                self.name(*dir, to, *node);
            }
            Op::Remove { dir, name } => {
                if let Some(Content::Dir(names)) = self.0.get_mut(dir) {
                    names.remove(name);
                }
            }
            Op::Write { node, at, bytes } => self.write(*node, *at, bytes),
            Op::Cut { node, length } => {
                if let Some(Content::File(file)) = self.0.get_mut(node) {
                    file.resize(usize::try_from(*length).unwrap(), 0);
                }
            }
            Op::Sync { .. } | Op::Sent | Op::Answered | Op::Said(_) => {}
        }
    }

    fn name(&mut self, dir: Node, name: &str, node: Node) {
        if let Some(Content::Dir(names)) = self.0.get_mut(&dir) {
            names.insert(name.to_owned(), node);
        }
    }

    pub(super) fn write(&mut self, node: Node, at: u64, bytes: &[u8]) {
        if let Some(Content::File(file)) = self.0.get_mut(&node) {
            let at = usize::try_from(at).unwrap();
            if file.len() < at + bytes.len() {
                file.resize(at + bytes.len(), 0);
            }
            file[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }

    /// The same with each file that the changes make, without names: what is written to them has a
    /// place.
    pub(super) fn with_files_of(&self, ops: &[Op]) -> Self {
        let mut disk = self.clone();
        for op in ops {
            if let Op::Make { node, is_dir, .. } = op {
                disk.0.entry(*node).or_insert_with(|| Content::new(*is_dir));
            }
        }
        disk
    }

    /// A digest of all paths and contents. Shared memory has none: no disk keeps it.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        self.digest_dir(0, &mut hasher);
        hasher.finalize().into()
    }

    fn digest_dir(&self, dir: Node, hasher: &mut Sha256) {
        let names = self.names(dir);
        for (name, node) in names.iter().filter(|(name, _)| !is_memory(name)) {
            hasher.update(name);
            match &self.0[node] {
                Content::Dir(_) => {
                    hasher.update(b"/(");
                    self.digest_dir(*node, hasher);
                    hasher.update(b"/)");
                }
                Content::File(bytes) => {
                    hasher.update(b"/=");
                    hasher.update(bytes.len().to_le_bytes());
                    hasher.update(bytes);
                }
            }
        }
    }

    /// Makes the real files below the `tracked` directories of `root` like this. A file that is
    /// there keeps its identity; shared memory is lost, or is garbage.
    pub(super) fn restore(&self, root: &Path, tracked: &[&str], chance: &mut Chance) {
        for path in tracked {
            let (path, node) = (root.join(path), self.find(Path::new(path)));
            match node {
                Some(node) => self.restore_dir(node, &path, chance),
                None if path.exists() => std::fs::remove_dir_all(path).unwrap(),
                None => {}
            }
        }
    }

    fn restore_dir(&self, node: Node, path: &Path, chance: &mut Chance) {
        if !path.is_dir() {
            std::fs::create_dir(path).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
        }
        let names = self.names(node);
        for entry in std::fs::read_dir(path).unwrap().map(Result::unwrap) {
            let kept = names
                .get(entry.file_name().to_str().unwrap())
                .map(|node| &self.0[node]);
            match kept {
                Some(Content::Dir(_)) if entry.path().is_dir() => {}
                Some(Content::File(_)) if entry.path().is_file() => {}
                _ if entry.path().is_dir() => std::fs::remove_dir_all(entry.path()).unwrap(),
                _ => std::fs::remove_file(entry.path()).unwrap(),
            }
        }
        for (name, node) in names {
            let at = path.join(name);
            match &self.0[node] {
                Content::Dir(_) => self.restore_dir(*node, &at, chance),
                Content::File(_) if is_memory(name) && chance.once_in(2) => {
                    // It may never have been there.
                    let _absent = std::fs::remove_file(at);
                }
                Content::File(bytes) => {
                    let garbage: Vec<u8> = if is_memory(name) {
                        (0..bytes.len())
                            .map(|_| u8::try_from(chance.below(256)).unwrap())
                            .collect()
                    } else {
                        Vec::new()
                    };
                    std::fs::write(&at, if garbage.is_empty() { bytes } else { &garbage }).unwrap();
                    std::fs::set_permissions(at, std::fs::Permissions::from_mode(0o600)).unwrap();
                }
            }
        }
    }
}

/// True for files that are mapped into memory and written by no call.
pub(super) fn is_memory(name: &str) -> bool {
    name.ends_with("-shm")
}

/// The directory that a change of names belongs to.
pub(super) fn directory(op: &Op) -> Option<Node> {
    match op {
        Op::Make { dir, .. }
        | Op::Link { dir, .. }
        | Op::Move { dir, .. }
        | Op::Remove { dir, .. } => Some(*dir),
        _ => None,
    }
}

/// For each operation, whether a sync that began after it has covered it.
pub(super) fn durable(ops: &[Op]) -> Vec<bool> {
    let mut is_safe = vec![false; ops.len()];
    for op in ops {
        let Op::Sync { node, before } = op else {
            continue;
        };
        for (at, op) in ops[..*before].iter().enumerate() {
            let covered = match op {
                Op::Write { node, .. } | Op::Cut { node, .. } => Some(*node),
                other => directory(other),
            };
            is_safe[at] |= covered == Some(*node);
        }
    }
    is_safe
}
