//! One configuration key: a row of the table in [`super::keys`], and the macro that reads the rows.

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

/// The values that a repository's file may give a key before a person agreed to the file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Free {
    /// Any: the key names the project, or keeps something from being sent.
    Anything,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A number no greater than the default, or a list of entries of the default.
    Within,
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
    /// What needs no agreement; `None`: nothing but the default.
    pub(super) free: Option<Free>,
    /// A value for the example file, if there is no default.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the example file is made of it")
    )]
    pub(super) sample: Option<&'static str>,
    /// The lines of its documentation; the first is the meaning.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the example file is made of it")
    )]
    pub(super) doc: &'static [&'static str],
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
}

/// A section of the configuration.
#[derive(Debug)]
pub(super) struct Section {
    /// Its name.
    pub(super) name: &'static str,
    /// Its subject, in one sentence.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the example file is made of it")
    )]
    pub(super) doc: &'static str,
}

/// The first line of a documentation.
pub(super) const fn first(doc: &[&'static str]) -> &'static str {
    match doc {
        [first, ..] => first.trim_ascii(),
        [] => "",
    }
}

/// Reads the rows of the table of keys into [`Key`]s and into the structs of the checked
/// configuration. A row:
///
/// ```text
/// /// The meaning, one line. Further lines go into the example file only.
/// name: Kind [=> field type [as "function that reads it"]], default "TOML" | unset "sample" [, free Free];
/// ```
///
/// A key without a field type has no field: `endpoint` reads it source by source.
macro_rules! keys {
    (
        top { $(
            $(#[doc = $top_doc:literal])+
            $top:ident : $top_kind:expr => $top_type:ty
            $(, default $top_default:literal)? $(, unset $top_sample:literal)? $(, free $top_free:expr)? ;
        )+ }
        $(
            $(#[doc = $section_doc:literal])+
            section $section:ident : $Section:ident { $(
                $(#[doc = $doc:literal])+
                $name:ident : $kind:expr $(=> $type:ty $(as $with:literal)?)?
                $(, default $default:literal)? $(, unset $sample:literal)? $(, free $free:expr)? ;
            )+ }
        )+
    ) => {
        /// Every key, in the order of the example file.
        pub(crate) const KEYS: &[Key] = &[
            $(Key {
                name: stringify!($top),
                kind: $top_kind,
                default: keys!(@option $($top_default)?),
                meaning: first(&[$($top_doc),+]),
                free: keys!(@option $($top_free)?),
                sample: keys!(@option $($top_sample)?),
                doc: &[$($top_doc),+],
            },)+
            $($(Key {
                name: concat!(stringify!($section), ".", stringify!($name)),
                kind: $kind,
                default: keys!(@option $($default)?),
                meaning: first(&[$($doc),+]),
                free: keys!(@option $($free)?),
                sample: keys!(@option $($sample)?),
                doc: &[$($doc),+],
            },)+)+
        ];

        /// The sections, in the order of [`KEYS`].
        pub(super) const SECTIONS: &[Section] = &[
            $(Section {
                name: stringify!($section),
                doc: first(&[$($section_doc),+]),
            },)+
        ];

        /// The checked configuration: every setting except URLs, which `endpoint` compares source by
        /// source.
        #[derive(Debug, Clone, PartialEq, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct EventSyncConfig {
            $(pub(crate) $top: $top_type,)+
            $(pub(crate) $section: $Section,)+
        }

        $(
            $(#[doc = $section_doc])+
            #[derive(Debug, Clone, PartialEq, serde::Deserialize)]
            #[serde(deny_unknown_fields)]
            pub(crate) struct $Section {
                $($($(#[serde(default, deserialize_with = $with)])? pub(crate) $name: $type,)?)+
            }
        )+
    };
    (@option) => { None };
    (@option $value:expr) => { Some($value) };
}
pub(super) use keys;
