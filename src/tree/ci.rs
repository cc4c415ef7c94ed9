//! Who sealed, as the environment of a CI job says. Whoever runs the machine can set these variables to anything, so all of it
//! is a claim of that machine, and worth as much; the signature under it says only that the sealing key was there.

use crate::format::public_url::public_url;

/// The builder where no CI is known by its variables: a machine that somebody sits at, mostly.
pub const LOCAL: &str = "urn:attestar:builder:local";

/// The longest value that is taken, in bytes.
const VALUE_BYTES_MAX: usize = 512;

/// Where it was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Builder {
    /// A URI: the workflow, runner, server or project; [`LOCAL`] without.
    pub id: String,
    /// The run, as a URL.
    pub invocation: Option<String>,
    /// Whether the machine is the CI service's own, or its user's: `hosted` or `self-hosted`, where it says so.
    pub runner: Option<&'static str>,
}

/// Looks a variable up.
type Variables<'v> = &'v dyn Fn(&str) -> Option<String>;

/// What the variables say. Credentials in URLs are cut out, and a value that is too long, or has control characters or
/// spaces in it, counts as absent.
pub fn builder(variables: Variables<'_>) -> Builder {
    let services = [github, gitlab, buildkite, circleci, jenkins];
    let found = services.iter().find_map(|service| service(variables));
    found.unwrap_or_else(|| Builder { id: LOCAL.to_owned(), invocation: None, runner: None })
}

fn github(variables: Variables<'_>) -> Option<Builder> {
    is_true(variables, "GITHUB_ACTIONS")?;
    let server = server(variables, "GITHUB_SERVER_URL")?;
    let id = public_url(&format!("{server}/{}", part(variables, "GITHUB_WORKFLOW_REF")?))?;
    let run = || {
        let (repository, run) = (part(variables, "GITHUB_REPOSITORY")?, part(variables, "GITHUB_RUN_ID")?);
        let attempt = part(variables, "GITHUB_RUN_ATTEMPT").map(|attempt| format!("/attempts/{attempt}"));
        public_url(&format!("{server}/{repository}/actions/runs/{run}{}", attempt.unwrap_or_default()))
    };
    let runner = match value(variables, "RUNNER_ENVIRONMENT").as_deref() {
        Some("github-hosted") => Some("hosted"),
        Some("self-hosted") => Some("self-hosted"),
        _ => None,
    };
    Some(Builder { id, invocation: run(), runner })
}

fn gitlab(variables: Variables<'_>) -> Option<Builder> {
    is_true(variables, "GITLAB_CI")?;
    let server = server(variables, "CI_SERVER_URL")?;
    let id = public_url(&format!("{server}/-/runners/{}", part(variables, "CI_RUNNER_ID")?))?;
    let invocation = url(variables, "CI_JOB_URL").or_else(|| url(variables, "CI_PIPELINE_URL"));
    Some(Builder { id, invocation, runner: None })
}

fn buildkite(variables: Variables<'_>) -> Option<Builder> {
    is_true(variables, "BUILDKITE")?;
    let build = url(variables, "BUILDKITE_BUILD_URL")?;
    let (pipeline, _) = build.rsplit_once("/builds/")?;
    let job = part(variables, "BUILDKITE_JOB_ID").map(|job| format!("#{job}"));
    let invocation = Some(format!("{build}{}", job.unwrap_or_default()));
    Some(Builder { id: pipeline.to_owned(), invocation, runner: None })
}

fn circleci(variables: Variables<'_>) -> Option<Builder> {
    is_true(variables, "CIRCLECI")?;
    let build = url(variables, "CIRCLE_BUILD_URL")?;
    let (project, _) = build.trim_end_matches('/').rsplit_once('/')?;
    let id = public_url(project).filter(|url| url.starts_with("http"))?;
    Some(Builder { id, invocation: Some(build), runner: None })
}

fn jenkins(variables: Variables<'_>) -> Option<Builder> {
    let id = url(variables, "JENKINS_URL")?;
    Some(Builder { id, invocation: url(variables, "BUILD_URL"), runner: None })
}

fn is_true(variables: Variables<'_>, name: &str) -> Option<()> {
    value(variables, name).filter(|value| value == "true").map(drop)
}

/// A variable that can be shown.
fn value(variables: Variables<'_>, name: &str) -> Option<String> {
    let value = variables(name)?;
    let is_shown = (1..=VALUE_BYTES_MAX).contains(&value.len())
        && !value.chars().any(|c| c.is_control() || c.is_whitespace());
    is_shown.then_some(value)
}

/// A web address without credentials, query and fragment.
fn url(variables: Variables<'_>, name: &str) -> Option<String> {
    public_url(&value(variables, name)?).filter(|url| url.starts_with("http"))
}

fn server(variables: Variables<'_>, name: &str) -> Option<String> {
    Some(url(variables, name)?.trim_end_matches('/').to_owned())
}

/// A part of a URL's path. Branches may be called anything; what would end the path is percent-encoded (RFC 3986).
fn part(variables: Variables<'_>, name: &str) -> Option<String> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/@:+,!$&'()*;=".contains(&b);
    let encode = |b: u8| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    Some(value(variables, name)?.bytes().map(encode).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Builder {
        let look_up = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        builder(&look_up)
    }

    fn built(id: &str, invocation: Option<&str>) -> Builder {
        Builder { id: id.into(), invocation: invocation.map(str::to_owned), runner: None }
    }

    const GITHUB: &[(&str, &str)] = &[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://git.example"),
        ("GITHUB_WORKFLOW_REF", "o/r/.github/workflows/release.yml@refs/heads/fix/#12"),
        ("GITHUB_REPOSITORY", "o/r"),
        ("GITHUB_RUN_ID", "7"),
        ("GITHUB_RUN_ATTEMPT", "2"),
        ("RUNNER_ENVIRONMENT", "self-hosted"),
    ];

    #[test]
    fn each_service_is_known_by_its_variables() {
        let id = "https://git.example/o/r/.github/workflows/release.yml@refs/heads/fix/%2312";
        let run = Some("https://git.example/o/r/actions/runs/7/attempts/2");
        assert_eq!(found(GITHUB), Builder { runner: Some("self-hosted"), ..built(id, run) });
        let gitlab = found(&[
            ("GITLAB_CI", "true"),
            ("CI_SERVER_URL", "https://lab.example"),
            ("CI_RUNNER_ID", "12"),
            ("CI_JOB_URL", "https://lab.example/o/r/-/jobs/3"),
        ]);
        assert_eq!(
            gitlab,
            built("https://lab.example/-/runners/12", Some("https://lab.example/o/r/-/jobs/3"))
        );
        let jenkins = found(&[
            ("JENKINS_URL", "https://ci:hunter2@ci.example/"),
            ("BUILD_URL", "https://ci.example/job/r/5/?token=hunter2"),
        ]);
        assert_eq!(jenkins, built("https://ci.example/", Some("https://ci.example/job/r/5/")));
        let buildkite = found(&[
            ("BUILDKITE", "true"),
            ("BUILDKITE_BUILD_URL", "https://kite.example/o/r/builds/9"),
            ("BUILDKITE_JOB_ID", "a-b"),
        ]);
        assert_eq!(
            buildkite,
            built("https://kite.example/o/r", Some("https://kite.example/o/r/builds/9#a-b"))
        );
        let circle = found(&[("CIRCLECI", "true"), ("CIRCLE_BUILD_URL", "https://circle.example/gh/o/r/4")]);
        assert_eq!(circle, built("https://circle.example/gh/o/r", Some("https://circle.example/gh/o/r/4")));
    }

    #[test]
    fn without_all_of_them_it_is_local() {
        assert_eq!(found(&[]), built(LOCAL, None));
        for missing in ["GITHUB_ACTIONS", "GITHUB_SERVER_URL", "GITHUB_WORKFLOW_REF"] {
            let rest: Vec<_> = GITHUB.iter().copied().filter(|(name, _)| *name != missing).collect();
            assert_eq!(found(&rest), built(LOCAL, None), "{missing}");
        }
        assert_eq!(found(&[("CIRCLECI", "true"), ("CIRCLE_BUILD_URL", "https://x")]), built(LOCAL, None));
    }

    #[test]
    fn a_value_that_cannot_be_shown_counts_as_absent() {
        let long = format!("https://ci.example/{}", "a".repeat(VALUE_BYTES_MAX));
        for bad in ["", "https://ci.example/\u{1b}[2J", "https://ci.example/a b", "file:///etc", "ci", &long]
        {
            assert_eq!(found(&[("JENKINS_URL", bad)]), built(LOCAL, None), "{bad}");
        }
    }
}
