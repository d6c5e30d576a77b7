//! Which settings to use, and whether the suggested ones held.

use crate::advice::{Advice, Choice, text};
use crate::analysed::Analysed;

use super::cells::{Align, Table, code, escape, fold, prose};

/// The recommended settings, what is missing to recommend any, and what the suggested ones are worth here.
pub(super) fn advice(of: &Analysed<'_>) -> String {
    if of.report.results.is_empty() {
        return String::new();
    }
    let advice = &of.advice;
    let mut text = String::from("### Recommended settings\n\n");
    for choice in &advice.choices {
        text += &recommended(choice);
    }
    for why in &advice.missing {
        text += &format!("- Nothing is recommended: {}.\n", escape(why));
    }
    if !advice.missing.is_empty() {
        text.push('\n');
    }
    text + &suggested(advice)
}

fn recommended(choice: &Choice) -> String {
    let mut text = format!("**{}**\n\n", text::headline(choice, &code));
    for reason in text::reasons(choice, &code) {
        text += &format!("- {reason}\n");
    }
    text.push('\n');
    text += &bought(choice);
    text += &format!("{}\n\n", prose(&text::measured_with(choice, &code)));
    let mut blocks = String::new();
    for spelling in &choice.spellings {
        let fence = "`".repeat(longest_run(&spelling.text).max(2) + 1);
        blocks += &format!(
            "{}:\n\n{fence}text\n{}{fence}\n\n",
            escape(&spelling.client),
            spelling.text
        );
    }
    text + &fold("The settings in each client's own spelling, to paste", &blocks)
}

/// The longest run of backticks in a text: a fence around it has to be longer.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// What each setting did alone.
fn bought(choice: &Choice) -> String {
    if choice.bought.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["setting", "instead of", "by itself"].map(|name| (name, Align::Left)));
    let value = |value: &Option<String>| value.as_ref().map_or_else(|| "not set".to_owned(), |value| code(value));
    for bought in &choice.bought {
        table.row(vec![
            format!("{} {}", code(&bought.setting), value(&bought.value)),
            value(&bought.instead_of),
            text::alone(bought),
        ]);
    }
    "What each setting that differs from the baseline did by itself, between cells that differ in nothing else:\n\n"
        .to_owned()
        + &table.render()
}

fn suggested(advice: &Advice) -> String {
    if advice.suggested.is_empty() {
        return String::new();
    }
    let mut text = String::from("### Suggested settings\n\n");
    for told in &advice.suggested {
        for line in text::held(told, &code) {
            text += &format!("- {line}\n");
        }
    }
    text + "\n"
}
