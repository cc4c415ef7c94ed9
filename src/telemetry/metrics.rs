//! Metrics of nightly runs, in a text file that a collector of Prometheus reads.
//!
//! Every run writes its exit code, whatever happened. Only one that ended well writes when that was: a success time that a
//! failed run refreshes would hide the failure.

use crate::error::{Error, Result};
use crate::finding::{Code, Finding};
use crate::pipeline::whole_file;
use crate::telemetry::text::Gauges;
use jiff::Timestamp;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

/// The longest text file that is read.
const TEXT_BYTES_MAX: u64 = 4 << 20;

macro_rules! metrics {
    ($($name:ident = $text:literal, $help:literal;)+) => {
        /// Something that is measured. Each has the labels `project` and `policy`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric { $(#[doc = $help] $name,)+ }

        impl Metric {
            /// Every metric, in the order of the documentation.
            pub const ALL: &[Metric] = &[$(Metric::$name,)+];

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self { $(Metric::$name => $text,)+ }
            }

            /// What it means, in a sentence.
            pub fn help(self) -> &'static str {
                match self { $(Metric::$name => $help,)+ }
            }
        }
    };
}

metrics! {
    BackupLastSuccess = "attestar_backup_last_success_timestamp_seconds", "When a backup ended well, last.";
    BackupVerifyLastSuccess = "attestar_backup_verify_last_success_timestamp_seconds", "When the nightly check ended well, last.";
    DrillLastSuccess = "attestar_drill_last_success_timestamp_seconds", "When a restore drill ended well, last.";
    DrillRto = "attestar_drill_rto_seconds", "From the start of the last drill to its last probe.";
    DrillRpo = "attestar_drill_rpo_seconds", "How much time the archive of the last drill would have lost.";
    ArchiveBytes = "attestar_archive_bytes", "Size of the newest archive.";
    StoreArchives = "attestar_store_archives", "Archives of the project in the store.";
    VerifiedBytesRatio = "attestar_verified_bytes_ratio", "Share of the stored bytes that were read again within the policy's time.";
    LastRunExitCode = "attestar_last_run_exit_code", "Exit code of the last run of the command.";
}

/// A run that ended.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Whose.
    pub project: &'a str,
    /// The policy's name.
    pub policy: &'a str,
    /// `backup`, `backup-verify`, `backup-verify-shard`, `prune` or `drill`.
    pub command: &'a str,
    /// How it ended.
    pub exit_code: u8,
    /// When.
    pub now: Timestamp,
    /// What it measured. Success times come from the exit code alone.
    pub measured: &'a [(Metric, f64)],
}

impl Run<'_> {
    /// Writes what this run came to over what earlier ones did.
    pub fn set(&self, gauges: &mut Gauges) {
        let labels = [("project", self.project), ("policy", self.policy)];
        // What this drill did not measure is absent, and not what the one before it came to.
        measured_by(self.command).iter().for_each(|metric| gauges.unset(metric.as_str(), &labels));
        let mut set = |metric: Metric, value| gauges.set(metric.as_str(), metric.help(), &labels, value);
        let success = success_of(self.command);
        for (metric, value) in self.measured.iter().filter(|(metric, _)| !is_success_time(*metric)) {
            set(*metric, *value);
        }
        if let Some(metric) = success.filter(|_| self.exit_code == 0) {
            set(metric, self.now.as_second() as f64);
        }
        let code = Metric::LastRunExitCode;
        let labels = [labels[0], labels[1], ("command", self.command)];
        gauges.set(code.as_str(), code.help(), &labels, self.exit_code.into());
    }
}

fn is_success_time(metric: Metric) -> bool {
    matches!(metric, Metric::BackupLastSuccess | Metric::BackupVerifyLastSuccess | Metric::DrillLastSuccess)
}

/// What each run of a command measures anew, or not at all.
fn measured_by(command: &str) -> &'static [Metric] {
    if command == "drill" { &[Metric::DrillRto, Metric::DrillRpo] } else { &[] }
}

/// The success time of a command, if it has one.
fn success_of(command: &str) -> Option<Metric> {
    match command {
        "backup" => Some(Metric::BackupLastSuccess),
        "backup-verify" => Some(Metric::BackupVerifyLastSuccess),
        "drill" => Some(Metric::DrillLastSuccess),
        _ => None,
    }
}

/// Writes a run into the text file, whole or not at all; the values of other commands and projects stay. A file that cannot
/// be read as one is replaced, and the warning says so.
pub fn record(textfile: &Path, run: &Run<'_>) -> Result<Option<Finding>> {
    let folder = textfile.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Two runs that end at once do not lose each other's values. The lock is the folder's, so it leaves nothing.
    let lock = File::open(folder).map_err(Error::io("open", folder))?;
    lock.lock().map_err(Error::io("lock", folder))?;
    let (mut gauges, warning) = match read(textfile)? {
        Some(gauges) => (gauges, None),
        None => {
            let finding = Finding::new(Code::MetricsReplaced, textfile.display().to_string());
            (
                Gauges::default(),
                Some(finding.actual("it is damaged, or not of attestar; only this run is in it now")),
            )
        }
    };
    run.set(&mut gauges);
    let text = gauges.to_text();
    // The collector is another user, and so may be whoever drills; a service's umask is for its secrets.
    whole_file::replace_for_all(textfile, |out| out.write_all(text.as_bytes()))?;
    Ok(warning)
}

/// What the file says, nothing if there is none; `None` if that cannot be read. What is no regular file is an error.
pub fn read(textfile: &Path) -> Result<Option<Gauges>> {
    let length = match fs::metadata(textfile) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(Gauges::default())),
        metadata => metadata.map_err(Error::io("read", textfile))?,
    };
    if !length.is_file() {
        return Err(Error::input(format!("{} is no regular file", textfile.display()), ""));
    }
    if length.len() > TEXT_BYTES_MAX {
        return Ok(None);
    }
    let bytes = fs::read(textfile).map_err(Error::io("read", textfile))?;
    Ok(std::str::from_utf8(&bytes).ok().and_then(Gauges::parse))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_763_600_000;

    fn run<'a>(project: &'a str, command: &'a str, exit_code: u8, measured: &'a [(Metric, f64)]) -> Run<'a> {
        let now = Timestamp::from_second(NOW + i64::from(exit_code)).unwrap();
        Run { project, policy: "nightly", command, exit_code, now, measured }
    }

    fn value(file: &Path, metric: Metric, project: &str, command: Option<&str>) -> Option<f64> {
        let gauges = read(file).unwrap().unwrap();
        let mut labels = vec![("project", project), ("policy", "nightly")];
        labels.extend(command.map(|command| ("command", command)));
        gauges.get(metric.as_str(), &labels)
    }

    #[test]
    fn a_failed_run_touches_no_success_time_and_other_values_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("attestar.prom");
        let measured = [(Metric::ArchiveBytes, 7.0), (Metric::BackupLastSuccess, 1.0)];
        assert_eq!(record(&file, &run("a", "backup", 0, &measured)).unwrap(), None);
        record(&file, &run("b", "backup", 0, &[])).unwrap();
        let verified = [(Metric::VerifiedBytesRatio, 0.5), (Metric::BackupVerifyLastSuccess, 9.0)];
        record(&file, &run("a", "backup-verify", 4, &verified)).unwrap();
        record(&file, &run("a", "backup", 3, &measured)).unwrap();
        record(&file, &run("a", "prune", 0, &[])).unwrap();
        let success = NOW as f64;
        assert_eq!(value(&file, Metric::BackupLastSuccess, "a", None), Some(success));
        assert_eq!(value(&file, Metric::BackupLastSuccess, "b", None), Some(success));
        assert_eq!(value(&file, Metric::BackupVerifyLastSuccess, "a", None), None);
        assert_eq!(value(&file, Metric::VerifiedBytesRatio, "a", None), Some(0.5));
        let codes = [("a", "backup"), ("a", "backup-verify"), ("a", "prune"), ("b", "backup")];
        let codes =
            codes.map(|(project, command)| value(&file, Metric::LastRunExitCode, project, Some(command)));
        assert_eq!(codes, [Some(3.0), Some(4.0), Some(0.0), Some(0.0)]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no lock and no half of a file stays");
    }

    #[test]
    fn what_a_drill_did_not_measure_is_absent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("attestar.prom");
        record(&file, &run("a", "drill", 0, &[(Metric::DrillRto, 8.4), (Metric::DrillRpo, 60.0)])).unwrap();
        record(&file, &run("b", "drill", 0, &[(Metric::DrillRto, 9.0)])).unwrap();
        record(&file, &run("a", "drill", 3, &[(Metric::DrillRpo, 61.0)])).unwrap();
        record(&file, &run("a", "backup", 0, &[])).unwrap();
        let values = [("a", Metric::DrillRto), ("a", Metric::DrillRpo), ("b", Metric::DrillRto)];
        let values = values.map(|(project, metric)| value(&file, metric, project, None));
        assert_eq!(values, [None, Some(61.0), Some(9.0)]);
        record(&file, &run("b", "drill", 1, &[])).unwrap();
        assert!(!fs::read_to_string(&file).unwrap().contains("drill_rto"), "no gauge without a value");
    }

    #[test]
    fn a_damaged_file_is_replaced_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("attestar.prom");
        for damage in
            ["attestar_x{", "# HELP attestar_x y\n# TYPE attestar_x gauge\nattestar_x{a=\"b\"} 1", "\u{fffd}"]
        {
            fs::write(&file, damage).unwrap();
            let warning = record(&file, &run("a", "backup", 0, &[])).unwrap().expect("a warning");
            assert_eq!(warning.code, Code::MetricsReplaced);
            assert!(value(&file, Metric::BackupLastSuccess, "a", None).is_some());
        }
        let nowhere = folder.path().join("none/attestar.prom");
        assert!(record(&nowhere, &run("a", "backup", 0, &[])).is_err());
    }
}
