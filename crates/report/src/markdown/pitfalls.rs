//! Pitfalls that the measurements show.

use crate::pitfall::Found;

use super::cells::{code, prose};

/// One item for each; nothing where there is none.
pub(super) fn pitfalls(found: &[Found]) -> String {
    if found.is_empty() {
        return String::new();
    }
    let each = found.iter().map(|told| format!("- {}\n", prose(&told.text(&code))));
    format!("### Pitfalls\n\n{}\n", each.collect::<String>())
}
