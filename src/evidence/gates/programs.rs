//! Programs of the team's, as gates run them: in the tree, for the policy that was named or lies in it, their output masked.

use crate::format::digest::Sha256;
use crate::pipeline::program::Program;
use crate::pipeline::watch::Watch;
use crate::policy::gate::Document;
use crate::policy::gate::evidence::{Order, Ran};
use crate::policy::gate::secrets::output::{SEEN_BYTES_MAX, masked};
use crate::policy::program::secret_values;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// Looks a variable up in the environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Runs a program in a tree, with the variables that the order names.
pub fn run(root: &Path, environment: Environment<'_>, order: &Order, watch: &Watch) -> Result<Ran, String> {
    let variables = order.given(environment);
    let program = Program {
        folder: root,
        words: &order.program,
        variables: &variables,
        time_limit: Duration::from_secs(order.time_limit_s),
        output_bytes_max: SEEN_BYTES_MAX,
    };
    let ended = program.run(watch).map_err(|error| error.to_string())?;
    let bytes = masked(ended.output, ended.dropped, ended.tail, &secret_values(&variables)).into_bytes();
    let path = format!("output of {}", order.program.join(" "));
    let output = Document { path, sha256: Sha256::of(&bytes), bytes };
    Ok(Ran { code: ended.code, ended: ended.why, output })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::gate::secrets::output::{CUT, KEPT_BYTES_MAX};

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
    fn credentials_are_masked_and_of_long_output_both_ends_are_kept() {
        let body = "Zk3vQ9mT2xWb7RfL4cHs8NdPy6Ga1JuE5KoC";
        let token = format!("gh{}{body}", "p_");
        assert_eq!(output(&format!("echo {token}"), &[]), "[masked: GitHub token]\n");
        for lines in [2_000, 200_000] {
            let text = output(
                &format!(
                    "echo {token}; awk 'BEGIN {{ for (i = 0; i < {lines}; i++) print i, \"{}\" }}'; echo {token}",
                    "0".repeat(40)
                ),
                &["PATH"],
            );
            assert!(text.len() <= 2 * KEPT_BYTES_MAX + CUT.len(), "{}", text.len());
            assert!(text.starts_with("[masked: GitHub token]\n0 0000"), "{}", &text[..60]);
            assert!(text.ends_with("0000\n[masked: GitHub token]\n"), "{}", &text[text.len() - 60..]);
            let (before, after) = text.split_once(CUT).expect("it says that it was cut");
            assert!(before.ends_with("0000\n") && after.contains(" 0000"), "whole lines");
        }
    }
}
