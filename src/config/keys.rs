//! The table of all keys: one row each, with name, kind, range, field, default and documentation.
//!
//! It is the only source of the fields of [`EventSyncConfig`], the checks, the names of variables,
//! similar-key hints, `config show`, `help config`, and `event-sync.toml.example`. A field holds
//! what `check` makes of the value: sizes in bytes, paths relative and without `..`, suffixes
//! lower-case and without a dot, references to variables by name.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::key::{Free, Key, Kind, Section, first, keys};
use super::preset::Retention;
use super::receiver::Delivery;
use super::schema::{
    Ack, BoundFamilies, Compression, Format, GitIgnoredFiles, Header, HookDrain, Imported,
    KeepTexts, Parity, PersonalData, Resubmit, WireNames,
};
use super::source::ArtifactSource;

const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;
const MINUTE: u64 = 60 * 1000;
const DAY: u64 = 24 * 60 * MINUTE;

keys! {
    top {
        /// A point on the axes `retention` and `delivery`.
        /// "teamspace", "external-receiver", "local-retention" (keep everything, send nothing), "opt-out"
        /// (keep only what must not be dropped), "stub" (a built-in receiver: no server, no account).
        preset: Kind::Preset => String,
            default "\"local-retention\"", free Free::Words(&["stub", "local-retention"]);
        /// Whether payloads stay after delivery; overrides the preset.
        retention: Kind::Word(Retention::WORDS) => Retention, unset "\"on\"";
        /// Where events and documents are sent; overrides the preset.
        /// "none", "teamspace", "external-receiver" or "stub".
        delivery: Kind::Word(Delivery::WORDS) => Delivery,
            unset "\"none\"", free Free::Words(&["stub", "none"]);
    }

    /// The project's identity. `sk-sync init --project` makes one.
    section project: Project {
        /// The project's identity, only where .kittify/config.yaml has none.
        uuid: Kind::Uuid => Option<String>,
            unset "\"00000000-0000-0000-0000-000000000000\"", free Free::Anything;
        /// The project's name, only where .kittify/config.yaml has none.
        slug: Kind::Text => Option<String> as "unless_empty", unset "\"my-project\"", free Free::Anything;
    }

    /// The hosted receiver.
    section teamspace: Teamspace {
        /// Base URL of the Teamspace.
        /// Plain http is accepted for loopback only; a name or password in it is refused.
        server_url: Kind::Url, unset "\"https://teamspace.example\"";
        /// The team at the Teamspace.
        /// Without it the check missing_team fails.
        team_slug: Kind::Text => Option<String> as "unless_empty", unset "\"my-team\"";
        /// Part of the target's identity only if set here.
        /// It is never learned from a token.
        user_email: Kind::Text => String, default "\"\"";
        /// A private file with the bearer token; never in a repository's file.
        /// Absolute, or ~/…. SK_SYNC_TOKEN and SK_SYNC_TOKEN_FILE come before it, git's credential helpers
        /// after.
        token_file: Kind::OwnFile => Option<String>, unset "\"~/.config/sk-sync/token\"";
        /// A program that prints the token; only in the user's file.
        token_command: Kind::OwnCommand => Option<Vec<String>>, unset "[\"pass\", \"show\", \"teamspace\"]";
    }

    /// Your own receiver.
    section external_receiver: ExternalReceiver {
        /// Base URL of your own receiver.
        /// Events go to URL/api/v1/events/batch/, documents to URL/api/dossier/push-content/.
        url: Kind::Url, unset "\"https://receiver.example\"";
        /// Where events go, verbatim, instead of the derived path.
        events_url: Kind::Url, unset "\"https://receiver.example/events\"";
        /// URL for documents, verbatim, instead of the derived path.
        /// With neither url nor bodies_url, documents are skipped: no_bodies_endpoint.
        bodies_url: Kind::Url, unset "\"https://receiver.example/bodies\"";
        /// The variable with the query of the URL of events.
        /// For a key that must not be written down: SK_SYNC_SECRET_QUERY='code=…'. It is shown and stored
        /// nowhere, and a new value is not a new target.
        events_query: Kind::Secret => Option<String>, unset "{ env = \"SK_SYNC_SECRET_QUERY\" }";
        /// Environment variable with the query of the documents URL.
        bodies_query: Kind::Secret => Option<String>, unset "{ env = \"SK_SYNC_SECRET_QUERY\" }";
        /// Headers, each value by the name of a variable.
        /// { "X-Api-Key" = { env = "SK_SYNC_SECRET_API_KEY" } }. A repository's file may name only variables
        /// that begin with SK_SYNC_SECRET_.
        headers: Kind::Headers => Vec<Header>, default "{}";
        /// Form of a request.
        /// "batch", or "cloudevents": a CloudEvents 1.0 JSON batch (needs ack = "status").
        format: Kind::Word(Format::WORDS) => Format, default "\"batch\"";
        /// What acknowledges an event.
        /// "results" that name its id, or the "status" 2xx of the whole request. For documents: the echo of
        /// their path and hash, or that status.
        ack: Kind::Word(Ack::WORDS) => Ack, default "\"results\"";
        /// Compression of requests.
        /// "gzip" or "none". With cloudevents or a signature the default is "none": signed bytes are sent
        /// bytes.
        compression: Kind::Word(Compression::WORDS) => Compression, default "\"gzip\"";
        /// The variable with a Standard Webhooks secret.
        /// whsec_…; two with a blank between them while one replaces the other. Events and documents are
        /// then signed, over the bytes as they are sent.
        signing_secret: Kind::Secret => Option<String>, unset "{ env = \"SK_SYNC_SECRET_SIGNING\" }";
    }

    /// What is indexed, and which documents are sent.
    section artifacts: Artifacts {
        /// Built-in layouts that are indexed.
        /// "kitty" (root, surfaces and formats below), "spec-kit", "openspec", "kiro", "bmad", "gsd". Units
        /// of the second and further ones get `<layout>.` before their name. `sk-sync init` finds those of a
        /// repository.
        layouts: Kind::Layouts => Vec<String>, default "[\"kitty\"]", free Free::Within;
        /// The directory of mission directories.
        /// Relative, without "..".
        root: Kind::RelativePath => String, default "\"kitty-specs\"";
        /// Files that are documents: their text is sent.
        /// Globs on the whole path inside a mission directory: case-sensitive, * crosses /.
        surfaces: Kind::Globs => Vec<String>, default r#"["spec.md", "plan.md", "tasks.md", "analysis-report.md", "research.md", "quickstart.md", "data-model.md",
            "research/**", "contracts/**", "checklists/**", "tasks/WP[0-9]*.md"]"#, free Free::Within;
        /// Suffixes that are sent.
        /// Compared without regard to case.
        formats: Kind::Suffixes => Vec<String>,
            default r#"["md", "json", "yaml", "yml", "csv"]"#, free Free::Within;
        /// The largest document that is sent.
        /// Bytes, or a size like "512 KiB".
        max_bytes: Kind::Size(1, 64 * MIB) => u64, default "524288", free Free::Within;
        /// Paths from the top of the project that are not indexed.
        /// Globs; a directory stands for everything in it, * crosses /. The lists of all files that set this
        /// count together.
        exclude: Kind::AllGlobs => Vec<String>, default "[]", free Free::Anything;
        /// Whether files that git ignores are indexed.
        /// .gitignore and .git/info/exclude, never a tracked file: "skip", or "send" to index them like
        /// others.
        git_ignored: Kind::Word(GitIgnoredFiles::WORDS) => GitIgnoredFiles, default "\"skip\"";
        /// Places of your own, and settings of built-in layouts.
        /// As [[artifacts.source]] tables; see docs/layouts.md.
        source: Kind::Sources => Vec<ArtifactSource>, default "[]";
    }

    /// How documents are sent.
    section bodies: Bodies {
        /// Field names of document uploads.
        /// "current", or "2026-03" for older receivers: feature_slug and mission_key.
        wire_names: Kind::Word(WireNames::WORDS) => WireNames, default "\"current\"";
        /// Uploads at a time.
        /// 1 to 32.
        parallel: Kind::Count(1, 32) => usize, default "8", free Free::Within;
        /// The most bytes that wait for upload.
        max_queue_bytes: Kind::Size(1, TIB) => u64, default "\"1 GiB\"";
        /// What a run offers again.
        /// Documents that the target has not acknowledged, or "always" every document.
        resubmit: Kind::Word(Resubmit::WORDS) => Resubmit, default "\"unacknowledged\"";
    }

    /// What is kept of documents.
    section documents: Documents {
        /// How long texts stay in the store.
        /// "until-delivered" to every live target, or "always".
        keep: Kind::Word(KeepTexts::WORDS) => KeepTexts, default "\"until-delivered\"";
    }

    /// Limits of the journal.
    section journal: Journal {
        /// The most live events where retention is off.
        /// Also for capture --strict-capacity.
        capacity: Kind::Count(1, 1_000_000_000) => u64, default "100000";
        /// Live events above which status warns.
        warn_rows: Kind::Count(1, 1_000_000_000_000) => u64, default "1000000", free Free::Within;
    }

    /// Limits of a drain.
    section drain: Drain {
        /// The most events in a request.
        /// 1 to 1000.
        max_events: Kind::Count(1, 1000) => usize, default "1000", free Free::Within;
        /// The most uncompressed bytes in a request.
        max_bytes: Kind::Size(1, 64 * MIB) => u64, default "524288", free Free::Within;
        /// How long a drain may take.
        /// Seconds, or a time like "250ms", "60s", "5m".
        max_time: Kind::Duration(1, DAY) => Duration as "from_milliseconds",
            default "\"60s\"", free Free::Within;
        /// Rejections after which an event is undeliverable.
        max_rejections: Kind::Count(1, 1000) => u32, default "5", free Free::Within;
        /// How long to wait for another drain.
        lock_wait: Kind::Duration(0, 60 * MINUTE) => Duration as "from_milliseconds",
            default "\"10s\"", free Free::Within;
    }

    /// What a git hook does after capture.
    section hook: Hook {
        /// Whether a git hook starts a drain.
        /// "detached": in a separate process. "none": it captures only.
        drain: Kind::Word(HookDrain::WORDS) => HookDrain, default "\"detached\"";
        /// How long git waits for a hook; in a repository's file 5s at most.
        /// What is not captured by then is left to the process in the background.
        budget: Kind::Duration(1, MINUTE) => Duration as "from_milliseconds",
            default "\"250ms\"", free Free::Within;
        /// How long the drain that a hook starts may take.
        max_time: Kind::Duration(1, DAY) => Duration as "from_milliseconds",
            default "\"30s\"", free Free::Within;
    }

    /// Forms of dossier events.
    section dossier: Dossier {
        /// Form of the parity hash.
        /// Over "path" and content, or over "content" alone, the older form.
        parity: Kind::Word(Parity::WORDS) => Parity, default "\"path\"";
    }

    /// The log that a mission keeps (status.events.jsonl).
    section mission_log: MissionLog {
        /// Whether the lines of each mission's status.events.jsonl are captured.
        /// true: each line is captured as an event. false: the log is a file like any other.
        capture: Kind::Switch => bool, default "true", free Free::Anything;
    }

    /// What the preset opt-out does to events meant for a Teamspace.
    section opt_out: OptOut {
        /// Teamspace families under opt-out.
        /// "keep": keeps and holds them. "audit": drops them after a durable audit row.
        teamspace_bound: Kind::Word(BoundFamilies::WORDS) => BoundFamilies, default "\"keep\"";
    }

    /// What an import from older queues does.
    section migrate: Migrate {
        /// Whether imported events are sent without a release.
        /// By default they are sent like captured ones. "held": they wait for migrate release, and queued
        /// documents stay in the older queue.
        imported: Kind::Word(Imported::WORDS) => Imported, default "\"owed\"";
        /// Whether names of people and machines in imported events are sent.
        /// "strip": developer_name, machine_name and workspace_path stay in the journal and are not sent.
        personal_data: Kind::Word(PersonalData::WORDS) => PersonalData, default "\"strip\"";
    }

    /// Connections to servers: only in your user file, never in a repository's.
    section network: NetworkSettings {
        /// Proxy for https; only in the user's file.
        /// Also with USER:PASSWORD@. SK_SYNC_PROXY comes before it, HTTPS_PROXY and the like after; NO_PROXY
        /// holds for all of them, and a server on this machine is always reached directly.
        proxy: Kind::OwnProxy => Option<String> as "unless_empty", unset "\"http://proxy.example:3128\"";
        /// Certificate to show to servers (PEM); only in the user's file.
        client_cert: Kind::UserFile => Option<String>, unset "\"~/.config/sk-sync/client.pem\"";
        /// Its private key (PEM); only in the user's file.
        client_key: Kind::UserFile => Option<String>, unset "\"~/.config/sk-sync/client.key\"";
    }

    /// Event types beyond the built-in table.
    section families: Families {
        /// Event types that are never sent, in addition to the built-in ones.
        /// Built in: MissionReopened and FollowUpRecorded.
        local_only: Kind::Names => Vec<String>, default "[]";
    }
}

fn from_milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

/// Empty text unsets a key that a lower layer sets.
fn unless_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(|text| Some(text).filter(|t| !t.is_empty()))
}

/// The key with this name; `None` if unknown.
pub(super) fn key_named(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.name == name)
}

/// The names of the sections, in the order of [`KEYS`].
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    SECTIONS.iter().map(|section| section.name)
}

/// `; did you mean …?` for an unknown dotted name, or nothing.
pub(super) fn hint(name: &str) -> String {
    let leaf = name.rsplit('.').next().unwrap_or(name);
    let misplaced = KEYS.iter().find(|k| k.leaf() == leaf).map(|k| k.name);
    let near = misplaced.or_else(|| crate::base::text::nearest(name, KEYS.iter().map(|k| k.name)));
    let near = near.or_else(|| {
        KEYS.iter()
            .find(|k| crate::base::text::nearest(leaf, [k.leaf()]).is_some())
            .map(|k| k.name)
    });
    near.map(|n| format!("; did you mean `{n}`?"))
        .unwrap_or_default()
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
