//! `retention`: what was kept goes back far enough.

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::Section;
use crate::policy::gate::evidence::Event;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::log::{before, leaves, read};
use crate::policy::gate::{Check, Evidence, Judged, Kind, Release};
use crate::policy::values::{duration, one_of};
use std::collections::HashMap;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "retention",
    code: Code::GateRetention,
    holds_when: "the store's log shows an archive that is at least so old and was not pruned since. Without a log it \
                 fails",
    keys: &[
        ("back", "how far back archives must be held: `30d`; this, or `release`, is required"),
        ("of", "`backups` (default) or `releases`"),
        (
            "young_store",
            "true: a store whose log is younger than that will do, as long as nothing in it was pruned; default false",
        ),
        (
            "release",
            "instead of `back`: the release that must be held: `this` one, or the `last` one before it",
        ),
    ],
    example: "[[gate]]\nid = \"kept-30-days\"\ncheck = \"retention\"\nback = \"30d\"\nof = \"backups\"\n",
    waivable: true,
    parse,
};

#[derive(Debug)]
struct Retention {
    back_s: u64,
    back: String,
    /// The event that puts such an archive into the store.
    puts: &'static str,
    young_store: bool,
}

/// The one release that a gate asks for.
#[derive(Clone, Copy, Debug)]
enum Which {
    This,
    Last,
}

/// `retention` with `release`.
#[derive(Debug)]
struct Held(Which);

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    if let Some(which) = one_of(section, "release", &[("this", Which::This), ("last", Which::Last)])? {
        let has = |key| Ok::<_, crate::error::Error>(section.text(key)?.is_some());
        if has("back")? || has("of")? || section.flag("young_store")?.is_some() {
            let message = "`release` stands alone: it asks for one archive, not for how far back they go";
            return Err(section.error(section.line, message, "make two gates of it"));
        }
        return Ok(Arc::new(Held(which)));
    }
    let Some((back_s, back)) = duration(section, "back")? else {
        return Err(section.error(section.line, "a gate of this kind needs `back`", "back = \"30d\""));
    };
    Ok(Arc::new(Retention {
        back_s,
        back: back.to_owned(),
        puts: one_of(section, "of", &[("backups", "backed-up"), ("releases", "sealed")])?
            .unwrap_or("backed-up"),
        young_store: section.flag("young_store")?.is_some_and(|flag| flag.value),
    }))
}

impl Check for Retention {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let (leaves, mut faults) = match leaves(evidence, release.now) {
            Ok(leaves) => leaves,
            Err(fault) => return Judged::of(vec![fault], ""),
        };
        let bound = before(release.now, self.back_s);
        let (oldest, pruned) = self.oldest(&leaves);
        let fault = Fault::new("the log").expected(format!("an archive held back to {}", self.back));
        // What began later than that, and lost nothing, cannot hold more.
        let is_young = leaves.first().is_some_and(|first| first.at > bound) && pruned == 0;
        match oldest {
            None => faults.push(fault.actual("no archive is held")),
            Some(oldest) if oldest.at > bound && !(self.young_store && is_young) => {
                faults.push(fault.actual(format!("the oldest is of {}", oldest.at)));
            }
            Some(_) => {}
        }
        let at = oldest.map_or(String::new(), |oldest| oldest.at.to_string());
        let mut judged = Judged::of(faults, format!("archives held back to {at}"));
        judged.read.extend(oldest.map(read));
        judged
    }
}

impl Check for Held {
    fn judge(&self, evidence: &dyn Evidence, release: &Release<'_>) -> Judged {
        let (leaves, mut faults) = match leaves(evidence, release.now) {
            Ok(leaves) => leaves,
            Err(fault) => return Judged::of(vec![fault], ""),
        };
        let version = match self.0 {
            Which::This => release.version,
            Which::Last => match release.previous {
                Some(version) => version,
                None => {
                    let fault = Fault::new("the log").expected("the last release held");
                    return Judged::of(vec![fault.actual("none before this one is known")], "");
                }
            },
        };
        let name = format!("{}-{version}", release.project);
        let of = |event: &&&Event| event.archive.as_deref() == Some(&*name) && event.passed;
        let last = leaves.iter().filter(|event| ["sealed", "pruned"].contains(&&*event.what)).rfind(of);
        let fault = Fault::new("the log").expected(format!("the release {name} held"));
        match last {
            None => faults.push(fault.actual("it is not in the store")),
            Some(event) if event.what == "pruned" => {
                faults.push(fault.actual(format!("it was pruned, {}", event.at)));
            }
            Some(_) => {}
        }
        let at = last.map_or(String::new(), |event| event.at.to_string());
        let mut judged = Judged::of(faults, format!("{name} held since {at}"));
        judged.read.extend(last.map(|event| read(event)));
        judged
    }
}

impl Retention {
    /// The oldest archive that is held, and how many were pruned. An event without a name is of no archive that could be
    /// told from others.
    fn oldest<'e>(&self, leaves: &[&'e Event]) -> (Option<&'e Event>, usize) {
        let mut held: HashMap<&str, &'e Event> = HashMap::new();
        let mut pruned = 0;
        for event in leaves {
            let Some(archive) = event.archive.as_deref() else { continue };
            if event.what == self.puts && event.passed {
                held.entry(archive).or_insert(event);
            } else if event.what == "pruned" && event.passed {
                // One that was not there is not of the kind that this gate asks for.
                pruned += usize::from(held.remove(archive).is_some());
            }
        }
        (held.into_values().min_by_key(|event| (event.at, event.archive.clone())), pruned)
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::testing::{Fake, fails, passes, refusal};

    const GATE: &str = "check = 'retention'\nback = '30d'";
    const WANTED: &str = "an archive held back to 30d";

    fn log(first: &str) -> Fake {
        Fake::new().event_of(Some("a"), "backed-up", first, true).event_of(
            Some("b"),
            "backed-up",
            "2026-11-10T00:00:00Z",
            true,
        )
    }

    #[test]
    fn one_release_is_asked_for_by_name() {
        let this = "check = 'retention'\nrelease = 'this'";
        let at = "2026-11-19T00:00:00Z";
        let log = Fake::new().event_of(Some("app-1.2.3"), "sealed", at, true);
        assert_eq!(passes(this, &log).detail, "app-1.2.3 held since 2026-11-19T00:00:00Z");
        let last = "check = 'retention'\nrelease = 'last'";
        fails(last, &log, "the log", "the release app-1.2.2 held", "it is not in the store");
        let pruned = log.event_of(Some("app-1.2.3"), "pruned", "2026-11-19T01:00:00Z", true);
        let actual = "it was pruned, 2026-11-19T01:00:00Z";
        fails(this, &pruned, "the log", "the release app-1.2.3 held", actual);
        fails(this, &Fake::new(), "the log", "a log", "there is no log");
        assert!(refusal(&format!("{this}\nback = '1d'")).1.starts_with("`release` stands alone"));
    }

    #[test]
    fn an_archive_that_is_old_enough_passes() {
        let judged = passes(GATE, &log("2026-10-20T00:00:00Z"));
        assert_eq!(judged.detail, "archives held back to 2026-10-20T00:00:00Z");
        assert_eq!(judged.read.len(), 1);
    }

    #[test]
    fn each_rule_is_broken_alone() {
        let young = log("2026-11-01T00:00:00Z");
        fails(GATE, &young, "the log", WANTED, "the oldest is of 2026-11-01T00:00:00Z");
        let forgiving = format!("{GATE}\nyoung_store = true");
        passes(&forgiving, &young);
        let pruned = log("2026-10-20T00:00:00Z").event_of(Some("a"), "pruned", "2026-11-15T00:00:00Z", true);
        fails(GATE, &pruned, "the log", WANTED, "the oldest is of 2026-11-10T00:00:00Z");
        fails(&forgiving, &pruned, "the log", WANTED, "the oldest is of 2026-11-10T00:00:00Z");
        let cut = log("2026-11-01T00:00:00Z").event_of(Some("a"), "pruned", "2026-11-15T00:00:00Z", true);
        fails(&forgiving, &cut, "the log", WANTED, "the oldest is of 2026-11-10T00:00:00Z");
        let releases = format!("{GATE}\nof = 'releases'");
        fails(&releases, &log("2026-10-20T00:00:00Z"), "the log", WANTED, "no archive is held");
        fails(GATE, &Fake::new(), "the log", "a log", "there is no log");
    }

    #[test]
    fn keys_are_checked() {
        assert_eq!(refusal("check = 'retention'").1, "a gate of this kind needs `back`");
        assert_eq!(refusal("check = 'retention'\nback = '30d'\nof = 'backup'").2, "did you mean `backups`?");
        assert_eq!(refusal("check = 'retention'\nbak = '30d'").2, "did you mean `back`?");
    }
}
