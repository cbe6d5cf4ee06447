//! The integration tests: one binary, one module for each area, and what they share in `support`.

mod house;
mod init;
mod layers;
mod shell;
#[cfg(test)]
mod support;
