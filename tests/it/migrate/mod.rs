//! Taking over what older versions left.

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
