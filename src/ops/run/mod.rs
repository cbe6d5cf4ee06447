//! `run`, `index` and `drain`: the same steps, as far as they apply.
//!
//! The order is a promise: index, capture (durable, whatever follows), deliver events, then the
//! documents they announce, balance. A failed check or an unreachable target affects only delivery.
//! Each step takes what it needs and returns a value; [`summary`] makes the report of them.

mod ask;
mod capture;
mod capture_mission;
mod connection;
mod deliver;
mod documents;
mod drain;
mod foresight;
mod index;
mod index_warnings;
mod plan;
mod preview;
mod sending;
mod summary;
mod texts;
mod trail;
mod unchanged;

pub(super) use self::capture::{CaptureOptions, capture};
pub(crate) use self::connection::{StartStub, Stub};
use self::deliver::Delivered;
use self::index::Indexed;
pub(super) use self::index::{Selection, index};
use self::plan::Plan;
pub(crate) use self::plan::{Request, Scope};
use self::summary::Summary;
use super::balances::EventBalance;
use super::memory::Memory;
use super::report::{Gate, Report};
use super::{Error, Step, Workspace, World, migrate, opening, rule};
use crate::endpoint::{self, Credentials};

/// Runs the steps, and returns the report.
pub(crate) fn run(
    world: &World<'_>,
    workspace: &Workspace,
    request: &Request<'_>,
    start_stub: StartStub<'_>,
    progress: &(dyn Fn(Step) + Sync),
) -> Result<Report, Error> {
    let resolved = endpoint::resolve(&workspace.loaded, world.env, &request.choice)?;
    let credentials = Credentials::new(&resolved, &workspace.loaded.config, world.env);
    let gates = if request.scope.drains {
        credentials.gates().into_iter().map(Gate::from).collect()
    } else {
        Vec::new()
    };
    carry_out(&Plan {
        world,
        workspace,
        request,
        resolved: &resolved,
        credentials: &credentials,
        start_stub,
        progress,
        gates,
    })
}

fn carry_out(plan: &Plan<'_>) -> Result<Report, Error> {
    let (world, workspace, scope) = (plan.world, plan.workspace, plan.request.scope);
    let mut summary = Summary::begin(plan);
    let mut memory = Memory::of(workspace, plan.request.uses_memory && scope.indexes);
    let indexed = if scope.indexes {
        Some(index_selected(plan, &mut memory)?)
    } else {
        None
    };
    if let Some(indexed) = &indexed {
        summary.indexed(indexed);
    }
    if plan.request.dry_run {
        summary.foreseen(preview::preview(plan, indexed.as_ref())?);
        return Ok(summary.end());
    }
    if indexed.is_some() {
        workspace.project_uuid()?;
    }
    if scope.migrates {
        // Spooled lines of this repository are absorbed before older stores are imported.
        summary.absorbed(opening::absorb_waiting(world, workspace)?);
        summary.imported(migrate::on_the_way(world, workspace, plan.resolved)?);
    }
    if let Some(indexed) = &indexed
        && let Some(unchanged) = unchanged::look(plan, &memory, indexed)?
    {
        summary.unchanged(unchanged);
        remember(plan, &mut memory, indexed);
        return Ok(summary.end());
    }
    let (mut store, absorbed) = opening::open(world, workspace)?;
    summary.absorbed(absorbed);
    let (mut captured, mut health_asked) = (None, false);
    if let Some(indexed) = &indexed {
        let asked = ask::ask(plan, &mut store)?;
        health_asked = asked.was_asked;
        let options = CaptureOptions {
            keeps_texts: false,
            lists_lines: plan.request.lists_lines,
            served: asked.served.as_ref(),
        };
        captured = Some(capture(
            world,
            workspace,
            &mut store,
            &mut memory,
            indexed,
            options,
        )?);
    }
    let delivered = if world.interrupt.is_requested() {
        Delivered::interrupted(plan)
    } else if scope.offers_bodies || scope.drains {
        let (indexed, captured) = (indexed.as_ref(), captured.as_ref());
        deliver::deliver(plan, &mut store, indexed, captured, health_asked)?
    } else {
        Delivered::nothing(plan)
    };
    if let Some(indexed) = &indexed {
        remember(plan, &mut memory, indexed);
    }
    let balance = store.read(|tx| EventBalance::of(tx, plan.target_id()))?;
    if delivered.sent.drain.is_some() {
        trail::keep_balance(plan, &mut store, &balance.balance)?;
    }
    if let Some(captured) = captured {
        summary.captured(captured);
    }
    summary.delivered(delivered);
    summary.balance(&balance);
    Ok(summary.end())
}

/// The first step, with what the command line selects.
fn index_selected(plan: &Plan<'_>, memory: &mut Memory) -> Result<Indexed, Error> {
    let request = plan.request;
    if request.only_changed && !unchanged::is_same_store(plan.workspace, memory) {
        memory.forget_deeds();
    }
    let rule = rule::fingerprint(plan.workspace);
    let selection = Selection {
        missions: request.missions,
        not_yet: request.only_changed.then_some(rule.as_str()),
        step: request.step,
        edition: request.edition,
    };
    index(plan.world, plan.workspace, memory, selection, plan.progress)
}

/// Saves what the next run of this checkout can skip.
fn remember(plan: &Plan<'_>, memory: &mut Memory, indexed: &Indexed) {
    if plan.request.missions.is_none() {
        memory.keep_only(&indexed.present.iter().map(String::as_str).collect());
    }
    memory.save(&indexed.index.cache);
}
