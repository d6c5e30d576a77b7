//! The answer in one screen: which settings, what they gain, how many trials count, pitfalls, and the delivered rate over
//! time.

mod sparkline;
mod wrap;

use crate::advice::{Choice, text};
use crate::analysed::Analysed;
use crate::experiment::ExperimentReport;
use crate::factors::of_cells;
use crate::format::{ascii, count, plural};

/// Columns of a screen whose width is not known.
const WIDTH: usize = 80;

/// The narrowest that anything is fitted to.
const NARROWEST: usize = 24;

/// Recommendations that are told; a report has all.
const SHOWN: usize = 3;

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// More than ASCII.
    pub utf8: bool,
    /// Colours: green is what is recommended, yellow a doubt, red what is invalid.
    pub colour: bool,
    /// Columns, where they are known.
    pub width: Option<u16>,
}

/// What a line means, which is told by its colour as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tone {
    Plain,
    Good,
    Doubt,
    Bad,
}

impl Tone {
    /// The escape sequence that begins it; none for plain text.
    fn begin(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("\u{1b}[32m"),
            Self::Doubt => Some("\u{1b}[33m"),
            Self::Bad => Some("\u{1b}[31m"),
        }
    }
}

/// The answer; empty without a result.
pub fn render(of: &Analysed<'_>, screen: Screen) -> String {
    let Analysed {
        report,
        advice,
        pitfalls,
        ..
    } = of;
    if report.results.is_empty() {
        return String::new();
    }
    let width = screen.width.map_or(WIDTH, usize::from).max(NARROWEST);
    let mut told = String::new();
    let mut say = |tone: Tone, text: &str| {
        for line in wrap::wrap(&shown(text, screen.utf8), width) {
            match tone.begin().filter(|_| screen.colour) {
                Some(begin) => told.extend([begin, &line, "\u{1b}[0m\n"]),
                None => told.extend([line.as_str(), "\n"]),
            }
        }
    };
    for choice in advice.choices.iter().take(SHOWN) {
        say(Tone::Good, &text::headline(choice, &plain));
        for line in details(choice) {
            say(Tone::Plain, &format!("  {line}"));
        }
    }
    if let Some(more) = advice.choices.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        say(
            Tone::Plain,
            &format!("And {} for other loads, in the report.", count(more as u64)),
        );
    }
    for why in &advice.missing {
        say(Tone::Doubt, &format!("Nothing is recommended: {why}."));
    }
    for line in advice
        .suggested
        .iter()
        .flat_map(|suggested| text::held(suggested, &plain))
    {
        say(Tone::Plain, &line);
    }
    let (tone, verdicts) = verdicts(report);
    say(tone, &verdicts);
    for found in pitfalls {
        say(Tone::Doubt, &format!("Pitfall: {}", found.text(&plain)));
    }
    if let Some((heading, lines)) = sparkline::lines(&of_cells(report), width).filter(|_| screen.utf8) {
        say(Tone::Plain, &heading);
        for line in lines {
            told.extend([shown(&line, true).as_str(), "\n"]);
        }
    }
    told
}

/// What is told of a recommendation below its headline.
fn details(choice: &Choice) -> Vec<String> {
    let set: Vec<String> = choice
        .set
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let set = if set.is_empty() {
        "the client's defaults".to_owned()
    } else {
        set.join(" ")
    };
    let mut lines = vec![format!("settings, measured with {}: {set}", choice.client)];
    lines.extend(text::reasons(choice, &plain));
    lines
}

/// Names stand as they are: a line's characters are looked at as a whole.
fn plain(text: &str) -> String {
    text.to_owned()
}

/// How many trials of cells count.
fn verdicts(report: &ExperimentReport) -> (Tone, String) {
    let cells = of_cells(report);
    let all = if cells.is_empty() {
        report.results.iter().collect()
    } else {
        cells
    };
    let invalid = all.iter().filter(|r| !r.verdict.valid()).count();
    let missed = all
        .iter()
        .filter(|r| r.verdict.valid() && r.rates.sustained == Some(false))
        .count();
    let mut told = vec![format!(
        "{} of {} valid",
        count((all.len() - invalid) as u64),
        plural(all.len() as u64, "trial")
    )];
    let others = [(invalid, "INVALID"), (missed, "not sustained")];
    let others = others.into_iter().filter(|(number, _)| *number > 0);
    told.extend(others.map(|(number, what)| format!("{} {what}", count(number as u64))));
    let tone = if invalid > 0 { Tone::Bad } else { Tone::Plain };
    (tone, told.join(", ") + ".")
}

/// Text that cannot move the cursor, change a colour or turn the direction of what follows.
fn shown(text: &str, utf8: bool) -> String {
    let harmless = |c: char| match c {
        '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '?',
        c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => ' ',
        c => c,
    };
    let text: String = text.chars().map(harmless).collect();
    if utf8 { text } else { ascii(&text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_moves_the_cursor_or_turns_the_line() {
        assert_eq!(shown("a\u{1b}[31mb\nc\u{202e}d ü", true), "a [31mb c?d ü");
        assert_eq!(shown("a\u{1b}[31m ≥ ü", false), "a [31m >= ?");
    }
}
