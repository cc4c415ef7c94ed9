//! `completions` and `man`

use crate::cli::answer::Answer;
use crate::cli::args::Cli;
use crate::cli::documents::{CompletionsDocument, ManDocument};
use crate::cli::exit::Exit;
use crate::cli::screen::{count, safe};
use attestar::error::{Error, Result};
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use std::fs;
use std::path::{Path, PathBuf};

/// The completion script of a shell.
pub fn completions(shell: Shell) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "attestar", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let document = CompletionsDocument {
        schema: "attestar/completions/v1",
        exit_code: 0,
        shell: shell.to_string(),
        script: script.clone(),
    };
    Answer::new(Exit::Done, script, document).data()
}

/// Writes one page a command.
pub fn man(folder: &Path) -> Result<Answer> {
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    write_pages(command, folder, &mut pages)?;
    let text = format!(
        "wrote       {} into {}\n\nnext        man -l {}\n",
        count(pages.len() as u64, "page"),
        safe(&folder.display().to_string()),
        safe(&folder.join("attestar.1").display().to_string())
    );
    let pages = pages.iter().map(|page| page.display().to_string()).collect();
    Ok(Answer::new(Exit::Done, text, ManDocument { schema: "attestar/man/v1", exit_code: 0, pages }))
}

fn write_pages(command: Command, folder: &Path, pages: &mut Vec<PathBuf>) -> Result<()> {
    let subcommands = command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set());
    subcommands.cloned().try_for_each(|subcommand| write_pages(subcommand, folder, pages))?;
    pages.push(Man::new(command).generate_to(folder).map_err(Error::io("write into", folder))?);
    Ok(())
}
