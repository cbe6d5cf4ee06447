//! Taking over what older versions left.

mod delivery;
mod files;
mod kill;
mod rows;
