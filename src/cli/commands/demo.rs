//! `demo`: the whole story on a small release, told by the very commands that a user would type.

mod epilogue;
mod script;
mod stage;
mod station;
mod tree;

use crate::cli::answer::{self, Answer};
use crate::cli::args::{Cli, DemoArgs, Global};
use crate::cli::context::{Context, Environment};
use crate::cli::documents::{DemoDocument, DemoStep};
use crate::cli::exit::Exit;
use crate::cli::screen;
use anstyle::Style;
use attestar::error::{Error, Result};
use attestar::verbs::drill;
use attestar::verbs::next_steps::quoted;
use clap::Parser;
use epilogue::Drill;
use stage::Stage;
use std::path::Path;
use std::time::Instant;

/// What is told, and then what is typed, each line with how it must end.
struct Scene {
    told: &'static str,
    typed: &'static [(&'static str, Exit)],
}

/// Where the demo keeps its keys, in its folder.
const KEYS: &str = "keys";

/// The page of the store, likewise.
const REPORT: &str = "report.html";

const STORY: &[Scene] = &[
    Scene {
        told: "The release is in tideline/: documents, ordered DDL, two built artifacts. It
gets a policy, which says what belongs in it, a key that signs, and an
identity that decrypts. (Without --no-passphrase you are asked for one.)",
        typed: &[("attestar -C tideline init --no-passphrase", Exit::Done)],
    },
    Scene {
        told: "That policy goes by well-known places. Tideline's own says more: what is
required, the order of the DDL, two gates. It takes that one's place. Then
the list of digests, which `sha256sum -c` and `b3sum -c` read:",
        typed: &[
            ("cp release.toml tideline/attestar.toml", Exit::Done),
            ("attestar -C tideline hash", Exit::Done),
        ],
    },
    Scene {
        told: "May it go? The policy's gates say so: one version everywhere, and a changelog
entry for it.",
        typed: &[("attestar -C tideline gate --all", Exit::Done)],
    },
    Scene {
        told: "Seal it: every file is read once, hashed, packed, compressed and encrypted.
What the lockfile names goes into the SBOM, where it came from into the
provenance, what the gates came to beside them: all of it signed.
With --payload the same pack is laid beside the archive, open.",
        typed: &[("attestar -C tideline seal --out ../sealed --payload", Exit::Done)],
    },
    Scene {
        told: "Verify every byte and every signature. Your own key is trusted already.",
        typed: &[("attestar verify sealed/tideline-1.4.0.tar.zst.age", Exit::Done)],
    },
    Scene {
        told: "In a copy of the pack, somebody changes one digit: the alarm now rises at
780 cm, not at 180.",
        typed: &[
            ("cp -r sealed copy", Exit::Done),
            ("sed -i s/180/780/ copy/tideline-1.4.0/data/ddl/0005_alarms.sql", Exit::Done),
            ("attestar verify copy/tideline-1.4.0", Exit::Refuted),
        ],
    },
    Scene {
        told: "In the copy of the archive, a few bytes are overwritten.",
        typed: &[
            (
                "printf tampered | dd of=copy/tideline-1.4.0.tar.zst.age bs=1 seek=99999 conv=notrunc",
                Exit::Done,
            ),
            ("attestar verify copy/tideline-1.4.0.tar.zst.age", Exit::Refuted),
        ],
    },
    Scene {
        told: "Whoever has the archive alone, and has not said whom to trust, is not told
that all is well.",
        typed: &[(
            "ATTESTAR_HOME=nobody attestar verify sealed/tideline-1.4.0.tar.zst.age",
            Exit::Unverified,
        )],
    },
    Scene {
        told: "Restore: the files appear only once every one of them is verified.",
        typed: &[
            ("attestar restore sealed/tideline-1.4.0.tar.zst.age --to restored", Exit::Done),
            ("diff -r tideline restored", Exit::Done),
        ],
    },
    Scene {
        told: "The next release cannot wait, and nobody has written its changelog entry.
The policy refuses it.",
        typed: &[
            ("sed -i s/1.4.0/1.4.1/ tideline/VERSION", Exit::Done),
            ("attestar -C tideline hash", Exit::Done),
            ("attestar -C tideline gate", Exit::Refused),
        ],
    },
    Scene {
        told: "Somebody who may waive signs for it: this gate, this version, until then.
The signature goes into the pack, and whoever verifies is told.",
        typed: &[
            (
                "attestar -C tideline waive changelog-entry --version 1.4.1 --reason 'the entry follows' --until 24h --role own --key keys/signing.key --out waiver.json",
                Exit::Done,
            ),
            ("attestar -C tideline seal --out ../sealed --waive waiver.json", Exit::Done),
            ("attestar verify sealed/tideline-1.4.1.tar.zst.age", Exit::Done),
        ],
    },
    Scene {
        told: "In station/ the release runs, and a gauge writes into its database. Every
night it is backed up: a consistent copy, encrypted, signed, and logged.",
        typed: &[("attestar -C station backup", Exit::Done)],
    },
    Scene {
        told: "The night that the disk dies, this is what is typed on a new machine:",
        typed: &[("attestar restore latest --store store --to station-again", Exit::Done)],
    },
    Scene {
        told: "And so that the night holds no surprise, every week a drill does just that:
into a scratch folder, every hash, the database opened and asked, the time
taken, and what came of it signed and logged.",
        typed: &[("attestar -C station drill --out drill", Exit::Done)],
    },
    Scene {
        told: "What all that has come to is a page to look at: backups, checks and drills,
each with its age, and every leaf of the log.",
        typed: &[("attestar -C station report --out report.html", Exit::Done)],
    },
];

/// Runs the demo in `--dir`, or in a temporary folder, of which the reports stay.
pub fn run(context: &Context, args: &DemoArgs) -> Result<Answer> {
    let started = Instant::now();
    let stage = Stage::prepare(args.dir.as_deref())?;
    tree::write(Path::new("tideline"), Path::new("release.toml"))?;
    station::write(Path::new("station"))?;
    let mut teller = Teller::new(context);
    teller.open(&stage);
    STORY.iter().enumerate().try_for_each(|(at, scene)| teller.tell(at + 1, scene))?;
    let Teller { steps, .. } = teller;
    if let Some(step) = steps.iter().find(|step| step.exit_code != step.expected) {
        let text = format!(
            "\n`{}` ended with {}, not with {}: this is a bug in attestar\n",
            step.command, step.exit_code, step.expected
        );
        let folder = args.dir.as_ref().map(|dir| dir.display().to_string());
        return Ok(answer(Exit::Failed, text, steps, folder, None));
    }
    let drill = Drill::read(Path::new(drill::OUT))?;
    let is_whole = args.dir.is_some();
    let folder = stage.close(&[drill::OUT, REPORT])?;
    let text = epilogue::text(&folder, is_whole, &steps, &drill, started.elapsed());
    let report = drill.file(&folder);
    Ok(answer(Exit::Done, text, steps, Some(shown(&folder)), Some(shown(&report))))
}

fn answer(
    exit: Exit,
    text: String,
    steps: Vec<DemoStep>,
    folder: Option<String>,
    drill_report: Option<String>,
) -> Answer {
    let exit_code = exit as u8;
    let document = DemoDocument { schema: "attestar/demo/v1", exit_code, steps, folder, drill_report };
    Answer::new(exit, text, document)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Runs the story line by line, and shows it while it goes.
struct Teller {
    context: Context,
    silent: bool,
    steps: Vec<DemoStep>,
}

impl Teller {
    fn new(context: &Context) -> Teller {
        let mut context = context.clone();
        let silent = context.global.json || context.global.quiet;
        // Nothing of the caller's world gets in: neither keys nor passphrase, neither policy nor time.
        context.environment = Environment {
            home: KEYS.into(),
            temporary: KEYS.into(),
            state: Path::new(KEYS).join("state"),
            ..Environment::default()
        };
        Teller { context, silent, steps: Vec::new() }
    }

    fn open(&self, stage: &Stage) {
        self.show(&format!(
            "A release is sealed, tampered with, and restored; a backup is drilled. Every\ncommand is real.\n\n{}{}",
            prompt(&format!("cd {}", quoted(&stage.path().to_string_lossy()))),
            prompt(&format!("export ATTESTAR_HOME={KEYS}"))
        ));
    }

    fn show(&self, text: &str) {
        if !self.silent {
            // That there is no room for the story is said when it is over.
            let _ = screen::print(text);
        }
    }

    fn tell(&mut self, number: usize, scene: &Scene) -> Result<()> {
        let told = scene.told.replace('\n', "\n   ");
        self.show(&format!("\n{number}. {told}\n\n"));
        scene.typed.iter().try_for_each(|&(line, expected)| self.step(line, expected))
    }

    fn step(&mut self, line: &str, expected: Exit) -> Result<()> {
        if self.steps.last().is_some_and(|last| last.exit_code != last.expected) {
            return Ok(());
        }
        self.context.watch.check()?;
        self.show(&prompt(line));
        let (exit, text) = if line.contains("attestar ") {
            self.attestar(line)?
        } else {
            let said = script::run(line)?;
            (if said.is_empty() { Exit::Done } else { Exit::Failed }, said)
        };
        self.show(&text);
        match exit {
            Exit::Done if line.starts_with("diff") => self.show("no difference\n"),
            Exit::Done => {}
            Exit::Refuted => self.show("exit 3: caught\n"),
            Exit::Refused => self.show("exit 4: refused\n"),
            Exit::Unverified => self.show("exit 5: not a pass\n"),
            other => self.show(&format!("exit {}\n", other as u8)),
        }
        let step = DemoStep { command: line.to_owned(), exit_code: exit as u8, expected: expected as u8 };
        self.steps.push(step);
        Ok(())
    }

    /// Runs an attestar command in this process; gives its exit code, and what it shows.
    fn attestar(&self, line: &str) -> Result<(Exit, String)> {
        let mut words = script::words(line);
        let mut context = self.context.clone();
        if let Some(home) = words[0].strip_prefix("ATTESTAR_HOME=") {
            context.environment.home = home.into();
            words.remove(0);
        }
        let cli = Cli::try_parse_from(words).map_err(|error| Error::usage(error.to_string(), ""))?;
        context.global = Global { no_progress: true, ..cli.global };
        Ok(answer::said(crate::cli::answer(&context, &cli.command)))
    }
}

/// A line as it is typed.
fn prompt(line: &str) -> String {
    let bold = Style::new().bold();
    format!("{bold}$ {}{bold:#}\n", broken(line))
}

/// A line that is longer than a screen, broken between flags as a shell lets one.
fn broken(line: &str) -> String {
    const COLUMNS: usize = 76;
    let mut lines = vec![String::new()];
    for part in line.replace(" --", "\n--").replace(" bs=", "\nbs=").lines() {
        let last = lines.last_mut().expect("there is always a line");
        if last.is_empty() {
            last.push_str(part);
        } else if last.chars().count() + 1 + part.chars().count() <= COLUMNS {
            *last += &format!(" {part}");
        } else {
            lines.push(format!("  {part}"));
        }
    }
    lines.join(" \\\n  ")
}
