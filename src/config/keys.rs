//! The table of all keys: the source of similar-key hints, environment names, `config show` and the
//! example file.

use super::preset;

/// The kind of a key's value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A preset's name.
    Preset,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
    /// A line of text; empty means unset.
    Text,
    /// A UUID.
    Uuid,
    /// A URL; kept as written, `endpoint` parses it.
    Url,
    /// A whole number in this range.
    Count(u64, u64),
    /// A number of bytes in this range.
    Size(u64, u64),
    /// A time in this range, in milliseconds.
    Duration(u64, u64),
    /// A path inside the work tree.
    RelativePath,
    /// Globs on a path inside a mission directory.
    Globs,
    /// Globs on a path from the top of the project. Those of all layers are joined.
    AllGlobs,
    /// File name suffixes without their dot.
    Suffixes,
    /// A list of names.
    Names,
    /// Names of built-in layouts.
    Layouts,
    /// Tables of `[[artifacts.source]]`.
    Sources,
    /// Header names, each with the variable that holds its value.
    Headers,
    /// The variable that holds a secret.
    Secret,
    /// A file outside the repository, absolute or below `~/`; no repository's file may name it.
    OwnFile,
    /// A program and its arguments; only the user's own file may name it.
    OwnCommand,
    /// A file that only the user's own file may name, absolute or below `~/`.
    UserFile,
    /// A proxy's URL, which may hold a password; only the user's own file may name it.
    OwnProxy,
}

/// One configuration key.
#[derive(Debug)]
pub(crate) struct Key {
    /// The dotted name.
    pub(crate) name: &'static str,
    /// Kind of its values.
    pub(super) kind: Kind,
    /// The default as TOML; `None` if unset.
    pub(crate) default: Option<&'static str>,
    /// Its effect, in one sentence.
    pub(crate) meaning: &'static str,
}

impl Key {
    /// The environment variable that sets this key; `None` for keys outside a section.
    pub(crate) fn variable(&self) -> Option<String> {
        let (section, leaf) = self.name.split_once('.')?;
        Some(format!("{}{section}__{leaf}", crate::base::env::KEY_PREFIX).to_ascii_uppercase())
    }

    /// The last part of the name.
    pub(super) fn leaf(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }

    /// The key with this name; `None` if unknown.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|k| k.name == name)
    }
}

const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;
const MINUTE: u64 = 60 * 1000;
const DAY: u64 = 24 * 60 * MINUTE;

const SURFACES: &str = r#"["spec.md", "plan.md", "tasks.md", "analysis-report.md", "research.md", "quickstart.md", "data-model.md",
            "research/**", "contracts/**", "checklists/**", "tasks/WP[0-9]*.md"]"#;

/// Every key, in the order of the example file.
pub(crate) const KEYS: &[Key] = &[
    key(
        "preset",
        Kind::Preset,
        Some("\"local-retention\""),
        "A point on the axes `retention` and `delivery`.",
    ),
    key(
        "retention",
        Kind::Word(preset::RETENTIONS),
        None,
        "Whether payloads stay after delivery; overrides the preset.",
    ),
    key(
        "delivery",
        Kind::Word(preset::DELIVERIES),
        None,
        "Where events and documents are sent; overrides the preset.",
    ),
    key(
        "project.uuid",
        Kind::Uuid,
        None,
        "The project's identity, only where .kittify/config.yaml has none.",
    ),
    key(
        "project.slug",
        Kind::Text,
        None,
        "The project's name, only where .kittify/config.yaml has none.",
    ),
    key(
        "teamspace.server_url",
        Kind::Url,
        None,
        "Base URL of the Teamspace.",
    ),
    key(
        "teamspace.team_slug",
        Kind::Text,
        None,
        "The team at the Teamspace.",
    ),
    key(
        "teamspace.user_email",
        Kind::Text,
        Some("\"\""),
        "Part of the target's identity only if set here.",
    ),
    key(
        "teamspace.token_file",
        Kind::OwnFile,
        None,
        "A private file with the bearer token; never in a repository's file.",
    ),
    key(
        "teamspace.token_command",
        Kind::OwnCommand,
        None,
        "A program that prints the token; only in the user's file.",
    ),
    key(
        "external_receiver.url",
        Kind::Url,
        None,
        "Base URL of your own receiver.",
    ),
    key(
        "external_receiver.events_url",
        Kind::Url,
        None,
        "Where events go, verbatim, instead of the derived path.",
    ),
    key(
        "external_receiver.bodies_url",
        Kind::Url,
        None,
        "URL for documents, verbatim, instead of the derived path.",
    ),
    key(
        "external_receiver.events_query",
        Kind::Secret,
        None,
        "The variable with the query of the URL of events.",
    ),
    key(
        "external_receiver.bodies_query",
        Kind::Secret,
        None,
        "Environment variable with the query of the documents URL.",
    ),
    key(
        "external_receiver.headers",
        Kind::Headers,
        Some("{}"),
        "Headers, each value by the name of a variable.",
    ),
    key(
        "external_receiver.format",
        Kind::Word(&["batch", "cloudevents"]),
        Some("\"batch\""),
        "Form of a request.",
    ),
    key(
        "external_receiver.ack",
        Kind::Word(&["results", "status"]),
        Some("\"results\""),
        "What acknowledges an event.",
    ),
    key(
        "external_receiver.compression",
        Kind::Word(&["gzip", "none"]),
        Some("\"gzip\""),
        "Compression of requests.",
    ),
    key(
        "external_receiver.signing_secret",
        Kind::Secret,
        None,
        "The variable with a Standard Webhooks secret.",
    ),
    key(
        "artifacts.layouts",
        Kind::Layouts,
        Some("[\"kitty\"]"),
        "Built-in layouts that are indexed.",
    ),
    key(
        "artifacts.root",
        Kind::RelativePath,
        Some("\"kitty-specs\""),
        "The directory of mission directories.",
    ),
    key(
        "artifacts.surfaces",
        Kind::Globs,
        Some(SURFACES),
        "Files that are documents: their text is sent.",
    ),
    key(
        "artifacts.formats",
        Kind::Suffixes,
        Some(r#"["md", "json", "yaml", "yml", "csv"]"#),
        "Suffixes that are sent.",
    ),
    key(
        "artifacts.max_bytes",
        Kind::Size(1, 64 * MIB),
        Some("524288"),
        "The largest document that is sent.",
    ),
    key(
        "artifacts.exclude",
        Kind::AllGlobs,
        Some("[]"),
        "Paths from the top of the project that are not indexed.",
    ),
    key(
        "artifacts.git_ignored",
        Kind::Word(&["skip", "send"]),
        Some("\"skip\""),
        "Whether files that git ignores are indexed.",
    ),
    key(
        "artifacts.source",
        Kind::Sources,
        Some("[]"),
        "Places of your own, and settings of built-in layouts.",
    ),
    key(
        "bodies.wire_names",
        Kind::Word(&["current", "2026-03"]),
        Some("\"current\""),
        "Field names of document uploads.",
    ),
    key(
        "bodies.parallel",
        Kind::Count(1, 32),
        Some("8"),
        "Uploads at a time.",
    ),
    key(
        "bodies.max_queue_bytes",
        Kind::Size(1, TIB),
        Some("\"1 GiB\""),
        "The most bytes that wait for upload.",
    ),
    key(
        "bodies.resubmit",
        Kind::Word(&["unacknowledged", "always"]),
        Some("\"unacknowledged\""),
        "What a run offers again.",
    ),
    key(
        "documents.keep",
        Kind::Word(&["until-delivered", "always"]),
        Some("\"until-delivered\""),
        "How long texts stay in the store.",
    ),
    key(
        "journal.capacity",
        Kind::Count(1, 1_000_000_000),
        Some("100000"),
        "The most live events where retention is off.",
    ),
    key(
        "journal.warn_rows",
        Kind::Count(1, 1_000_000_000_000),
        Some("1000000"),
        "Live events above which status warns.",
    ),
    key(
        "drain.max_events",
        Kind::Count(1, 1000),
        Some("1000"),
        "The most events in a request.",
    ),
    key(
        "drain.max_bytes",
        Kind::Size(1, 64 * MIB),
        Some("524288"),
        "The most uncompressed bytes in a request.",
    ),
    key(
        "drain.max_time",
        Kind::Duration(1, DAY),
        Some("\"60s\""),
        "How long a drain may take.",
    ),
    key(
        "drain.max_rejections",
        Kind::Count(1, 1000),
        Some("5"),
        "Rejections after which an event is undeliverable.",
    ),
    key(
        "drain.lock_wait",
        Kind::Duration(0, 60 * MINUTE),
        Some("\"10s\""),
        "How long to wait for another drain.",
    ),
    key(
        "hook.drain",
        Kind::Word(&["detached", "none"]),
        Some("\"detached\""),
        "Whether a git hook starts a drain.",
    ),
    key(
        "hook.budget",
        Kind::Duration(1, MINUTE),
        Some("\"250ms\""),
        "How long git waits for a hook; in a repository's file 5s at most.",
    ),
    key(
        "hook.max_time",
        Kind::Duration(1, DAY),
        Some("\"30s\""),
        "How long the drain that a hook starts may take.",
    ),
    key(
        "dossier.parity",
        Kind::Word(&["path", "content"]),
        Some("\"path\""),
        "Form of the parity hash.",
    ),
    key(
        "mission_log.capture",
        Kind::Switch,
        Some("true"),
        "Whether the lines of each mission's status.events.jsonl are captured.",
    ),
    key(
        "opt_out.teamspace_bound",
        Kind::Word(&["keep", "audit"]),
        Some("\"keep\""),
        "Teamspace families under opt-out.",
    ),
    key(
        "migrate.imported",
        Kind::Word(&["owed", "held"]),
        Some("\"owed\""),
        "Whether imported events are sent without a release.",
    ),
    key(
        "migrate.personal_data",
        Kind::Word(&["strip", "send"]),
        Some("\"strip\""),
        "Whether names of people and machines in imported events are sent.",
    ),
    key(
        "network.proxy",
        Kind::OwnProxy,
        None,
        "Proxy for https; only in the user's file.",
    ),
    key(
        "network.client_cert",
        Kind::UserFile,
        None,
        "Certificate to show to servers (PEM); only in the user's file.",
    ),
    key(
        "network.client_key",
        Kind::UserFile,
        None,
        "Its private key (PEM); only in the user's file.",
    ),
    key(
        "families.local_only",
        Kind::Names,
        Some("[]"),
        "Event types that are never sent, in addition to the built-in ones.",
    ),
];

const fn key(
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    meaning: &'static str,
) -> Key {
    Key {
        name,
        kind,
        default,
        meaning,
    }
}

/// The sections, in the order of [`KEYS`].
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    KEYS.iter()
        .filter_map(|k| k.name.split_once('.'))
        .filter_map(move |(section, _)| {
            let is_new = section != last;
            last = section;
            is_new.then_some(section)
        })
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
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_section_has_a_variable() {
        let variable = |name| Key::named(name).unwrap().variable();
        assert_eq!(
            variable("drain.max_events").as_deref(),
            Some("SK_SYNC_DRAIN__MAX_EVENTS")
        );
        assert_eq!(
            variable("external_receiver.url").as_deref(),
            Some("SK_SYNC_EXTERNAL_RECEIVER__URL")
        );
        assert_eq!(variable("preset"), None);
    }

    #[test]
    fn keys_of_a_section_stand_together() {
        let mut seen: Vec<_> = sections().collect();
        let listed = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), listed);
    }

    #[test]
    fn slips_are_met_with_the_nearest_key() {
        for (slip, hinted) in [
            ("drain.max_event", "drain.max_events"),
            ("max_events", "drain.max_events"),
            ("teamspace.max_rejections", "drain.max_rejections"),
            ("presett", "preset"),
            ("teamspace.teamslug", "teamspace.team_slug"),
        ] {
            assert_eq!(hint(slip), format!("; did you mean `{hinted}`?"), "{slip}");
        }
        assert_eq!(hint("colours"), "");
    }
}
