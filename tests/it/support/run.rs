//! One run of the program: exit code and output.

/// How a run of the program ended.
#[derive(Debug)]
#[must_use = "a run that nobody looks at proves nothing"]
pub(crate) struct Run {
    /// The exit code; `None` when a signal ended it, which is also how a command ends that hangs.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Run {
    /// The same, having ended with this code.
    pub(crate) fn code(self, code: i32) -> Self {
        assert!(!self.stderr.contains("panicked at"), "{self:#?}");
        assert_eq!(self.code, Some(code), "exit code; {self:#?}");
        self
    }

    /// The same, having succeeded.
    pub(crate) fn success(self) -> Self {
        self.code(0)
    }

    /// The one JSON document on stdout, whose exit code must be the process's.
    pub(crate) fn json(&self) -> serde_json::Value {
        let document: serde_json::Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}; {self:#?}"));
        assert_eq!(document["schema_version"], 1, "{self:#?}");
        if let Some(code) = document.get("exit_code") {
            assert_eq!(code.as_i64(), self.code.map(i64::from), "{self:#?}");
        }
        document
    }

    /// The JSON objects on stdout, one a line.
    pub(crate) fn json_lines(&self) -> Vec<serde_json::Value> {
        let parse =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}; {line}"));
        self.stdout.lines().map(parse).collect()
    }
}
