//! Files as a disk keeps them, and what is left of them after the power is cut.
//!
//! What a sync of the same file, or for names of the same directory, has covered is there. Of
//! everything else each write may be there, missing, or torn at a sector; and of the changes of a
//! directory the first ones, up to any of them.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::chance::Chance;

/// Bytes that a disk writes as a whole.
const SECTOR: u64 = 512;

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
    Move {
        from: (Node, String),
        to: (Node, String),
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

/// A tree of files; node 0 is its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disk(BTreeMap<Node, Content>);

/// How much of what was not synced is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// Nothing is lost: the process was killed and the system went on.
    Nothing,
    /// Everything is lost.
    All,
    /// Each change is lost or not.
    Some,
    /// The same, and writes may be torn.
    Torn,
}

impl Disk {
    /// The files below the `tracked` directories of `root`.
    pub(super) fn load(root: &Path, tracked: &[&str]) -> Self {
        let mut disk = Self(BTreeMap::from([(0, Content::Dir(BTreeMap::new()))]));
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

    /// The length of a file.
    pub(super) fn length(&self, node: Node) -> u64 {
        match &self.0[&node] {
            Content::File(bytes) => bytes.len() as u64,
            Content::Dir(_) => 0,
        }
    }

    /// Applies a change; one whose file is not there changes nothing.
    pub(super) fn apply(&mut self, op: &Op) {
        match op {
            Op::Make {
                dir,
                name,
                node,
                is_dir,
            } => {
                let content = if *is_dir {
                    Content::Dir(BTreeMap::new())
                } else {
                    Content::File(Vec::new())
                };
                self.0.entry(*node).or_insert(content);
                self.name(*dir, name, *node);
            }
            Op::Link { dir, name, node } => self.name(*dir, name, *node),
            Op::Move { from, to } => {
                if let Some(Content::Dir(names)) = self.0.get_mut(&from.0)
                    && let Some(node) = names.remove(&from.1)
                {
                    self.name(to.0, &to.1, node);
                }
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

    fn write(&mut self, node: Node, at: u64, bytes: &[u8]) {
        if let Some(Content::File(file)) = self.0.get_mut(&node) {
            let at = usize::try_from(at).unwrap();
            if file.len() < at + bytes.len() {
                file.resize(at + bytes.len(), 0);
            }
            file[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }

    /// What is left when the power is cut after the first `count` operations.
    pub(super) fn cut(&self, ops: &[Op], count: usize, loss: Loss, chance: &mut Chance) -> Self {
        let ops = &ops[..count];
        let is_safe = durable(ops);
        let mut left = self.clone();
        // Everything exists as a node, with or without a name, so that what is written to it has a
        // place.
        for op in ops {
            if let Op::Make { node, is_dir, .. } = op {
                let content = if *is_dir {
                    Content::Dir(BTreeMap::new())
                } else {
                    Content::File(Vec::new())
                };
                left.0.entry(*node).or_insert(content);
            }
        }
        // Directories that have lost a change lose all later ones.
        let mut over = BTreeMap::new();
        for (op, is_safe) in ops.iter().zip(is_safe) {
            let is_kept =
                is_safe || loss == Loss::Nothing || (loss != Loss::All && !chance.once_in(2));
            if let Some(dir) = directory(op) {
                let is_over = over.entry(dir).or_insert(false);
                *is_over |= !is_kept;
                assert!(
                    !is_safe || !*is_over,
                    "a sync of a directory covers all earlier changes"
                );
                if !*is_over {
                    left.apply(op);
                }
            } else if is_kept && (is_safe || loss != Loss::Torn || !chance.once_in(4)) {
                left.apply(op);
            } else if loss == Loss::Torn || loss == Loss::Some {
                left.tear(op, loss, chance);
            }
        }
        left
    }

    /// A write of which only some sectors are there; or none, and yet the file is as long as after
    /// it.
    fn tear(&mut self, op: &Op, loss: Loss, chance: &mut Chance) {
        let Op::Write { node, at, bytes } = op else {
            return;
        };
        if chance.once_in(3) {
            let end = at + bytes.len() as u64;
            if self.length(*node) < end {
                self.apply(&Op::Cut {
                    node: *node,
                    length: end,
                });
            }
        }
        if loss != Loss::Torn {
            return;
        }
        let mut from = 0;
        while from < bytes.len() {
            let sector_end = (at + from as u64) / SECTOR * SECTOR + SECTOR - at;
            let to = usize::try_from(sector_end).unwrap().min(bytes.len());
            if chance.once_in(2) {
                self.write(*node, at + from as u64, &bytes[from..to]);
            }
            from = to;
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
                Content::File(_) if name.ends_with("-shm") && chance.once_in(2) => {
                    // It may never have been there.
                    let _absent = std::fs::remove_file(at);
                }
                Content::File(bytes) => {
                    let garbage: Vec<u8> = if name.ends_with("-shm") {
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

/// The directory that a change of names belongs to.
fn directory(op: &Op) -> Option<Node> {
    match op {
        Op::Make { dir, .. } | Op::Link { dir, .. } | Op::Remove { dir, .. } => Some(*dir),
        Op::Move { to, .. } => Some(to.0),
        _ => None,
    }
}

/// For each operation, whether a sync that began after it has covered it.
fn durable(ops: &[Op]) -> Vec<bool> {
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

#[path = "disk_tests.rs"]
mod tests;
