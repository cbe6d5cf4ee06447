//! Importing the stores of older versions.

mod adopt;
mod crowd;
mod decisions;
mod delivery;
mod files;
mod hostile;
mod kill;
mod kinds;
mod noted;
mod recovery;
mod resolve;
mod rows;
mod unassigned;
