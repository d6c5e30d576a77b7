//! What on this host hurts measurements.
//!
//! Facts are read where the kernel tells them; three are measured: how late sleeps end, what reading the clock costs, and
//! how busy the host is meanwhile. Nothing here changes anything.

mod measured;
mod told;

use std::path::Path;

/// How a fact is for measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judgement {
    /// As it should be.
    Good,
    /// The host does not tell.
    Unknown,
    /// Numbers may be worse than the brokers or the client are.
    Doubtful,
    /// Numbers will be worse than they are.
    Bad,
}

impl Judgement {
    /// As one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "unknown",
            Self::Doubtful => "doubtful",
            Self::Bad => "bad",
        }
    }
}

/// One fact about the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub what: &'static str,
    /// What it is.
    pub found: String,
    /// What that means for measurements.
    pub judgement: Judgement,
    /// What to do; empty where nothing is to be done.
    pub advice: &'static str,
}

impl Finding {
    fn new(what: &'static str, found: impl Into<String>, judgement: Judgement, advice: &'static str) -> Self {
        let advice = if judgement == Judgement::Good { "" } else { advice };
        Self {
            what,
            found: found.into(),
            judgement,
            advice,
        }
    }

    /// What the host does not tell.
    fn not_told(what: &'static str) -> Self {
        Self::new(what, "not told", Judgement::Unknown, "nothing to be done here")
    }
}

/// The text of a file, where it can be read.
type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// Looks at the host; takes about a second and a half, in which it measures.
pub fn examine() -> Vec<Finding> {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let mut findings = told::findings(&read);
    findings.extend(measured::findings());
    findings
}
