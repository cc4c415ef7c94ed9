//! The files that the AWS tools share: `~/.aws/credentials` and `~/.aws/config`, with profiles.

use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a profile says, by key. Not shown: it holds secrets.
pub type Profile = BTreeMap<String, String>;

/// Looks up a variable of the environment.
pub type Lookup<'l> = &'l dyn Fn(&str) -> Option<String>;

/// Keys of profiles whose credentials come from elsewhere, by a program or a web page.
const ELSEWHERE: [&str; 4] = ["credential_process", "sso_session", "sso_start_url", "source_profile"];

/// The profile that `AWS_PROFILE` names, or `default`; empty if the latter is nowhere.
pub fn load(variable: Lookup<'_>) -> Result<Profile> {
    let named = variable("AWS_PROFILE");
    let name = named.as_deref().unwrap_or("default");
    let home = variable("HOME").map(|home| Path::new(&home).join(".aws"));
    let file = |name: &str, own: &str| {
        variable(name).map(PathBuf::from).or_else(|| home.as_ref().map(|home| home.join(own)))
    };
    let mut profile = Profile::new();
    let config = file("AWS_CONFIG_FILE", "config");
    let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    let in_config = if name == "default" { name.to_owned() } else { format!("profile {name}") };
    let mut found = false;
    for (file, section) in [(config, &*in_config), (credentials, name)] {
        let Some(file) = file else { continue };
        if let Some(text) = read(&file)? {
            let said = section_of(&text, section);
            found |= said.is_some();
            profile.extend(said.unwrap_or_default());
        }
    }
    if named.is_some() && !found {
        return Err(Error::usage(
            format!("there is no profile {name:?} in the files of the AWS tools"),
            "AWS_PROFILE names one of ~/.aws/config",
        ));
    }
    Ok(profile)
}

/// Why the profile alone gives no credentials, though it means to.
pub fn elsewhere(profile: &Profile) -> Option<Error> {
    let key = ELSEWHERE.iter().find(|key| profile.contains_key(**key))?;
    Some(Error::unavailable(
        format!("the AWS profile takes its credentials from `{key}`, which is not followed"),
        "eval \"$(aws configure export-credentials --format env)\" hands them over",
    ))
}

fn read(file: &Path) -> Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", file)(error)),
    }
}

/// The settings of a section; nested ones, which are indented, are not among them.
fn section_of(text: &str, section: &str) -> Option<Profile> {
    let mut found: Option<Profile> = None;
    let mut inside = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[') {
            let name = name.split_once(']').map_or(name, |(name, _)| name);
            inside = name.split_whitespace().eq(section.split_whitespace());
            if inside {
                found.get_or_insert_default();
            }
        } else if let Some((key, value)) = trimmed.split_once('=')
            && inside
            && !line.starts_with([' ', '\t'])
        {
            found.get_or_insert_default().insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_what_both_files_say_of_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".aws")).unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(".aws").join(name), text).unwrap();
        write(
            "config",
            "[default]\nregion=eu-west-1\n[profile  backups]\n# why\nregion = eu-central-1\ns3 =\n  region = no\n\
             endpoint_url = http://localhost:1\n[profile other]\nregion = no\n",
        );
        write("credentials", "[backups]\naws_access_key_id = ID\naws_secret_access_key = a=b\n");
        let home = dir.path().display().to_string();
        let with = |profile: Option<&'static str>| {
            let home = home.clone();
            load(&move |name| match name {
                "HOME" => Some(home.clone()),
                "AWS_PROFILE" => profile.map(str::to_owned),
                _ => None,
            })
        };
        let backups = with(Some("backups")).unwrap();
        let pairs: Vec<_> = backups.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(
            pairs,
            [
                ("aws_access_key_id", "ID"),
                ("aws_secret_access_key", "a=b"),
                ("endpoint_url", "http://localhost:1"),
                ("region", "eu-central-1"),
                ("s3", "")
            ]
        );
        assert_eq!(with(None).unwrap()["region"], "eu-west-1");
        let error = with(Some("typo")).unwrap_err();
        assert!(error.to_string().contains("typo") && !error.hint().is_empty(), "{error}");
    }

    #[test]
    fn credentials_that_lie_elsewhere_are_said() {
        let profile = section_of("[default]\nsso_session = corp\n", "default").unwrap();
        assert!(elsewhere(&profile).unwrap().to_string().contains("sso_session"));
        assert!(elsewhere(&Profile::new()).is_none());
        assert_eq!(load(&|_| None).unwrap(), Profile::new());
    }
}
