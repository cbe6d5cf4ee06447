//! The balance that the last drain to a target ended with: `verify` compares the present one with
//! it.

use super::{Balance, Class, Error, Target};
use crate::base::Timestamp;
use crate::store::{ReadTx, WriteTx};

/// A balance and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The end of the drain.
    pub(crate) at: Timestamp,
    /// The balance at that time.
    pub(crate) balance: Balance,
}

/// The balance at the end of the last drain to a target; `None` if there was none.
pub(crate) fn last_balance(tx: &ReadTx<'_>, target: i64) -> Result<Option<Ended>, Error> {
    let found: Option<(i64, i64, String)> = tx.first(
        "SELECT at, captured, classes FROM delivery_balances WHERE target = ?1",
        [target],
        |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
    )?;
    let Some((at, captured, classes)) = found else {
        return Ok(None);
    };
    let damaged = || {
        Error::Damaged(format!(
            "the last balance of target {target} cannot be read: {classes:?}"
        ))
    };
    let numbers: serde_json::Value = serde_json::from_str(&classes).map_err(|_| damaged())?;
    let of = |class: Class| {
        numbers
            .get(class.name())
            .and_then(serde_json::Value::as_i64)
    };
    if Class::ALL.into_iter().any(|class| of(class).is_none()) {
        return Err(damaged());
    }
    let balance = Balance::from_fn(captured, |class| of(class).unwrap_or_default());
    Ok(Some(Ended {
        at: Timestamp::from_micros(at),
        balance,
    }))
}

/// Stores the balance at the end of a drain to a target.
pub(crate) fn keep_balance(
    tx: &WriteTx<'_>,
    target: &Target,
    balance: &Balance,
    now: Timestamp,
) -> Result<(), Error> {
    let classes: serde_json::Map<_, _> = Class::ALL
        .into_iter()
        .map(|class| (class.name().to_owned(), balance.of(class).into()))
        .collect();
    let classes = serde_json::Value::Object(classes).to_string();
    tx.prepare("INSERT OR REPLACE INTO delivery_balances (target, at, captured, classes) VALUES (?1, ?2, ?3, ?4)")?
        .execute((target.id, now.as_micros(), balance.captured, classes))?;
    Ok(())
}

/// Compares the last balance with the number of events now. Rows are never deleted, so events that
/// were counted then and are missing now are lost: the result says so. `None` if none are lost, or
/// if the last balance did not hold, which proves nothing. Pure.
pub(crate) fn loss(last: &Ended, captured: i64) -> Option<String> {
    let (then, at) = (&last.balance, last.at);
    (then.holds() && then.captured > captured).then(|| {
        format!(
            "the drain that ended at {at} counted {} events, and now there are {captured}",
            then.captured
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Books;
    use super::super::{Outcome, balance};
    use super::*;

    #[test]
    fn a_balance_is_kept_and_compared() {
        let mut books = Books::new();
        books.add_plain(3);
        books.exchange(&Outcome::Success);
        let (target, now) = (books.target(), books.now());
        let ended = books.write(|tx| {
            assert_eq!(last_balance(tx, target.id)?, None);
            let found = balance(tx, Some(&target))?;
            keep_balance(tx, &target, &found, now)?;
            Ok(last_balance(tx, target.id)?.unwrap())
        });
        assert_eq!(
            (
                ended.at,
                ended.balance.captured,
                ended.balance.of(Class::Delivered)
            ),
            (now, 3, 3)
        );
        assert_eq!(loss(&ended, 3), None);
        assert!(
            loss(&ended, 2)
                .unwrap()
                .contains("counted 3 events, and now there are 2")
        );
        let askew = Ended {
            balance: Balance::from_fn(3, |_| 0),
            ..ended
        };
        assert_eq!(
            loss(&askew, 2),
            None,
            "its number may be the one that is wrong"
        );
    }
}
