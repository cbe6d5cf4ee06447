//! Completes a command line that is being typed: commands, options, and the values that only this
//! repository knows.
//!
//! Reads only, connects to nothing, and offers nothing where something is wrong. What it offers
//! was named by a stranger: only words that no shell interprets are offered.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;

use super::project::{workspace, world};
use super::{Context, Exit, Globals, Printer};
use crate::base::Env;
use crate::base::env::COMPLETE;
use crate::config::KEYS;
use crate::ops;
use crate::upkeep::{Wanted, known_targets};

/// Answers the completion script that started this process; `None` if none did, whatever the
/// environment says. `words` are the arguments of the process: a script puts `--` before the
/// command `line`, as far as it is typed.
pub(super) fn answer(env: &Env, words: &[OsString], line: fn() -> Command) -> Option<Exit> {
    let shell = env.text(COMPLETE)?;
    let [_, mark, typed @ ..] = words else {
        return None;
    };
    if mark != "--" || typed.is_empty() {
        return None;
    }
    let shells = Shells::builtins();
    let mut offered = Vec::new();
    let answered = shells.completer(shell).map(|shell| {
        let mut command = line().mut_subcommands(|command| with_values(command, env));
        shell.write_complete(&mut command, typed.to_vec(), None, &mut offered)
    });
    let printer = Printer::of_process(env, &Globals::default(), false);
    let offered = String::from_utf8_lossy(&offered);
    offered.lines().for_each(|line| printer.result(line));
    // The reader closed the pipe.
    let _closed = printer.finish();
    match answered {
        Some(Ok(())) => Some(Exit::Success),
        _ => Some(Exit::Usage),
    }
}

/// `command` with the values of its options, those of its subcommands too.
fn with_values(command: Command, env: &Env) -> Command {
    command
        .mut_args(|arg| match values_of(&arg) {
            None => arg,
            Some(values) => {
                let env = env.clone();
                arg.add(ArgValueCompleter::new(move |typed: &OsStr| {
                    offer(values(&env), typed)
                }))
            }
        })
        .mut_subcommands(|command| with_values(command, env))
}

/// What lists the values of an option; `None` for an option with other values.
fn values_of(arg: &Arg) -> Option<fn(&Env) -> Vec<String>> {
    let name = arg.get_value_names()?.first()?;
    match name.as_str() {
        "MISSION" => Some(missions),
        "SLUG" if arg.get_id() == "mission" => Some(missions),
        "TARGET" => Some(targets),
        "STATUS" => Some(|_| Wanted::words().into_iter().map(str::to_owned).collect()),
        "KEY" => Some(|_| KEYS.iter().map(|key| key.name.to_owned()).collect()),
        _ => None,
    }
}

/// The missions in the work tree.
fn missions(env: &Env) -> Vec<String> {
    let of = |context: &Context| {
        let workspace = workspace(context).ok()?;
        Some(ops::mission_slugs(&world(context), &workspace))
    };
    context(env).as_ref().and_then(of).unwrap_or_default()
}

/// The targets that the journal knows.
fn targets(env: &Env) -> Vec<String> {
    let of = |context: &Context| known_targets(&workspace(context).ok()?.place.store()).ok();
    context(env).as_ref().and_then(of).unwrap_or_default()
}

fn context(env: &Env) -> Option<Context> {
    let globals = Globals::default();
    let printer = Printer::of_process(env, &globals, false);
    Context::new(env.clone(), globals, printer).ok()
}

/// Those of `values` that continue what was typed and that no shell interprets.
fn offer(values: Vec<String>, typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@%+".contains(&b);
    values
        .into_iter()
        .filter(|value| value.starts_with(&*typed))
        .filter(|value| value.bytes().all(is_plain) && !value.starts_with('-'))
        .map(CompletionCandidate::new)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_interprets_are_not_offered() {
        let values = [
            "001-a", "$(id)", "`id`", "a b", "a;b", "-rf", "a\nb", "a'b", "*", "~",
        ];
        let offered = offer(values.map(str::to_owned).into(), OsStr::new(""));
        let offered: Vec<_> = offered.iter().map(CompletionCandidate::get_value).collect();
        assert_eq!(offered, ["001-a"]);
    }
}
