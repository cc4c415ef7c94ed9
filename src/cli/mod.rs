//! The command line: arguments in, an answer and an exit code out.

mod answer;
mod args;
mod changes;
mod commands;
mod context;
mod documents;
mod exit;
mod log;
mod masked;
mod misuse;
mod nightly;
mod passphrases;
mod progress;
mod screen;
mod stores;
mod trace;

use answer::{Answer, Told, show_error};
use args::{Cli, Command};
use attestar::error::Result;
use attestar::keys::entropy::OsEntropy;
use attestar::pipeline::watch::Watch;
use clap::Parser;
use context::{Context, Environment};
use exit::Exit;
use masked::Masked;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Instant;
use trace::Trace;

/// Runs the command that was typed.
pub fn main() -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&typed) {
        Ok(cli) => cli,
        Err(error) => return misuse::show(&error, &typed).into(),
    };
    let started = Instant::now();
    let json = cli.global.json;
    let trace = match Trace::start(context::traceparent().as_deref(), &mut OsEntropy) {
        Ok(trace) => trace,
        Err(error) => return show_error(json, &error, &Masked::default()).into(),
    };
    log::start(cli.global.log_format, &trace);
    let exit = match prepare(&cli, trace) {
        Ok(context) => execute(&context, &cli.command),
        Err(error) => show_error(json, &error, &Masked::default()),
    };
    log::end(nightly::name(&cli.command), exit, started.elapsed());
    exit.into()
}

fn prepare(cli: &Cli, trace: Trace) -> Result<Context> {
    let watch = Watch::default();
    let interrupted = watch.clone();
    // Without a handler Ctrl-C still ends the process; only its temporary folder would stay.
    let _ = ctrlc::set_handler(move || interrupted.interrupt());
    Ok(Context { global: cli.global.clone(), environment: Environment::read()?, watch, trace })
}

/// Runs a command and shows its answer.
fn execute(context: &Context, command: &Command) -> Exit {
    let answer = answer(context, command);
    let masked = Masked::of(context);
    let (told, exit) = match answer {
        Ok(answer) => {
            let answer = answer.masked(&masked);
            (answer.told(), answer.show(context))
        }
        Err(error) => (Told::error(&error, &masked), show_error(context.global.json, &error, &masked)),
    };
    match nightly::name(command) {
        Some(name) => Exit::first([nightly::ended(context, name, &told, &masked), exit]),
        None => exit,
    }
}

fn answer(context: &Context, command: &Command) -> Result<Answer> {
    match command {
        Command::Demo(args) => commands::demo::run(context, args),
        Command::Gate(args) => commands::gate::run(context, args),
        Command::Sbom(args) => commands::sbom::run(context, args),
        Command::Waive(args) => commands::waive::run(context, args),
        Command::Approve(args) => commands::approve::run(context, args),
        Command::Seal(args) => commands::seal::run(context, args),
        Command::Publish(args) => commands::publish::run(context, args),
        Command::Backup(args) => commands::backup::run(context, args),
        Command::BackupVerify(args) => commands::backup_verify::run(context, args),
        Command::Prune(args) => commands::prune::run(context, args),
        Command::Copy(args) => commands::copy::run(context, args),
        Command::Log(command) => commands::log::run(context, command),
        Command::Verify(args) => commands::verify::run(context, args),
        Command::Report(args) => commands::report::run(context, args),
        Command::Serve(args) => commands::serve::run(context, args),
        Command::Diff(args) => commands::diff::run(context, args),
        Command::Restore(args) => commands::restore::run(context, args),
        Command::Drill(args) => commands::drill::run(context, args),
        Command::Init(args) => commands::init::run(context, args),
        Command::Keys(command) => commands::keys::run(context, command),
        Command::Hash(args) => commands::hash::run(context, args),
        Command::Completions { shell } => Ok(commands::shell::completions(*shell)),
        Command::Man { dir } => commands::shell::man(dir),
    }
}
