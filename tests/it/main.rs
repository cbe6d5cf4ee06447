//! The integration tests: one binary, one module for each area, and shared code in `support`.

#![cfg(test)]

#[cfg(unix)]
mod action;
#[cfg(unix)]
mod action_text;
mod allowing;
mod answers;
mod archive;
mod asking;
mod bad_input;
mod bench;
mod bodies;
#[cfg(unix)]
mod budgets;
mod capture;
mod choosing;
#[cfg(unix)]
mod ci;
mod circles;
#[cfg(unix)]
mod clean_children;
mod completing;
mod consent;
#[cfg(unix)]
mod copies;
mod cost;
mod crowd;
mod day;
mod delivery;
mod documents;
mod dossier_drift;
mod dossier_memory;
mod dossier_odd_tree;
mod dossier_selection;
mod everywhere;
mod exchange;
#[cfg(all(unix, feature = "failpoints"))]
mod failpoints;
mod file_systems;
mod gates;
mod gc;
mod git_children;
mod gone;
mod hardship;
mod health;
mod hints;
#[cfg(unix)]
mod history;
#[cfg(unix)]
mod hook_install;
#[cfg(unix)]
mod hook_run;
mod hook_surroundings;
mod house;
#[cfg(all(unix, feature = "postgres"))]
mod hub;
mod hub_pages;
mod init;
mod kill;
mod layers;
#[cfg(unix)]
mod layouts;
mod logs;
#[cfg(target_os = "linux")]
mod long_history;
mod looking;
mod lost_clock;
mod lost_store;
mod main_job;
mod migrate;
mod mission_log;
mod named_commands;
mod next_steps;
mod odd_servers;
mod older_clients;
mod older_login;
mod older_names;
#[cfg(unix)]
mod ownership;
mod page;
mod pasted;
#[cfg(target_os = "linux")]
mod power;
mod preflight;
mod presets;
#[cfg(unix)]
mod promises;
mod proof;
mod proxy;
mod purge;
mod quiet;
mod reading;
#[cfg(unix)]
mod readme;
mod recent;
mod refused;
mod replay;
mod replies;
#[cfg(unix)]
mod selftest;
mod serve;
mod served;
mod settings;
mod shell;
mod spool;
mod status;
mod status_schema;
mod stopped;
#[cfg(unix)]
mod storm;
mod stranger;
mod support;
mod switch;
mod tls;
#[cfg(unix)]
mod token_files;
mod traced;
mod upkeep;
mod url_secrets;
mod verify;
mod waits;
mod waive;
mod webhook;
mod wide;
mod words;
