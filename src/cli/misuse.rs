//! What was typed and makes no sense, in the shape of every other error: `error:`, `hint:`, exit 2.

use super::answer::show_error;
use super::exit::Exit;
use super::masked::Masked;
use attestar::error::Error;
use clap::error::ErrorKind;
use std::ffi::OsString;

/// Shows what clap has to say: help and version as they were asked for, anything else as an error.
pub fn show(error: &clap::Error, typed: &[OsString]) -> Exit {
    let json = typed.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json");
    let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if !error.use_stderr() || (is_help && !json) {
        // A reader that has gone away ends the output, not the run.
        let _ = error.print();
        return if error.use_stderr() { Exit::Usage } else { Exit::Done };
    }
    show_error(
        json,
        &if is_help { no_command() } else { told(&error.render().to_string()) },
        &Masked::default(),
    )
}

fn no_command() -> Error {
    Error::usage("no command was given", "attestar --help lists them")
}

/// clap's text is paragraphs: what is wrong, tips, the usage, where there is help.
fn told(text: &str) -> Error {
    let line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let paragraphs: Vec<String> = text.split("\n\n").map(line).collect();
    let message = paragraphs[0].strip_prefix("error: ").unwrap_or(&paragraphs[0]).to_owned();
    let starting = |start: &str| {
        paragraphs[1..].iter().find_map(|paragraph| paragraph.strip_prefix(start)).map(str::to_owned)
    };
    Error::usage(message, starting("tip: ").or_else(|| starting("Usage: ")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use clap::Parser;

    fn misuse(typed: &[&str]) -> (String, String) {
        let error = Cli::try_parse_from([&["attestar"], typed].concat()).unwrap_err();
        let told = told(&error.render().to_string());
        (told.to_string(), told.hint().to_owned())
    }

    #[test]
    fn a_slip_is_told_with_what_was_meant_or_how_to_call_it() {
        let (message, hint) = misuse(&["sael"]);
        assert_eq!(message, "unrecognized subcommand 'sael'");
        assert!(hint.contains("'seal'"), "{hint}");
        let (message, hint) = misuse(&["restore", "x"]);
        assert_eq!(message, "the following required arguments were not provided: --to <DIR>");
        assert!(hint.starts_with("attestar restore"), "{hint}");
    }
}
