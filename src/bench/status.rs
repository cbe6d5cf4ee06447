//! `status` as a separate process, for any length of history.

use std::rc::Rc;

use super::error::Error;
use super::ground::Ground;
use super::settled::Settled;
use super::sizes::Sizes;
use super::stage::Stage;
use super::suite::{Measure, RowPlan, Suite};

const START: &str = "starting the program with --version";

/// Sets up all lanes.
pub(super) fn suite<'a>(
    stage: &'a Stage,
    ground: &'a Ground,
    sizes: &Sizes,
    progress: &dyn Fn(&str),
) -> Result<Suite<'a>, Error> {
    let mut suite = Suite::default();
    for &depth in &sizes.settled {
        let settled = Rc::new(Settled::at(stage, ground, depth, progress)?);
        let at = Rc::clone(&settled);
        let work = suite.lane(format!("status at {depth}"), move || {
            Ok(at
                .site
                .process(&at.with_target(&["status", "--json"]))?
                .into())
        });
        let limit = suite.lane(format!("status at {depth}: limit"), move || {
            Ok(settled.site.process(&["--version"])?.into())
        });
        let (measure, params) = (Measure::Millis, vec![("depth", depth)]);
        suite.row(RowPlan {
            name: "status",
            work,
            limit,
            limit_is: START,
            measure,
            params,
        });
    }
    Ok(suite)
}
