//! One tag: what it ends at, who made it, and what its signature is worth.

use crate::error::Result;
use crate::policy::TagTemplate;
use crate::tree::git::open::{object, open};
use crate::tree::git::signature::{self, Signature, Signers};
use gix::Repository;
use gix::objs::Kind;
use std::path::Path;

/// A tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tag {
    /// Its short name: `v1.2.3`.
    pub name: String,
    /// The commit, or other object, that it ends at, as lower-case hex.
    pub target: Option<String>,
    /// The object of an annotated tag, as lower-case hex; `None` for a lightweight one, which is a mere name.
    pub object: Option<String>,
    /// Who made it, as the object says. Whoever makes a tag can write anything here.
    pub tagger: Option<Person>,
    /// Its signature, if it has one.
    pub signature: Option<Signature>,
    /// What could not be read, and why, for people.
    pub unread: Option<String>,
}

/// A name, an address and a time, as git records them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name; may be empty.
    pub name: String,
    /// The email address; may be empty, or none.
    pub email: String,
    /// The time, in seconds since 1970.
    pub time_s: Option<i64>,
}

impl Tag {
    /// Whether it is an object of its own.
    pub fn is_annotated(&self) -> bool {
        self.object.is_some()
    }
}

/// The tags that name a version under the policy's template.
pub fn naming<'t>(tags: &'t [String], template: &TagTemplate, version: &str) -> Vec<&'t str> {
    let names = |tag: &&str| template.version(tag) == Some(version);
    tags.iter().map(String::as_str).filter(names).collect()
}

/// The tag of a short name in the checkout that `root` is, or lies in; `None` without one. Its signature is judged by the
/// given signers alone. What cannot be read is no error: [`Tag::unread`] says it.
pub fn tag(root: &Path, name: &str, signers: &Signers) -> Result<Option<Tag>> {
    let Some(checkout) = open(root)? else { return Ok(None) };
    let mut tag = Tag { name: name.to_owned(), ..Tag::default() };
    match &checkout.repository {
        Err(why) => tag.unread = Some(why.clone()),
        Ok(repository) => match read(repository, &mut tag, signers) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => tag.unread = Some(checkout.fault(format!("tag {}: {error}", name.escape_debug()))),
        },
    }
    Ok(Some(tag))
}

/// Fills in what can be read; `false` if there is no such tag.
fn read(repository: &Repository, tag: &mut Tag, signers: &Signers) -> gix::Result<bool> {
    let full = format!("refs/tags/{}", tag.name);
    let Some(mut reference) = repository.try_find_reference(full.as_str())? else { return Ok(false) };
    if let Some(id) = reference.try_id()
        && id.header()?.kind() == Kind::Tag
    {
        tag.object = Some(id.to_string());
        describe(tag, &object(id)?.data, signers);
    }
    tag.target = Some(reference.peel_to_id()?.to_string());
    Ok(true)
}

/// What the object says, and what its signature is worth.
fn describe(tag: &mut Tag, object: &[u8], signers: &Signers) {
    let headers = Headers::of(object);
    tag.tagger = headers.tagger.and_then(person);
    tag.signature = signature::judge(object, tag.tagger.as_ref(), signers);
    // The object of one tag, under the name of another, would bring its signature along.
    if let Some(signature) = &mut tag.signature
        && headers.name != Some(tag.name.as_bytes())
    {
        signature.verdict = signature::Verdict::Bad("the tag object has another name".to_owned());
    }
}

/// The lines before the message, each of a keyword and its value.
#[derive(Default)]
struct Headers<'o> {
    name: Option<&'o [u8]>,
    tagger: Option<&'o [u8]>,
}

impl<'o> Headers<'o> {
    fn of(object: &'o [u8]) -> Headers<'o> {
        let mut headers = Headers::default();
        for line in object.split(|&b| b == b'\n').take_while(|line| !line.is_empty()) {
            // The first of each counts, as for git.
            if let Some(name) = line.strip_prefix(b"tag ") {
                headers.name.get_or_insert(name);
            } else if let Some(tagger) = line.strip_prefix(b"tagger ") {
                headers.tagger.get_or_insert(tagger);
            }
        }
        headers
    }
}

/// `NAME <EMAIL> SECONDS ZONE`.
fn person(line: &[u8]) -> Option<Person> {
    let line = String::from_utf8_lossy(line);
    let (name, rest) = line.split_once('<')?;
    let (email, rest) = rest.rsplit_once('>')?;
    let time_s = rest.split_whitespace().next().and_then(|seconds| seconds.parse().ok());
    Some(Person { name: name.trim().to_owned(), email: email.trim().to_owned(), time_s })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::testing::{TIME_S, git};

    #[test]
    fn a_person_is_read_as_git_writes_one() {
        let whole = person(b"A U Thor <a@example.com> 1767323045 +0100").unwrap();
        assert_eq!((whole.name.as_str(), whole.email.as_str()), ("A U Thor", "a@example.com"));
        assert_eq!(whole.time_s, Some(1_767_323_045));
        let odd = person(b"<> -5").unwrap();
        assert_eq!((odd.name.as_str(), odd.email.as_str(), odd.time_s), ("", "", Some(-5)));
        assert_eq!(person(b"a <b> soon").unwrap().time_s, None);
        assert_eq!(person(b"nobody"), None);
    }

    #[test]
    fn the_tags_of_a_version_are_those_that_fit_the_template() {
        let tags = ["1.0", "app/1.0", "v1.0", "v1.0.0"].map(str::to_owned);
        assert_eq!(naming(&tags, &TagTemplate::new("v{version}").unwrap(), "1.0"), ["v1.0"]);
        assert!(naming(&tags, &TagTemplate::new("v{version}").unwrap(), "2.0").is_empty());
    }

    #[test]
    fn a_tag_tells_its_object_and_its_maker() {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| git(folder.path(), arguments);
        run(&["init", "-q", "-b", "main"]);
        run(&["commit", "-q", "--allow-empty", "-m", "one"]);
        run(&["tag", "light"]);
        run(&["tag", "-a", "-m", "it", "app/1.0"]);
        run(&["tag", "-a", "-m", "of a tag", "outer", "app/1.0"]);
        let head = run(&["rev-parse", "HEAD"]);
        let read = |name: &str| tag(folder.path(), name, &Signers::default()).unwrap();
        let light = read("light").unwrap();
        assert_eq!(
            (light.target.as_deref(), light.is_annotated(), light.tagger),
            (Some(&*head), false, None)
        );
        let annotated = read("app/1.0").unwrap();
        assert_eq!(annotated.object.as_deref(), Some(run(&["rev-parse", "app/1.0"]).as_str()));
        assert_eq!((annotated.target.as_deref(), annotated.signature), (Some(&*head), None));
        let tagger = Person { name: "T".into(), email: "t@example.com".into(), time_s: Some(TIME_S) };
        assert_eq!((annotated.tagger, annotated.unread), (Some(tagger), None));
        assert_eq!(read("outer").unwrap().target.as_deref(), Some(&*head));
        assert_eq!(read("v2"), None);
        let outside = read("../heads/main").unwrap();
        assert_eq!((outside.target, outside.unread.is_some()), (None, true));
        assert_eq!(tag(tempfile::tempdir().unwrap().path(), "v1", &Signers::default()).unwrap(), None);
    }
}
