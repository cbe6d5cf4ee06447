//! What a user asks for: rows on hold, and sending again.

use super::document_ops::document;
use super::document_world::World;
use super::surroundings::identity;
use crate::books;
use crate::delivery::{self, Among, Class, Settled};
use crate::journal;

impl World {
    pub(super) fn owe_again(&mut self, target: usize, which: Settled) {
        self.write(
            |tx| match delivery::current(tx, &identity(target).target_id)? {
                Some(target) => {
                    Ok(delivery::owe_again(tx, target.id, which, &Among::default(), 0)?.events)
                }
                None => Ok(0),
            },
        );
    }

    pub(super) fn hold(&mut self, target: usize) {
        self.write(|tx| {
            let Some(target) = delivery::current(tx, &identity(target).target_id)? else {
                return Ok(());
            };
            for row in journal::live_after(tx, 0, i64::MAX)? {
                let at_target = delivery::row_of(tx, target.id, row.seq)?;
                if at_target.is_none_or(|row| row.status.class() != Class::Delivered) {
                    books::hold(tx, row.seq, "opted_out")?;
                }
            }
            Ok(())
        });
    }

    pub(super) fn resubmit(&mut self, target: usize) {
        let paths: Vec<_> = self
            .disk
            .iter()
            .map(|(path, text)| (*path, *text))
            .collect();
        self.write(|tx| {
            let Some(target) = delivery::current(tx, &identity(target).target_id)? else {
                return Ok(());
            };
            for document in paths.iter().map(|(path, text)| document(*path, *text)) {
                if let Some((seq, _)) = journal::newest_version(tx, document.key())? {
                    delivery::offer_again(tx, target.id, seq)?;
                }
            }
            Ok(())
        });
    }

    pub(super) fn retry(&mut self, target: usize) {
        self.owe_again(target, Settled::GivenUp);
        self.write(
            |tx| match delivery::current(tx, &identity(target).target_id)? {
                Some(target) => Ok(delivery::retry_documents(tx, target.id, &|_| true)?),
                None => Ok((0, 0)),
            },
        );
    }
}
