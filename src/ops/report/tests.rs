//! The whole document of a run.

use super::*;
use crate::endpoint::ReceiverKind;

/// The whole document, in the order and names that scripts rely on.
#[test]
fn the_document_is_the_contract() {
    let report = Report {
        project: Some(Project {
            project_uuid: Some("u".into()),
            repo: "/r".into(),
            ..Project::default()
        }),
        target: Some(Identity {
            target_id: "tgt_1".into(),
            receiver: ReceiverKind::Stub,
            canonical_url: "stub://local".into(),
            team_slug: String::new(),
            user_email: String::new(),
        }),
        migrate: Some(Migrate::default()),
        index: Some(Index {
            seconds: seconds(Duration::from_micros(12_345)),
            ..Index::default()
        }),
        capture: Some(Capture::default()),
        bodies: Some(Bodies {
            skipped: [("empty_content".to_owned(), 2)].into(),
            ..Bodies::default()
        }),
        drain: Some(Drain::default()),
        balance: Some(Balance::default()),
        gates: vec![Gate {
            name: "missing_auth".into(),
            open: true,
            known: true,
            ..Gate::default()
        }],
        warnings: vec!["w".into()],
        ..Report::new("run")
    };
    insta::assert_snapshot!(serde_json::to_string(&report).unwrap(), @r#"{"dry_run":false,"project":{"project_uuid":"u","project_slug":null,"repo":"/r","store":""},"target":{"target_id":"tgt_1","receiver":"stub","canonical_url":"stub://local","team_slug":"","user_email":""},"migrate":{"sources":0,"imported":0,"deduplicated":0,"conflicts":0,"source_errors":0,"bodies_imported":0,"failures_imported":0,"held":0,"refused":0,"delivered_before":0,"stores":[]},"index":{"missions":0,"artifacts":0,"bytes":0,"hashed":0,"cached":0,"not_present":0,"layouts":[],"found":[],"seconds":0.012},"capture":{"captured":0,"unchanged":0,"superseded":0,"conflicts":0},"bodies":{"queued":0,"already_in_queue":0,"skipped":{"empty_content":2},"uploaded":0,"already_exists":0,"retryable":0,"failed":0,"refused":0,"outcomes":[]},"drain":{"requests":0,"health_requests":0,"selected":0,"success":0,"duplicate":0,"pending":0,"rejected":0,"transient":0,"terminal_failed":0,"halted":null,"cause":null,"fix":null,"seconds":0.0},"balance":{"captured":0,"delivered":0,"in_flight":0,"retryable":0,"undeliverable":0,"blocked":0,"untried":0,"superseded":0,"discarded":0,"purged":0,"holds":false},"gates":[{"name":"missing_auth","open":true,"known":true,"reason":"","fix":""}],"warnings":["w"]}"#);
}

#[test]
fn a_section_that_does_not_apply_is_left_out() {
    let text = serde_json::to_string(&Report::new("drain")).unwrap();
    assert_eq!(text, r#"{"dry_run":false,"gates":[],"warnings":[]}"#);
}
