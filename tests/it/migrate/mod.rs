//! Taking over what older versions left.

mod decisions;
mod delivery;
mod files;
mod kill;
mod noted;
mod resolve;
mod rows;
