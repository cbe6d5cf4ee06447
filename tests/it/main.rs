//! The integration tests: one binary, one module for each area, and what they share in `support`.

#![cfg(test)]

#[cfg(unix)]
mod action;
mod answers;
mod bad_input;
mod bench;
mod capture;
mod crowd;
mod delivery;
mod gates;
mod hardship;
#[cfg(unix)]
mod hook_install;
#[cfg(unix)]
mod hook_run;
mod house;
mod init;
mod kill;
mod layers;
mod main_job;
mod quiet;
#[cfg(unix)]
mod readme;
mod settings;
mod shell;
mod status;
mod support;
