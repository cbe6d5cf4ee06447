//! One writer at a time for each project in this receiver: others of the same project would only
//! hold connections while they wait for its row.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use crate::base::mutex::held;

/// How many projects are remembered before those without a writer are forgotten.
const REMEMBERED: usize = 1024;

/// The projects that have a writer, or had one lately.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<Uuid, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits until no other writer has this project. First come, first served.
    pub(super) async fn take(&self, project: Uuid) -> OwnedMutexGuard<()> {
        let turn = {
            let mut projects = held(&self.0);
            if projects.len() >= REMEMBERED {
                projects.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            Arc::clone(projects.entry(project).or_default())
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn writers_of_a_project_wait_and_others_do_not() {
        let turns = Turns::default();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let first = turns.take(one).await;
        let _other = turns.take(other).await;
        assert!(
            tokio::time::timeout(Duration::from_millis(20), turns.take(one))
                .await
                .is_err()
        );
        drop(first);
        let _second = turns.take(one).await;
    }

    #[tokio::test]
    async fn projects_without_a_writer_are_forgotten() {
        let turns = Turns::default();
        let kept = turns.take(Uuid::from_u128(0)).await;
        for n in 1..=2 * REMEMBERED as u128 {
            drop(turns.take(Uuid::from_u128(n)).await);
        }
        assert!(turns.0.lock().unwrap().len() <= REMEMBERED);
        assert!(
            tokio::time::timeout(Duration::from_millis(20), turns.take(Uuid::from_u128(0)))
                .await
                .is_err()
        );
        drop(kept);
    }
}
