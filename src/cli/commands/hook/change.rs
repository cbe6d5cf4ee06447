//! `hook install` and `hook uninstall`.

use clap::ValueEnum;
use serde::Serialize;

use super::called::{Line, lines, program};
use crate::base::text::{path, printable};
use crate::cli::{Context, Exit, Failure};
use crate::git::{Checkout, Git};
use crate::hook::{self, Method, Plan, Refusal, Step, Survey};

/// Make git call sk-sync after commits, merges and rebases.
///
/// With git 2.54 or newer, adds a section for each hook to the repository's configuration, next to
/// existing hooks. With an older git and a hook manager (lefthook, pre-commit, husky), prints what
/// to add to its file. Otherwise writes hook files where there are none. Never overwrites, edits or
/// chains another hook. All work trees of a repository share its hooks; a submodule has its own.
#[derive(Debug, clap::Args)]
pub(crate) struct InstallArgs {
    /// How git calls sk-sync, if not the best way of this git
    #[arg(long, value_enum, value_name = "METHOD")]
    pub(crate) method: Option<MethodName>,

    /// Show what would be changed; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print the result as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// The ways to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodName {
    /// Sections of the repository's configuration (git 2.54 or newer)
    Config,
    /// Files in the repository's hook directory
    Files,
}

/// Remove what `install` added.
///
/// Removes sk-sync's sections of the repository's configuration and its unchanged hook files. Lines
/// that you added to a hook or to a manager's file are listed and kept.
#[derive(Debug, clap::Args)]
pub(crate) struct UninstallArgs {
    /// Show what would be changed; change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Print what was done as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn install(context: &Context, args: &InstallArgs) -> Result<Exit, Failure> {
    let method = args.method.map(|name| match name {
        MethodName::Config => Method::Config,
        MethodName::Files => Method::Files,
    });
    let before = Before::look(context)?;
    let plan = hook::install(&before.survey, method);
    let exit = if plan.refusals.is_empty() {
        Exit::Success
    } else {
        Exit::Gate
    };
    before.carry_out(context, "hook install", &plan, args.dry_run, exit)
}

pub(super) fn uninstall(context: &Context, args: &UninstallArgs) -> Result<Exit, Failure> {
    let before = Before::look(context)?;
    let plan = hook::uninstall(&before.survey);
    before.carry_out(
        context,
        "hook uninstall",
        &plan,
        args.dry_run,
        Exit::Success,
    )
}

/// State of the repository before the change.
struct Before {
    git: Git,
    checkout: Checkout,
    survey: Survey,
}

impl Before {
    fn look(context: &Context) -> Result<Self, Failure> {
        let git = Git::new(&context.env);
        let checkout = context.checkout()?;
        let survey = hook::survey(&git, &checkout, program(context).as_deref())?;
        Ok(Self {
            git,
            checkout,
            survey,
        })
    }

    /// Carries out the plan and reports it.
    fn carry_out(
        &self,
        context: &Context,
        command: &'static str,
        plan: &Plan,
        dry_run: bool,
        exit: Exit,
    ) -> Result<Exit, Failure> {
        let after = if dry_run {
            None
        } else {
            hook::apply(&self.git, &self.checkout, plan)?;
            Some(hook::survey(
                &self.git,
                &self.checkout,
                program(context).as_deref(),
            )?)
        };
        let survey = after.as_ref().unwrap_or(&self.survey);
        if context.printer.is_json() {
            context
                .printer
                .reply(command, exit, &Document::of(plan, survey, dry_run));
        } else {
            say(context, plan, survey, dry_run);
        }
        Ok(exit)
    }
}

fn say(context: &Context, plan: &Plan, survey: &Survey, dry_run: bool) {
    let printer = &context.printer;
    for step in &plan.steps {
        printer.result(&format!(
            "{} {}",
            if dry_run { "would" } else { "did" },
            words(step)
        ));
    }
    if let Some(stanza) = &plan.stanza {
        let manager = stanza.manager.name();
        printer.note(&format!("{manager} owns the hooks of this repository; nothing was changed. To have it call sk-sync, merge this into {}:", stanza.file));
        printer.result(stanza.text.trim_end());
        if let Some(activation) = stanza.activation {
            printer.note(&format!("then: {activation}"));
        }
    }
    for Refusal { what, fix, .. } in &plan.refusals {
        printer.warning(what);
        printer.note(&format!("  {fix}"));
    }
    if plan.steps.is_empty() && plan.refusals.is_empty() && plan.stanza.is_none() {
        let called = lines(survey)
            .iter()
            .filter(|line| line.state.is_called())
            .count();
        printer.note(&format!(
            "nothing to do: git calls sk-sync by {called} hooks"
        ));
    }
}

/// Description of a step, after "would" or "did".
fn words(step: &Step) -> String {
    match step {
        Step::Set { key, value } => format!("set {key} = {}", printable(value)),
        Step::RemoveSection(name) => {
            format!("remove the section {name} from the repository's configuration")
        }
        Step::Write(file, _) => format!("write {}", path(file)),
        Step::Remove(_, file) => format!("remove {}", path(file)),
        Step::RemoveEmptyDir(dir) => format!("remove {} if it is empty", path(dir)),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    dry_run: bool,
    method: Option<&'static str>,
    changes: Vec<String>,
    refusals: &'a [Refusal],
    manager: Option<Managed<'a>>,
    hooks: Vec<Line>,
}

#[derive(Serialize)]
struct Managed<'a> {
    name: &'static str,
    file: &'static str,
    stanza: &'a str,
    then: Option<&'static str>,
}

impl<'a> Document<'a> {
    fn of(plan: &'a Plan, survey: &Survey, dry_run: bool) -> Self {
        Self {
            dry_run,
            method: plan.method.map(|method| match method {
                Method::Config => "config",
                Method::Files => "files",
            }),
            changes: plan.steps.iter().map(words).collect(),
            refusals: &plan.refusals,
            manager: plan.stanza.as_ref().map(|stanza| Managed {
                name: stanza.manager.name(),
                file: stanza.file,
                stanza: &stanza.text,
                then: stanza.activation,
            }),
            hooks: lines(survey),
        }
    }
}
