//! Why nothing was measured.

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system of the directory is in memory.
    #[error(
        "{dir} is on {file_system}, which keeps nothing on a disk: what durable work costs cannot be measured there"
    )]
    Volatile {
        /// The directory.
        dir: String,
        /// Its file system.
        file_system: String,
    },
    /// A file of the measurement cannot be created.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Bare SQLite failed.
    #[error("bare SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The work under test failed.
    #[error("the work to measure failed: {0}")]
    Work(String),
    /// The plot cannot be drawn.
    #[error("cannot draw the plot: {0}")]
    Plot(String),
    /// A stop was requested.
    #[error("interrupted; nothing is left behind")]
    Interrupted,
}

impl From<crate::ops::Error> for Error {
    fn from(error: crate::ops::Error) -> Self {
        Self::Work(error.to_string())
    }
}

impl From<crate::store::Error> for Error {
    fn from(error: crate::store::Error) -> Self {
        Self::Work(error.to_string())
    }
}
