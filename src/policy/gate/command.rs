//! `command`: a program of the team's says yes.

use crate::error::Result;
use crate::finding::Code;
use crate::format::settings::Section;
use crate::policy::gate::judged::Fault;
use crate::policy::gate::{Check, Evidence, Judged, Kind, Release};
use crate::policy::program::{self, Order};
use crate::policy::values::duration;
use std::sync::Arc;

/// See [`KINDS`](crate::policy::gate::KINDS).
pub const KIND: Kind = Kind {
    name: "command",
    code: Code::GateCommand,
    holds_when: "the program ends with exit code 0 within its time limit. It runs in the tree, without input, with the variables \
                 that are listed and no others; what it started ends with it. The first and the last 32 KiB of what it \
                 prints are kept in the record, with credentials and the values of the variables masked. It runs for `gate` and `seal` alone, \
                 under the policy that was named or that lies in the tree; never when an auditor judges a pack",
    keys: &[
        (
            "run",
            "required: the program and its arguments, not read by a shell. With a `/` in it, it is a file of the tree; \
             else it is looked for in `PATH`, if that is passed",
        ),
        ("time_limit", "how long it may take, `15m`; default `10m`, at most `24h`"),
        ("variables", "names of the variables of the environment that it gets, such as `PATH`; default none"),
    ],
    example: "[[gate]]\nid = \"team-gates\"\ncheck = \"command\"\nrun = [\"scripts/gates.sh\", \"--strict\"]\n\
              time_limit = \"15m\"\nvariables = [\"PATH\", \"HOME\"]\n",
    waivable: true,
    parse,
};

/// Ten minutes.
const TIME_LIMIT_S: u64 = 600;

#[derive(Debug)]
struct Command {
    order: Order,
    /// The time limit as it was written.
    time_limit: String,
}

fn parse(section: &Section<'_>) -> Result<Arc<dyn Check>> {
    let time_limit_s = program::time_limit_s(section, TIME_LIMIT_S)?;
    let time_limit = duration(section, "time_limit")?.map_or("10m", |(_, text)| text);
    let order = Order {
        program: program::words(section, "gate")?,
        time_limit_s,
        variables: program::variables(section)?,
    };
    Ok(Arc::new(Command { order, time_limit: time_limit.to_owned() }))
}

impl Check for Command {
    fn judge(&self, evidence: &dyn Evidence, _: &Release<'_>) -> Judged {
        let name = self.order.program.join(" ");
        let fault = |expected: &str, actual: String| Fault::new(&name).expected(expected).actual(actual);
        let ran = match evidence.run(&self.order) {
            Ok(ran) => ran,
            Err(why) => return Judged::of(vec![fault("a program that was run", why)], ""),
        };
        let faults = match (ran.code, &ran.ended) {
            (Some(0), None) => Vec::new(),
            (Some(code), None) => vec![fault("exit code 0", format!("exit code {code}"))],
            (_, Some(why)) => {
                vec![fault(&format!("exit code 0 within {}", self.time_limit), why.clone())]
            }
            (None, None) => vec![fault("exit code 0", "no exit code".to_owned())],
        };
        Judged::of(faults, format!("{name} ended with exit code 0")).printing(ran.output)
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::gate::evidence::Ran;
    use crate::policy::gate::testing::{Fake, document, fails, passes, refusal};

    const KEYS: &str =
        "check = \"command\"\nrun = [\"scripts/gates.sh\", \"--strict\"]\ntime_limit = \"15m\"";

    fn ran(code: Option<i32>, ended: Option<&str>) -> Fake {
        let output = document("scripts/gates.sh.log", b"all fine\n").as_ref().clone();
        let mut fake = Fake::new();
        fake.ran = Ok(Ran { code, ended: ended.map(str::to_owned), output });
        fake
    }

    #[test]
    fn exit_code_zero_holds_and_everything_else_fails() {
        let held = passes(KEYS, &ran(Some(0), None));
        assert_eq!(held.detail, "scripts/gates.sh --strict ended with exit code 0");
        assert_eq!(held.read[0].0, "scripts/gates.sh.log");
        let name = "scripts/gates.sh --strict";
        fails(KEYS, &ran(Some(3), None), name, "exit code 0", "exit code 3");
        fails(
            KEYS,
            &ran(None, Some("ended by signal 9")),
            name,
            "exit code 0 within 15m",
            "ended by signal 9",
        );
        fails(
            KEYS,
            &ran(Some(0), Some("it took too long")),
            name,
            "exit code 0 within 15m",
            "it took too long",
        );
        fails(KEYS, &ran(None, None), name, "exit code 0", "no exit code");
        fails(KEYS, &Fake::new(), name, "a program that was run", "there is no program");
    }

    #[test]
    fn keys_that_cannot_work_are_refused() {
        for (keys, message) in [
            ("", "a gate of this kind needs `run`"),
            ("run = []", "a gate of this kind needs `run`"),
            ("run = \"x\"", "`run` must be a list of strings, not a string"),
            ("run = [\"make test\"]", "`run` is a list of words, not a line for a shell"),
            ("run = [\"../x.sh\"]", "`../x.sh` cannot be a program of the tree: a dot component"),
            ("run = [\"/bin/sh\"]", "`/bin/sh` cannot be a program of the tree: not relative"),
            ("run = [\"\"]", "`` cannot be a program of the tree: an empty component"),
            ("run = [\"a\\u0000\"]", "`run` has a NUL in it"),
            ("run = [\"a\"]\ntime_limit = \"25h\"", "`time_limit` is above 24h"),
            ("run = [\"a\"]\nvariables = [\"A=b\"]", "`A=b` cannot be the name of a variable"),
            ("run = [\"a\"]\nvariables = [\"A\", \"A\"]", "`A` stands there twice"),
        ] {
            assert_eq!(refusal(&format!("check = \"command\"\n{keys}")).1, message);
        }
    }
}
