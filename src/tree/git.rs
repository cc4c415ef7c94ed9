//! What git says about the tree, read from the repository's files. git's own programs are never started.

/// The commit that a tree was checked out from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitFacts {
    /// HEAD as lower-case hex; `None` where nothing was committed yet.
    pub commit: Option<String>,
    /// The committer's time of HEAD, in seconds since 1970.
    pub commit_time_s: Option<i64>,
    /// The short names of the tags that end at HEAD, sorted.
    pub tags_at_head: Vec<String>,
    /// What could not be read, and why, for people.
    pub unread: Option<String>,
}
