//! What gates were told of the payload's bytes: digests, and what looks like a credential. Each file is read once for both,
//! on all threads; or not at all, where a seal has read it already.

use crate::format::digest::Sha256;
use crate::format::path::PackPath;
use crate::pipeline::look::{Wanted, look};
use crate::pipeline::pack::Read;
use crate::pipeline::source::Root;
use crate::pipeline::watch::Watch;
use crate::policy::gate::PayloadFile;
use crate::policy::gate::evidence::Searched;
use crate::policy::gate::secrets::SEARCHED_BYTES_MAX;
use crate::policy::gate::secrets::search::Searcher;
use crate::tree::member::{Member, MemberKind};
use crate::tree::scan::Scan;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

type Answer<T> = std::result::Result<T, String>;

/// What is known, by the place in the payload.
#[derive(Debug, Default)]
pub struct Seen {
    digests: Vec<Option<Answer<Sha256>>>,
    searched: Vec<Option<Answer<Searched>>>,
    /// Finds credentials, where a gate will ask for them and nobody has searched yet.
    searcher: Option<Searcher>,
}

/// How files are read.
pub struct Reading<'a> {
    /// Where they lie.
    pub root: &'a Root,
    /// The payload, in order.
    pub payload: &'a [PayloadFile],
    /// Worker threads.
    pub threads: usize,
    /// Interruption.
    pub watch: &'a Watch,
}

/// Whether a member is a file of the payload, as gates count them.
pub fn is_payload(member: &Member) -> bool {
    member.kind == MemberKind::File && member.class.is_some()
}

impl Seen {
    /// Nothing yet, of a payload of so many files.
    pub fn nothing(files: usize, searches: bool) -> Seen {
        let searcher = searches.then(Searcher::new);
        Seen { digests: vec![None; files], searched: vec![None; files], searcher }
    }

    /// The digest of a file.
    pub fn digest(&self, at: usize) -> Option<Answer<Sha256>> {
        self.digests.get(at).cloned().flatten()
    }

    /// What was found in a file.
    pub fn searched(&self, at: usize) -> Option<Answer<Searched>> {
        self.searched.get(at).cloned().flatten()
    }

    /// Notes a digest that was made elsewhere.
    pub fn note(&mut self, at: usize, digest: Sha256) {
        if let Some(known) = self.digests.get_mut(at) {
            *known = Some(Ok(digest));
        }
    }

    /// Reads files: for their digests those that are asked for; and, once, all others too where they are to be searched.
    pub fn read(&mut self, reading: &Reading<'_>, asked: &BTreeSet<usize>, with_search: bool) {
        let searcher = if with_search { self.searcher.take() } else { None };
        let all: Vec<usize> = match searcher {
            Some(_) => (0..reading.payload.len()).collect(),
            None => asked.iter().copied().collect(),
        };
        let (mut places, mut wanted) = (Vec::new(), Vec::new());
        for (at, file) in all.into_iter().filter_map(|at| Some((at, reading.payload.get(at)?))) {
            let digest = asked.contains(&at) && self.digests.get(at).is_some_and(Option::is_none);
            let is_shown = searcher.is_some() && file.size <= SEARCHED_BYTES_MAX;
            if digest || is_shown {
                places.push(at);
                let show_up_to = is_shown.then_some(SEARCHED_BYTES_MAX);
                wanted.push(Wanted { path: file.path.as_str(), size: file.size, digest, show_up_to });
            }
        }
        if wanted.is_empty() {
            return;
        }
        let found = Found::new(wanted.len());
        let see = |at: usize, content: &[u8]| {
            if let Some(searcher) = &searcher {
                found.put(at, Searched::by(searcher, content));
            }
        };
        let looked = match look(reading.root, &wanted, &see, reading.threads, reading.watch) {
            Ok(looked) => looked.into_iter().map(|one| one.map_err(|error| error.to_string())).collect(),
            // It was interrupted, which whoever evaluates asks as well.
            Err(error) => vec![Err(error.to_string()); wanted.len()],
        };
        let rows = places.into_iter().zip(&wanted).zip(looked).zip(found.take());
        for (((at, wanted), looked), found) in rows {
            if let (Some(known), true) = (self.searched.get_mut(at), wanted.show_up_to.is_some()) {
                // What was not shown has outgrown it.
                *known = Some(looked.clone().map(|_| found.unwrap_or(Searched::NotText)));
            }
            if let (Some(known), true) = (self.digests.get_mut(at), wanted.digest) {
                *known = Some(looked.and_then(|digest| digest.ok_or_else(|| "not digested".to_owned())));
            }
        }
    }
}

/// What was found in files, by their places, from any thread.
struct Found(Mutex<Vec<Option<Searched>>>);

impl Found {
    fn new(files: usize) -> Found {
        Found(Mutex::new(vec![None; files]))
    }

    fn put(&self, at: usize, one: Searched) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.get_mut(at).into_iter().for_each(|place| *place = Some(one.clone()));
    }

    fn take(self) -> Vec<Option<Searched>> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Searches the payload while a seal reads it.
pub struct Searching<'a> {
    members: Vec<&'a Member>,
    searcher: Option<Searcher>,
    found: Found,
}

impl<'a> Searching<'a> {
    /// Of a scanned tree. Unless a gate asks for credentials nothing is searched.
    pub fn new(scan: &'a Scan, is_asked: bool) -> Searching<'a> {
        let members: Vec<&Member> = scan.members.iter().filter(|member| is_payload(member)).collect();
        let found = Found::new(if is_asked { members.len() } else { 0 });
        Searching { members, searcher: is_asked.then(Searcher::new), found }
    }

    /// Looks at a small file as it is packed, from any thread.
    pub fn look(&self, path: &PackPath, content: &[u8]) {
        if let Some(searcher) = &self.searcher
            && content.len() as u64 <= SEARCHED_BYTES_MAX
            && let Ok(at) = self.members.binary_search_by(|member| member.path.cmp(path))
        {
            self.found.put(at, Searched::by(searcher, content));
        }
    }

    /// What was seen, with what was read of all members of the scan, in their order.
    pub fn finish(self, scan: &Scan, read: &[Read]) -> Seen {
        let files = scan.members.iter().zip(read).filter(|(member, _)| is_payload(member));
        let digests: Vec<_> = files.map(|(_, read)| Some(Ok(read.digests.sha256))).collect();
        let mut searched: Vec<_> = self.found.take().into_iter().map(|found| found.map(Ok)).collect();
        searched.resize(digests.len(), None);
        Seen { digests, searched, searcher: None }
    }
}
