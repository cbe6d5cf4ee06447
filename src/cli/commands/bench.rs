//! `sk-sync bench`: cost of each kind of work on this machine, compared with its raw limit.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::base::files;
use crate::bench::{self, Document, Ground, Machine, Sizes, Stage, Subject, depth_plot};
use crate::cli::render::bench::show;
use crate::cli::{Context, Exit, Failure};
use crate::config::Home;

/// Benchmark sk-sync against this machine's limits.
///
/// Runs each kind of work several times, next to the least that could do it (bare SQLite, plain
/// reading and hashing, posting the same bytes), on the same file system and with the same
/// durability. Uses a temporary directory; your journal is not touched.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sk-sync bench                               everything, in about a minute
  sk-sync bench enqueue --full                events into the journal, up to a million deep; takes many minutes
  sk-sync bench --quick                       everything, small: does it run?
  sk-sync bench enqueue --plot depth.svg      with a picture of cost against depth")]
pub(crate) struct Args {
    /// What to measure
    #[arg(value_enum, default_value_t)]
    pub(crate) subject: What,

    /// Measure on the file system of DIR; the default is that of the state directory
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// Take N samples of each measurement
    #[arg(long, value_name = "N", default_value = "5")]
    pub(crate) repeats: NonZeroUsize,

    /// Journal sizes at which single events are added
    #[arg(long, value_name = "N", value_delimiter = ',', num_args = 1..)]
    pub(crate) depth: Option<Vec<u64>>,

    /// Run a quick check; its times mean little
    #[arg(long)]
    pub(crate) quick: bool,

    /// Measure up to a million events deep; takes many minutes
    #[arg(long, conflicts_with = "quick")]
    pub(crate) full: bool,

    /// Plot cost against journal size into FILE (SVG)
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,

    /// Print the figures and all samples as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum What {
    /// Events into the journal
    Enqueue,
    /// An index of feature directories
    Index,
    /// Events to a receiver
    Drain,
    /// The status of a store
    Status,
    /// All of these
    #[default]
    All,
}

impl What {
    fn subjects(self) -> Vec<Subject> {
        match self {
            Self::Enqueue => vec![Subject::Enqueue],
            Self::Index => vec![Subject::Index],
            Self::Drain => vec![Subject::Drain],
            Self::Status => vec![Subject::Status],
            Self::All => Subject::ALL.to_vec(),
        }
    }
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let subjects = args.subject.subjects();
    if args.plot.is_some() && !subjects.contains(&Subject::Enqueue) {
        return Err(Failure::usage(
            "--plot: cost against depth is measured by `bench enqueue`",
        ));
    }
    let dir = match &args.dir {
        Some(dir) => context.cwd.join(dir),
        None => Home::find(&context.env, &context.cwd)?.state,
    };
    let program = std::env::current_exe().map_err(|e| Failure::io(&e))?;
    let stage = Stage::new(program, context.env.clone(), context.interrupt.clone());
    let ground = Ground::within(&dir)?;
    let machine = Machine::of(&ground);
    let sizes = sizes(args);
    let progress = |words: &str| context.printer.note(words);
    if machine.build == "debug" {
        context
            .printer
            .warning("this is a debug build: its figures say little");
    }
    let mut rows = Vec::new();
    for subject in subjects {
        let mut suite = bench::suite(subject, &stage, &ground, &sizes, &progress)?;
        rows.extend(suite.measure(&stage, args.repeats.get(), &progress)?);
    }
    if let Some(file) = &args.plot {
        let picture = depth_plot(&rows, &machine)?;
        files::replace(&context.cwd.join(file), picture.as_bytes()).map_err(|e| Failure::io(&e))?;
    }
    let document = Document {
        machine: &machine,
        repeats: args.repeats.get(),
        rows: &rows,
    };
    if args.json {
        context.printer.reply("bench", Exit::Success, &document);
    } else {
        show(&context.printer, &document);
    }
    Ok(Exit::Success)
}

/// The requested sizes; a plot adds a depth per decade.
fn sizes(args: &Args) -> Sizes {
    let mut sizes = match (args.quick, args.full) {
        (true, _) => Sizes::quick(),
        (_, true) => Sizes::full(),
        _ => Sizes::brief(),
    };
    if let Some(depths) = &args.depth {
        sizes.depths.clone_from(depths);
    } else if args.plot.is_some() && !args.quick {
        sizes.depths.extend([1_000, 10_000, 100_000]);
    }
    sizes
}
