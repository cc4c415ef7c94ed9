//! Text of unknown origin as people may see it: nothing in it drives a terminal, turns the order of what stands around
//! it, or hides.

use std::fmt::Write as _;

/// The text with control characters, line separators, marks of direction and invisible characters escaped. Joiners stay:
/// scripts and emoji need them.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{061c}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}' => {
                let _ = write!(shown, "{}", c.escape_unicode());
            }
            c if c.is_control() => {
                let _ = write!(shown, "{}", c.escape_default());
            }
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_neither_drive_a_terminal_nor_turn_or_hide() {
        assert_eq!(visible("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert_eq!(visible("x\u{202e}gpj"), "x\\u{202e}gpj");
        assert_eq!(visible("a\u{200b}b\u{feff}\u{e0041}\u{2028}"), "a\\u{200b}b\\u{feff}\\u{e0041}\\u{2028}");
        assert_eq!(visible("olá 日本 👩\u{200d}🚀"), "olá 日本 👩\u{200d}🚀");
    }
}
