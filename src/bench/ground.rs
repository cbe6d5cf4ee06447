//! The directory for a measurement: on a disk, empty, and deleted afterwards.

use std::path::{Path, PathBuf};

use super::error::Error;
use crate::base::files;
use crate::base::text;

/// File systems by the magic number of `statfs(2)`.
#[cfg(target_os = "linux")]
const KINDS: [(i128, &str); 13] = [
    (0xEF53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683E, "btrfs"),
    (0x2FC1_2FC1, "zfs"),
    (0xF2F5_2010, "f2fs"),
    (0x794C_7630, "overlay"),
    (0x6969, "nfs"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
    (0x0102_1994, TMPFS),
    (0x8584_58F6, RAMFS),
];

const TMPFS: &str = "tmpfs";
const RAMFS: &str = "ramfs";

/// An empty directory on a known file system; deleted on drop.
#[derive(Debug)]
pub struct Ground {
    dir: tempfile::TempDir,
    file_system: String,
}

impl Ground {
    /// An empty directory in `dir`, which is created if missing. Rejects file systems in memory.
    pub fn within(dir: &Path) -> Result<Self, Error> {
        files::create_private_dir(dir)?;
        let file_system = file_system(dir)?;
        if [TMPFS, RAMFS].contains(&file_system.as_str()) {
            return Err(Error::Volatile {
                dir: text::path(dir),
                file_system,
            });
        }
        let dir = tempfile::Builder::new().prefix("bench-").tempdir_in(dir)?;
        Ok(Self { dir, file_system })
    }

    /// Name of the file system.
    pub(super) fn file_system(&self) -> &str {
        &self.file_system
    }

    /// Waits until everything written here is on disk, so that it does not slow down the
    /// measurement.
    pub(super) fn settle(&self) -> Result<(), Error> {
        #[cfg(target_os = "linux")]
        rustix::fs::syncfs(std::fs::File::open(self.dir.path())?).map_err(std::io::Error::from)?;
        Ok(())
    }

    /// Path of `name` in the directory.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

#[cfg(target_os = "linux")]
fn file_system(dir: &Path) -> Result<String, Error> {
    let stat = rustix::fs::statfs(dir).map_err(std::io::Error::from)?;
    // The type differs between platforms, and some sign-extend its 32 bits.
    let magic = i128::from(stat.f_type) & 0xFFFF_FFFF;
    let known = KINDS.iter().find(|(number, _)| *number == magic);
    Ok(known.map_or_else(
        || format!("file system {magic:#x}"),
        |(_, name)| (*name).to_owned(),
    ))
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
fn file_system(_dir: &Path) -> Result<String, Error> {
    Ok("unknown file system".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ground_is_empty_and_goes_away() {
        let temp = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let ground = Ground::within(&temp.path().join("new")).unwrap();
        let path = ground.path("");
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
        assert!(!ground.file_system().is_empty());
        drop(ground);
        assert!(!path.exists());
    }
}
