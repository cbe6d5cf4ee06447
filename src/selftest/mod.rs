//! The self-test: the promises, tried on one file system with the real program, in a directory that
//! is deleted afterwards.
//!
//! * `site` is the directory: a repository, a state directory, a home, and the children that run in
//!   them
//! * `relay` stands between the children and the receiver: it records requests and can keep an
//!   answer back
//! * `trial` is one self-test in progress, `steps` are its checks, one promise after another
//! * `run` does them in order; `setup` is how, `report` the result, `fault` why a check failed
//!
//! **Invariant:** nothing outside of the directory is written, and no connection leaves loopback:
//! children get an environment in which home, state, configuration and temporary files are in the
//! directory, and no variable of the user. **Invariant:** each check compares what a child said
//! with what another child, or the receiver, says.

mod fault;
mod relay;
mod report;
mod run;
mod setup;
mod site;
mod steps;
mod trial;

pub(crate) use report::{Check, Report};
pub(crate) use run::run;
pub(crate) use setup::Setup;
