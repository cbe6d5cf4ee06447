//! Which events are selected next, and in which order.

use super::fixture::{Books, lost, seqs};
use super::{Class, Outcome, Status, Verdict};
use crate::event::WireForm;

const NOTHING: [i64; 0] = [];

fn transient() -> Outcome {
    Outcome::Transient("nothing said".to_owned())
}

fn rejected() -> Outcome {
    Outcome::Rejected("no".to_owned())
}

/// Loses the answer to the first, second and third sending of whatever is selected.
fn lose_three_times(books: &mut Books) {
    for _ in 0..3 {
        let batch = books.batch();
        books.record(&batch, &lost());
        books.pass(60);
    }
}

#[test]
fn due_rows_take_half_of_a_batch_while_there_is_new_work() {
    let mut books = Books::new();
    books.add_plain(8);
    assert_eq!(books.exchange(&transient()), [1, 2, 3, 4]);
    books.pass(60);
    assert_eq!(books.exchange(&Outcome::Success), [1, 2, 5, 6]);
    assert_eq!(books.exchange(&Outcome::Success), [3, 4, 7, 8]);
    assert_eq!(books.selected(), NOTHING);
    assert_eq!(books.balance().of(Class::Delivered), 8);
}

#[test]
fn due_rows_fill_a_batch_when_there_is_nothing_new() {
    let mut books = Books::new();
    books.add_plain(4);
    books.exchange(&transient());
    books.pass(60);
    assert_eq!(books.exchange(&Outcome::Success), [1, 2, 3, 4]);
}

#[test]
fn due_rows_take_half_of_the_bytes_while_there_is_new_work() {
    let mut books = Books::new();
    for id in ["a", "b", "c", "d"] {
        books.add(
            id,
            &format!(r#"{{"event_id":"{id}"}}"#),
            WireForm::AsIs,
            None,
        );
    }
    books.policy.max_events = 3;
    assert_eq!(books.exchange(&transient()), [1, 2, 3]);
    books.pass(60);
    books.policy = super::Policy {
        max_events: 100,
        max_bytes: 80,
        ..books.policy
    };
    assert_eq!(
        books.exchange(&Outcome::Success),
        [1, 2, 4],
        "three would be more than half"
    );
}

#[test]
fn nothing_overtakes_a_due_row_that_does_not_fit() {
    let mut books = Books::new();
    let long = format!(r#"{{"t":"{}"}}"#, "x".repeat(40));
    for (id, text) in [("a", long.as_str()), ("b", long.as_str()), ("c", "{}")] {
        books.add(id, text, WireForm::AsIs, None);
    }
    let batch = books.batch();
    assert_eq!(seqs(&batch), [1, 2, 3]);
    books.record(&batch, &Verdict::Halt("no".to_owned()));
    // Enough for the three events, but not for the list around them.
    books.policy.max_bytes = 2 * long.len() + 2;
    books.add("d", "{}", WireForm::AsIs, None);
    assert_eq!(books.exchange(&Outcome::Success), [1]);
    assert_eq!(books.exchange(&Outcome::Success), [2, 3, 4]);
}

#[test]
fn superseded_rows_are_passed_four_batches_at_a_time() {
    let mut books = Books::new();
    books.add_keyed(40);
    for cursor in [16, 32] {
        let selection = books.select();
        assert!(selection.batch.is_none() && selection.has_more);
        assert_eq!(books.target().cursor_seq, cursor);
        assert_eq!(
            books.write(|tx| Ok(crate::journal::sealed_through(tx)?)),
            cursor
        );
    }
    assert_eq!(books.exchange(&Outcome::Success), [40]);
    let selection = books.select();
    assert!(selection.batch.is_none() && !selection.has_more);
    let balance = books.balance();
    assert_eq!(
        (balance.of(Class::Superseded), balance.of(Class::Delivered)),
        (39, 1)
    );
}

#[test]
fn an_open_attempt_goes_first_and_as_it_was() {
    let mut books = Books::new();
    books.add_plain(3);
    let first = books.batch();
    books.add_plain(3);
    // Nothing was recorded, because the process ended.
    let again = books.batch();
    assert_eq!(
        (first.idempotency_key, first.body, first.items),
        (again.idempotency_key, again.body, again.items)
    );
    assert!(!first.is_in_doubt && again.is_in_doubt);
    assert_eq!(books.balance().of(Class::InFlight), 3);
}

/// What cannot be built again is never sent as something else.
#[test]
fn an_open_attempt_without_its_payloads_is_damage() {
    let mut books = Books::new();
    books.add_plain(2);
    drop(books.batch());
    let before = books.ledger();
    books.write(|tx| {
        Ok(tx
            .prepare("DELETE FROM journal_payloads WHERE seq = 2")?
            .execute([])?)
    });
    let error = books.try_select().unwrap_err().to_string();
    assert!(
        error.contains("row 2 in flight, whose payload is gone"),
        "{error}"
    );
    assert_eq!(books.ledger(), before);
}

#[test]
fn everything_waits_for_an_open_attempt_that_is_not_due() {
    let mut books = Books::new();
    books.add_plain(2);
    let batch = books.batch();
    books.record(&batch, &lost());
    books.add_plain(1);
    assert_eq!(books.selected(), NOTHING);
    books.pass(1);
    assert_eq!(books.selected(), [1, 2]);
}

#[test]
fn a_parked_event_lets_the_others_go_first() {
    let mut books = Books::new();
    books.add_plain(1);
    let key = books.batch().idempotency_key;
    lose_three_times(&mut books);
    books.add_plain(2);
    assert_eq!(
        books.exchange(&Outcome::Success),
        [2, 3],
        "although the parked event is due"
    );
    let parked = books.batch();
    assert_eq!((seqs(&parked), &parked.idempotency_key), (vec![1], &key));
    books.record(&parked, &lost());
    assert_eq!(books.selected(), NOTHING, "it waits");
    books.pass(300);
    assert_eq!(books.exchange(&Outcome::Duplicate), [1]);
    assert_eq!(books.balance().of(Class::Delivered), 3);
}

#[test]
fn a_culprit_is_sent_alone_from_then_on() {
    let mut books = Books::new();
    books.add_plain(1);
    books.http_status = 400;
    assert_eq!(books.exchange(&rejected()), [1]);
    books.http_status = 200;
    books.pass(60);
    books.add_plain(2);
    let cursor = books.target().cursor_seq;
    assert_eq!(books.exchange(&transient()), [1], "alone");
    assert_eq!(books.target().cursor_seq, cursor);
    assert_eq!(books.exchange(&Outcome::Success), [2, 3]);
    books.pass(60);
    assert_eq!(books.exchange(&rejected()), [1]);
    books.pass(60);
    books.add_plain(1);
    assert_eq!(
        books.exchange(&Outcome::Success),
        [1],
        "still alone, whatever was said of it meanwhile"
    );
    assert_eq!(books.exchange(&Outcome::Success), [4]);
}

#[test]
fn an_event_that_was_merely_alone_is_no_culprit() {
    let mut books = Books::new();
    books.add_plain(1);
    assert_eq!(books.exchange(&rejected()), [1]);
    books.pass(60);
    books.add_plain(1);
    assert_eq!(books.exchange(&Outcome::Success), [1, 2]);
}

#[test]
fn what_no_request_can_carry_ends_without_one() {
    let mut books = Books::new();
    books.add("a", r#"{"event_id":"a","x":NaN}"#, WireForm::Rewrite, None);
    let selection = books.select();
    assert!(selection.batch.is_none() && selection.has_more);
    assert_eq!(selection.not_sendable, 1);
    let row = books.row(1);
    assert_eq!(
        (row.status, row.attempts, row.due_at),
        (Status::TerminalFailed, 0, None)
    );
    assert!(row.error.unwrap().starts_with("not_sendable: "));
    assert_eq!(books.balance().of(Class::Undeliverable), 1);
    assert!(!books.select().has_more);
}

#[test]
fn what_no_request_can_carry_any_more_ends_nothing_else() {
    let mut books = Books::new();
    for (id, envelope) in [
        ("a", "{}"),
        ("b", r#"{"event_id":"b"}"#),
        ("c", "{}"),
        ("d", "{}"),
    ] {
        books.add(id, envelope, WireForm::AsIs, None);
    }
    let batch = books.batch();
    assert_eq!(seqs(&batch), [1, 2, 3, 4]);
    books.record(&batch, &Verdict::Halt("no".to_owned()));
    // Each of these needs an ID in its envelope.
    books.form = crate::event::BatchForm::CloudEvents;
    books.policy.max_events = 1;
    let selection = books.select();
    assert!(selection.batch.is_none() && selection.has_more);
    assert_eq!(books.exchange(&Outcome::Success), [2]);
    let balance = books.balance();
    assert_eq!(balance.of(Class::Undeliverable), 1);
    for given_up in [2, 3] {
        let selection = books.select();
        assert!(selection.batch.is_none() && selection.has_more);
        assert_eq!(books.balance().of(Class::Undeliverable), given_up);
    }
    assert!(!books.select().has_more);
}

#[test]
fn a_batch_ends_at_the_byte_limit() {
    let mut books = Books::new();
    for id in ["a", "b", "c"] {
        books.add(
            id,
            &format!(r#"{{"event_id":"{id}"}}"#),
            WireForm::AsIs,
            None,
        );
    }
    books.policy.max_bytes = r#"{"events":[{"event_id":"a"},{"event_id":"b"}]}"#.len();
    let batch = books.batch();
    assert_eq!(seqs(&batch), [1, 2]);
    assert_eq!(
        batch.body,
        br#"{"events":[{"event_id":"a"},{"event_id":"b"}]}"#
    );
    assert_eq!(books.target().cursor_seq, 2);
}

#[test]
fn a_due_time_from_a_clock_that_went_back_is_not_believed() {
    let back = 100 * 3600;
    // A row.
    let mut books = Books::new();
    books.add_plain(1);
    books.exchange(&transient());
    books.turn_back(back);
    assert_eq!(books.exchange(&Outcome::Success), [1]);
    // An open attempt, and a parked one.
    let mut books = Books::new();
    books.add_plain(1);
    let batch = books.batch();
    books.record(&batch, &lost());
    books.turn_back(back);
    assert_eq!(books.selected(), [1]);
    lose_three_times(&mut books);
    books.turn_back(back);
    assert_eq!(books.selected(), [1]);
    // A target.
    let mut books = Books::new();
    books.add_plain(1);
    let batch = books.batch();
    books.record(
        &batch,
        &Verdict::Throttled {
            reason: "slow".to_owned(),
            wait: None,
        },
    );
    assert_eq!(books.selected(), NOTHING);
    books.turn_back(back);
    assert_eq!(books.selected(), [1]);
}

#[test]
fn a_new_target_owes_what_the_journal_says() {
    let mut books = Books::new();
    let totals = [
        ("captured", 15),
        ("live", 9),
        ("held", 4),
        ("superseded", 1),
        ("discarded", 2),
        ("gone", 3),
    ];
    books.write(|tx| {
        for (name, value) in totals {
            let counter = crate::store::Counter {
                scope: crate::journal::Kind::Event.scope(),
                name,
            };
            crate::store::set_counter(tx, counter, value)?;
        }
        Ok(())
    });
    let target = books.target();
    let balance = books.write(|tx| super::balance(tx, Some(&target)));
    assert!(balance.holds());
    let classes = [
        Class::Untried,
        Class::Blocked,
        Class::Superseded,
        Class::Discarded,
        Class::Purged,
    ];
    assert_eq!(classes.map(|class| balance.of(class)), [5, 4, 1, 2, 3]);
}

#[test]
fn a_row_above_the_cursor_is_passed() {
    let mut books = Books::new();
    books.add_plain(3);
    let target = books.target();
    books.write(|tx| {
        let sql = "INSERT INTO delivery_rows (target, seq, status, settled_at) VALUES (?1, 2, 'success', 0)";
        Ok(tx.prepare(sql)?.execute([target.id])?)
    });
    assert_eq!(
        books.selected(),
        [1, 3],
        "an import says that the target has it"
    );
}
