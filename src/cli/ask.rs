//! Asks a person who is at a terminal.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use crate::cli::{Context, Exit, Failure};

/// A question that only yes agrees to.
pub(crate) struct Question<'a> {
    /// The question, without the choice of answers.
    pub(crate) words: &'a str,
    /// The failure where it cannot be asked.
    pub(crate) cannot: &'a str,
    /// The command line that agrees without it.
    pub(crate) agreeing: &'a str,
    /// The failure for any other answer.
    pub(crate) refused: &'a str,
}

impl Question<'_> {
    /// Asks; fails unless the answer is yes, or where there is no terminal.
    pub(crate) fn ask(&self, context: &Context) -> Result<(), Failure> {
        if context.globals.no_input || !std::io::stdin().is_terminal() || context.printer.is_json()
        {
            let hint = format!("to agree: {}", self.agreeing);
            return Err(Failure::usage(self.cannot).with_hint(hint));
        }
        // What the question is about comes before it.
        context.printer.flush();
        let answer = read_answer(self.words)
            .map_err(|error| Failure::new(Exit::Internal, "io", format!("cannot ask: {error}")))?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(Failure::usage(self.refused)),
        }
    }
}

fn read_answer(question: &str) -> std::io::Result<String> {
    let mut err = std::io::stderr();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer)
}
