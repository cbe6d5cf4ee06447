//! Senders that are in the middle of a removal.

use serde_json::json;

use super::client::{BODIES, EVENTS, Talk};
use super::engines::over_every_lasting;
use super::forget::{MISSION, elsewhere, filled, gone, long, order};
use super::sample::{PROJECT, id, push, status_changed};
use crate::serve::Server;

/// Nothing of the mission is there afterwards, whatever they
/// were answered.
#[test]
fn nothing_comes_in_behind_a_removal() {
    over_every_lasting(|name, options| {
        let servers = [
            Server::start(options()).unwrap(),
            Server::start(options()).unwrap(),
        ];
        filled(&servers[0]);
        std::thread::scope(|scope| {
            for (at, talk) in servers.each_ref().map(Talk::to).into_iter().enumerate() {
                scope.spawn(move || {
                    for n in 0..60 {
                        let number = 1000 + at * 1000 + n;
                        talk.post(EVENTS, &json!({"events": [status_changed(&id(number))]}));
                        talk.post(BODIES, &push("plan.md", &format!("{number}{}", long())));
                    }
                });
            }
            gone(&options(), order(Some(MISSION), None), false);
        });
        let talk = Talk::to(&servers[1]);
        assert_eq!(talk.counts(["events", "bodies"]), [3, 2], "{name}");
        let states = talk
            .get(&format!("/api/v1/projects/{PROJECT}/states?of=meaning"))
            .1;
        assert_eq!(
            states["events"].as_array().unwrap().len(),
            2,
            "{name}: {states}"
        );
        assert_eq!(
            talk.post(BODIES, &elsewhere(push("plan.md", &long()))).0,
            200,
            "{name}"
        );
    });
}
