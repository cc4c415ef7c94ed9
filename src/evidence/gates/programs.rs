//! Programs of the team's, as gates run them: in the tree, for the policy that was named or lies in it, their output masked.

use crate::format::digest::Sha256;
use crate::pipeline::program::Program;
use crate::pipeline::watch::Watch;
use crate::policy::gate::Document;
use crate::policy::gate::evidence::{Order, Ran};
use crate::policy::gate::secrets::search::Searcher;
use crate::policy::program::secret_values;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// How much of the beginning of the output is kept, and how much of its end, in bytes.
pub const KEPT_BYTES_MAX: usize = 32 << 10;

/// How much of each is looked at: what is masked when it is whole must be whole.
const SEEN_BYTES_MAX: usize = 1 << 20;

/// Stands where something was left out.
const CUT: &str = "[more was printed here, and is not kept]\n";

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

/// What is kept of an output, as text: masked first and cut then, so that nothing is cut out of its mask.
fn masked(mut head: Vec<u8>, dropped: u64, mut tail: Vec<u8>, values: &[Vec<u8>]) -> String {
    let searcher = Searcher::new();
    if dropped == 0 {
        head.append(&mut tail);
    }
    let (head, tail) = (searcher.mask(&head, values), searcher.mask(&tail, values));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if dropped == 0 && head.len() <= 2 * KEPT_BYTES_MAX {
        return text(&head);
    }
    let last = if dropped == 0 { &head } else { &tail };
    let first = head.get(..KEPT_BYTES_MAX).unwrap_or(&head);
    let last = last.get(last.len().saturating_sub(KEPT_BYTES_MAX)..).unwrap_or_default();
    // At the end of a line, if there is one; else inside of it.
    let first = first.get(..memchr::memrchr(b'\n', first).map_or(first.len(), |at| at + 1));
    let last = last.get(memchr::memchr(b'\n', last).map_or(0, |at| at + 1)..);
    let (first, last) = (text(first.unwrap_or_default()), text(last.unwrap_or_default()));
    let gap = if first.ends_with('\n') { "" } else { "\n" };
    format!("{first}{gap}{CUT}{last}")
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

    #[test]
    fn a_credential_across_the_cut_is_masked_before_it_is_cut() {
        let key = format!(
            "-----BEGIN {} KEY-----\n{}\n-----END {} KEY-----\n",
            "PRIVATE",
            "QUJD".repeat(16),
            "PRIVATE"
        );
        for before in [KEPT_BYTES_MAX - 40, KEPT_BYTES_MAX - 90, KEPT_BYTES_MAX - 1] {
            let whole = format!("{}\n{key}{}", "a".repeat(before), "b\n".repeat(KEPT_BYTES_MAX));
            let text = masked(whole.into_bytes(), 0, Vec::new(), &[]);
            assert!(!text.contains("QUJD"), "of {before}: {}", &text[before.saturating_sub(10)..before + 40]);
        }
    }

    #[test]
    fn binary_output_becomes_text() {
        assert_eq!(masked(b"a\xff\xfe\0b".to_vec(), 0, Vec::new(), &[]), "a\u{fffd}\u{fffd}\0b");
        let text = masked(vec![0xff; 1 << 20], 5, vec![0xfe; 1 << 20], &[]);
        assert!(text.contains(CUT) && text.len() < 7 * KEPT_BYTES_MAX, "{}", text.len());
    }
}
