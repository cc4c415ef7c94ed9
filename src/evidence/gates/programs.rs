//! Programs of the team's, as gates run them: in the tree, for the policy that was named or lies in it, their output masked.

use crate::format::digest::Sha256;
use crate::pipeline::program::Program;
use crate::pipeline::watch::Watch;
use crate::policy::gate::Document;
use crate::policy::gate::evidence::{Order, Ran};
use crate::policy::gate::secrets::search::Searcher;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// How much of the output is kept, in bytes.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// Room for the line that says that it was cut.
const LAST_LINE_BYTES: usize = 64;

/// Values shorter than this are not masked: they are `1`, `C`, `true`, and stand everywhere.
const MASKED_BYTES_MIN: usize = 4;

/// Variables whose values say nothing that is not in every log.
const NOT_MASKED: [&str; 8] = ["PATH", "HOME", "LANG", "LC_ALL", "TERM", "TZ", "USER", "PWD"];

/// Looks a variable up in the environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Runs a program in a tree, with the variables that the order names.
pub fn run(root: &Path, environment: Environment<'_>, order: &Order, watch: &Watch) -> Result<Ran, String> {
    let pair = |name: &String| Some((OsString::from(name), environment(name)?));
    let variables: Vec<(OsString, OsString)> = order.variables.iter().filter_map(pair).collect();
    let program = Program {
        folder: root,
        words: &order.program,
        variables: &variables,
        time_limit: Duration::from_secs(order.time_limit_s),
        output_bytes_max: OUTPUT_BYTES_MAX,
    };
    let ended = program.run(watch).map_err(|error| error.to_string())?;
    let is_masked = |(name, value): &&(OsString, OsString)| {
        value.len() >= MASKED_BYTES_MIN && !NOT_MASKED.iter().any(|plain| name == plain)
    };
    let values: Vec<Vec<u8>> =
        variables.iter().filter(is_masked).map(|(_, value)| value.as_bytes().to_vec()).collect();
    let mut bytes = Searcher::new().mask(&ended.output, &values);
    let most = OUTPUT_BYTES_MAX - LAST_LINE_BYTES;
    if ended.dropped > 0 || bytes.len() > most {
        // What was cut in the middle could be the beginning of something that is masked when it is whole.
        bytes.truncate(most);
        bytes.truncate(memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1));
        bytes.extend_from_slice(b"[more was printed, and is not kept]\n");
    }
    let path = format!("output of {}", order.program.join(" "));
    let output = Document { path, sha256: Sha256::of(&bytes), bytes };
    Ok(Ran { code: ended.code, ended: ended.why, output })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(script: &str, names: &[&str]) -> String {
        let environment = [("PATH", "/usr/bin:/bin"), ("DEPLOY_PASS", "hunter2"), ("OTHER", "unseen")];
        let environment = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let order = Order {
            program: ["sh", "-c", script].map(str::to_owned).to_vec(),
            time_limit_s: 60,
            variables: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let root = tempfile::tempdir().unwrap();
        let ran = run(root.path(), &environment, &order, &Watch::default()).unwrap();
        assert_eq!((ran.code, ran.output.sha256), (Some(0), Sha256::of(&ran.output.bytes)));
        String::from_utf8(ran.output.bytes).unwrap()
    }

    #[test]
    fn only_named_variables_are_passed_and_their_values_masked() {
        let script = "echo \"$DEPLOY_PASS|$OTHER|$PATH\"";
        assert_eq!(output(script, &["PATH", "DEPLOY_PASS"]), "[masked: a variable]||/usr/bin:/bin\n");
    }

    #[test]
    fn credentials_are_masked_and_long_output_ends_at_a_line() {
        let body = "Zk3vQ9mT2xWb7RfL4cHs8NdPy6Ga1JuE5KoC";
        assert_eq!(output(&format!("echo gh{}{body}", "p_"), &[]), "[masked: GitHub token]\n");
        let text = output(
            "i=0; while [ $i -lt 30000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done",
            &[],
        );
        assert!(
            text.len() <= OUTPUT_BYTES_MAX
                && text.ends_with("4567890123456789\n[more was printed, and is not kept]\n"),
            "{}",
            text.len()
        );
    }
}
