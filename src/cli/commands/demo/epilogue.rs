//! The end of the demo: on one screen what it came to, and where the report of its drill lies.

use crate::cli::commands::demo::{KEYS, REPORT};
use crate::cli::documents::DemoStep;
use crate::cli::exit::Exit;
use crate::cli::screen::{count, duration, size};
use attestar::error::{Error, Result};
use attestar::format::drill_report::{DrillReport, Ended, FILE};
use attestar::format::units::span;
use attestar::verbs::next_steps::quoted;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The drill that the story ended with.
pub struct Drill {
    folder: PathBuf,
    report: DrillReport,
}

impl Drill {
    /// Reads its report.
    pub fn read(folder: &Path) -> Result<Drill> {
        let file = folder.join(FILE);
        let bytes = fs::read(&file).map_err(Error::io("read", &file))?;
        let report = DrillReport::parse(&bytes);
        let report = report.map_err(|error| Error::input(format!("{}: {error}", file.display()), ""))?;
        Ok(Drill { folder: folder.to_owned(), report })
    }

    /// The report's file, in the folder of the demo.
    pub fn file(&self, demo: &Path) -> PathBuf {
        demo.join(&self.folder).join(FILE)
    }

    fn page(&self, demo: &Path) -> PathBuf {
        self.file(demo).with_extension("html")
    }
}

/// The whole of it; `is_whole` says whether everything is still in the folder.
pub fn text(folder: &Path, is_whole: bool, steps: &[DemoStep], drill: &Drill, took: Duration) -> String {
    let commands = count(steps.len() as u64, "command");
    let mut text = format!("\n{commands}, each ended as it should; {}.\n\n", duration(took));
    text += &summary(steps, &drill.report);
    let (file, page) = (drill.file(folder), drill.page(folder));
    let _ = writeln!(text, "\nThe report of the drill, and the page to look at:\n");
    let _ = writeln!(text, "  {}\n  {}\n", file.display(), page.display());
    if is_whole {
        return text + &go_on(folder);
    }
    let _ = writeln!(text, "With {REPORT} they are all that is left. To keep everything, and to go on");
    text + "from there: attestar demo --dir DIR\n"
}

/// One line for each thing that the story showed.
fn summary(steps: &[DemoStep], report: &DrillReport) -> String {
    let ended = |exit: Exit| steps.iter().filter(|step| step.exit_code == exit as u8).count();
    let coverage = &report.coverage;
    let objectives = &report.objectives;
    let passed = report.probes.iter().filter(|probe| probe.status == Ended::Passed).count();
    let within =
        |measured_ms: u64, target_ms: u64| format!("{}, target {}", span(measured_ms), span(target_ms));
    let rows = [
        ("tampered", format!("{} altered, each caught (exit 3)", ended(Exit::Refuted))),
        ("untrusted", format!("{} without a trusted key, not a pass (exit 5)", ended(Exit::Unverified))),
        ("gates", format!("{} release refused (exit 4), then waived by who may", ended(Exit::Refused))),
        ("backup", report.archive.name.clone()),
        (
            "drill",
            format!(
                "{} of {}, {}: every digest is the signed one",
                coverage.files_checked,
                count(coverage.files_total, "file"),
                size(coverage.bytes_checked)
            ),
        ),
        ("probes", format!("{passed} of {} passed", report.probes.len())),
        ("RTO", within(objectives.rto_measured_ms, objectives.rto_target_ms)),
        ("RPO", within(objectives.rpo_measured_ms, objectives.rpo_target_ms)),
        ("fresh until", report.fresh_until.strftime("%Y-%m-%d").to_string()),
    ];
    rows.iter().fold(String::new(), |text, (name, said)| text + &format!("{name:<12} {said}\n"))
}

/// What to try next, where everything is left.
fn go_on(folder: &Path) -> String {
    format!(
        "Everything is in {0}. Go on from there:

$ cd {1}; export ATTESTAR_HOME={KEYS}
$ attestar restore sealed/tideline-1.4.0.tar.zst.age --path 'ddl/**' --to ddl
$ attestar serve --store store

Or without attestar, with age, zstd and tar:

$ age -d -i {KEYS}/identity.age sealed/tideline-1.4.0.tar.zst.age | zstd -d \\
    | tar x
$ cd tideline-1.4.0/data; sha256sum -c --quiet ../HASHES.sha256.txt
",
        folder.display(),
        quoted(&folder.to_string_lossy())
    )
}
