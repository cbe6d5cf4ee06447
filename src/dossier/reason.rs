//! Why an entry on disk is not an artifact or not a mission.

/// A reason code with its explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reason {
    /// A link leads out of the feature directory.
    LinkOutside,
    /// A link whose target does not exist.
    LinkDangling,
    /// A loop of links.
    LinkLoop,
    /// A link leads to a directory.
    LinkToDirectory,
    /// A link through a directory that may not be searched.
    LinkUnreadable,
    /// A FIFO, a socket, a device.
    SpecialFile,
    /// A file with another name outside the feature directory.
    HardLink,
    /// A name that is not UTF-8.
    NameNotUtf8,
    /// A directory that contains `.git`.
    NestedRepository,
    /// A directory that cannot be listed.
    UnreadableDirectory,
    /// It existed when listed, and not when opened.
    Vanished,
    /// A directory name that is not a safe mission slug.
    UnsafeName,
    /// A directory whose slug another unit has.
    SlugTaken,
    /// A feature directory that is itself a link.
    MissionIsLink,
    /// A listed document that is a link.
    DocumentIsLink,
    /// There is no `meta.json`; defaults are used.
    MetaMissing,
    /// `meta.json` is not JSON.
    MetaNotJson,
    /// `meta.json` is JSON, but not an object.
    MetaNotObject,
    /// `meta.json` is not UTF-8.
    MetaNotUtf8,
    /// `meta.json` cannot be read.
    MetaUnreadable,
    /// `meta.json` gives an empty target branch.
    MetaBlankBranch,
    /// `meta.json` gives null as target branch or mission type.
    MetaNullField,
    /// `meta.json` gives a target branch or mission type of more than 255 characters.
    MetaFieldTooLong,
    /// The mission's parity baseline cannot be read, or is not valid.
    BaselineUnusable,
}

impl Reason {
    /// The code for scripts.
    pub(crate) const fn code(self) -> &'static str {
        self.both().0
    }

    /// The explanation for people.
    pub(crate) const fn explanation(self) -> &'static str {
        self.both().1
    }

    const fn both(self) -> (&'static str, &'static str) {
        match self {
            Self::LinkOutside => (
                "link_outside",
                "the link leads out of the feature directory",
            ),
            Self::LinkDangling => ("link_dangling", "the link leads nowhere"),
            Self::LinkLoop => ("link_loop", "the link leads in a circle"),
            Self::LinkToDirectory => ("link_to_directory", "linked directories are not entered"),
            Self::LinkUnreadable => (
                "link_unreadable",
                "the link leads through a directory that may not be searched",
            ),
            Self::SpecialFile => ("special_file", "not a regular file"),
            Self::HardLink => (
                "hard_link",
                "it has another name outside the mission, through which it may be changed",
            ),
            Self::NameNotUtf8 => ("name_not_utf8", "the name is not UTF-8"),
            Self::NestedRepository => (
                "nested_repository",
                "another repository (it has its own .git)",
            ),
            Self::UnreadableDirectory => ("unreadable_directory", "the directory cannot be listed"),
            Self::Vanished => ("vanished", "it was deleted while the index was made"),
            Self::UnsafeName => (
                "unsafe_name",
                "a mission is named with ASCII letters, digits, `-`, `_` and inner `.` only",
            ),
            Self::SlugTaken => ("slug_taken", "another unit has this name"),
            Self::MissionIsLink => ("mission_is_link", "a feature directory must not be a link"),
            Self::DocumentIsLink => ("document_is_link", "a listed document must not be a link"),
            Self::MetaMissing => ("meta_missing", "meta.json is missing; defaults are used"),
            Self::MetaNotJson => ("meta_not_json", "meta.json is not valid JSON"),
            Self::MetaNotObject => ("meta_not_object", "meta.json is not a JSON object"),
            Self::MetaNotUtf8 => ("meta_not_utf8", "meta.json is not UTF-8"),
            Self::MetaUnreadable => ("meta_unreadable", "meta.json cannot be read"),
            Self::BaselineUnusable => (
                "baseline_unusable",
                "it is not a parity baseline; drift is not checked",
            ),
            Self::MetaFieldTooLong => (
                "meta_field_too_long",
                "meta.json gives a target_branch or mission_type of more than 255 characters",
            ),
            Self::MetaNullField => (
                "meta_null_field",
                "meta.json gives null as target_branch or mission_type: servers get the text None, as from Spec Kitty; leave \
                 the member out for the default",
            ),
            Self::MetaBlankBranch => (
                "meta_blank_branch",
                "meta.json gives an empty target_branch",
            ),
        }
    }
}

/// A skipped entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Skipped {
    /// The mission it belongs to; `None` for entries that are not a mission.
    pub(crate) mission_slug: Option<String>,
    /// Path relative to the feature directory, or to the artifact root for entries that are not a
    /// mission. Escape it before printing.
    pub(crate) path: String,
    pub(crate) reason: Reason,
}
