//! Properties of stamp files.

use super::stamp::{Changed, Stamp};

/// A stamp is written as it was read, and a stamp that is cut off is none. Names of missions with
/// any characters survive.
pub(crate) fn hook_stamp(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let named = format!(
        "sk-sync hook stamp 1\nground\n{} a\\{}\n.\n",
        text.len(),
        text.replace('\n', "\\n")
    );
    for text in [text, &named] {
        let Some(stamp) = Stamp::parse(text) else {
            continue;
        };
        let written = stamp.text();
        assert_eq!(Stamp::parse(&written).as_ref(), Some(&stamp), "{written}");
        assert_eq!(
            Stamp::parse(&written[..written.len() - 1]),
            None,
            "the end of the file is missing"
        );
        assert_ne!(stamp.changed_since(None), Changed::Nothing);
    }
}
