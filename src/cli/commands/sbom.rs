//! `sbom`

use crate::cli::answer::Answer;
use crate::cli::args::{SbomArgs, SbomFormat};
use crate::cli::commands::seal::out_folder;
use crate::cli::context::Context;
use crate::cli::documents::sbom::SbomDocument;
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{self, count, safe};
use attestar::error::Result;
use attestar::evidence::sbom::{Format, Sbom};
use attestar::pipeline::whole_file;
use attestar::verbs::sbom::{self, Described, Request};
use attestar::verbs::seal::OUT;
use std::fmt::Write as _;
use std::path::Path;

/// Lockfiles that are named on the screen; the others are counted.
const LOCKFILES_SHOWN: usize = 4;

/// Prints the SBOM, or writes it into a file and says what is in it.
pub fn run(context: &Context, args: &SbomArgs) -> Result<Answer> {
    let policy = context.policy()?;
    let (name, format) = match args.format {
        SbomFormat::Cyclonedx => ("cyclonedx", Format::CycloneDx),
        SbomFormat::Spdx => ("spdx", Format::Spdx),
    };
    let progress = Progress::start(context, "reading");
    let request = Request {
        root: &context.global.tree,
        policy: &policy,
        version: args.version.as_deref(),
        out: &out_folder(context, Path::new(OUT)),
        source_date_epoch: context.source_date_epoch()?,
        format,
        threads: context.threads(),
    };
    let Described { project, version, sbom, document: bytes } = sbom::sbom(&request, &context.watch)?;
    drop(progress);
    if let Some(out) = &args.out {
        whole_file::replace(out, |file| file.write_all(&bytes))?;
    }
    // Without anything to read there is an SBOM, of nothing: that may not pass for one of a release.
    let is_of_nothing = sbom.lockfiles.is_empty() && sbom.described == 0;
    let exit = if is_of_nothing { Exit::Unverified } else { Exit::Done };
    let text = match &args.out {
        Some(out) => format!("{}wrote       {}\n", lines(&sbom), safe(&out.display().to_string())),
        None => String::from_utf8_lossy(&bytes).into_owned(),
    };
    let beside = if args.out.is_none() && !context.global.json { said(&sbom) } else { String::new() };
    screen::say(&beside);
    let shown =
        if args.out.is_none() && context.global.json { serde_json::from_slice(&bytes).ok() } else { None };
    let document = SbomDocument {
        schema: "attestar/sbom/v1",
        exit_code: exit as u8,
        project,
        version,
        format: name,
        components: sbom.components,
        lockfiles: sbom.lockfiles,
        artifacts_described: sbom.described,
        incomplete: sbom.incomplete,
        findings: sbom.findings,
        out: args.out.as_ref().map(|out| out.display().to_string()),
        bom: shown,
    };
    let answer = Answer::new(exit, text, document).data();
    Ok(if is_of_nothing {
        answer.hint("neither a lockfile nor an artifact that says what is in it was found")
    } else {
        answer
    })
}

/// The line that `seal` shows too, and the findings.
pub fn lines(sbom: &Sbom) -> String {
    let mut text = format!("sbom        {}", summary(sbom.components, &sbom.lockfiles, sbom.described));
    let _ = writeln!(text, "{}", if sbom.incomplete { "; incomplete" } else { "" });
    screen::findings(&mut text, &sbom.findings);
    text
}

/// `312 components from Cargo.lock, pnpm-lock.yaml`
pub fn summary(components: u64, lockfiles: &[String], described: u64) -> String {
    let mut from: Vec<String> = lockfiles.iter().take(LOCKFILES_SHOWN).map(|path| safe(path)).collect();
    if lockfiles.len() > LOCKFILES_SHOWN {
        from.push(format!("{} more lockfiles", lockfiles.len() - LOCKFILES_SHOWN));
    }
    if described > 0 {
        from.push(count(described, "artifact"));
    }
    if from.is_empty() {
        return "no lockfile, and no artifact that says what is in it".to_owned();
    }
    format!("{} from {}", count(components, "component"), from.join(", "))
}

/// What is said beside a document that goes to stdout: what could not be read.
fn said(sbom: &Sbom) -> String {
    let mut text = String::new();
    screen::findings(&mut text, &sbom.findings);
    text
}
