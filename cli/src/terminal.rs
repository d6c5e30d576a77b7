//! The two streams: data on standard output, talk on standard error. Nothing else prints.

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Write};

use tribunal_report::answer::Screen;

/// Data.
///
/// A reader that has gone away is no error: whoever runs `| head` has what it wanted.
pub(crate) fn out(text: &str) {
    write(&mut io::stdout().lock(), text);
}

/// One line of talk.
pub(crate) fn say(line: &str) {
    write(&mut io::stderr().lock(), &format!("{line}\n"));
}

fn write(stream: &mut impl Write, text: &str) {
    // There is nobody left to tell.
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

/// The error that ends the command, and its innermost cause where that says more.
pub(crate) fn say_error(error: &anyhow::Error) {
    let text = error.to_string();
    say(&format!("error: {text}"));
    let cause = error.root_cause().to_string();
    if !text.contains(&cause) {
        say(&format!("  caused by: {cause}"));
    }
}

/// Whether progress may be drawn.
pub(crate) fn talk_is_seen() -> bool {
    io::stderr().is_terminal()
}

/// The width to wrap tables to; none where standard output is no terminal.
pub(crate) fn width() -> Option<u16> {
    let stdout = io::stdout();
    let size = stdout
        .is_terminal()
        .then(|| rustix::termios::tcgetwinsize(&stdout).ok());
    size.flatten().map(|size| size.ws_col).filter(|columns| *columns > 0)
}

/// What standard output can show.
pub(crate) fn screen() -> Screen {
    Screen {
        utf8: utf8(),
        colour: colour(std::env::var_os("NO_COLOR").as_deref()) && io::stdout().is_terminal(),
        width: width(),
    }
}

/// Whether colours may be used, by the value of `NO_COLOR`: not where it is set to anything.
fn colour(no_color: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty)
}

/// Whether tables may use more than ASCII, by the locale; a file or pipe takes everything.
pub(crate) fn utf8() -> bool {
    !io::stdout().is_terminal() || {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .filter_map(|name| std::env::var(name).ok());
        let locale = locale
            .into_iter()
            .find(|value| !value.is_empty())
            .unwrap_or_default()
            .to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_takes_colours_away_unless_it_is_empty() {
        assert!(colour(None) && colour(Some(OsStr::new(""))));
        assert!(!colour(Some(OsStr::new("1"))) && !colour(Some(OsStr::new("0"))));
    }
}
