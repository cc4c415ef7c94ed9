//! What remains of the layers when they lie over each other.

use crate::tree::artifact::image::layer::Layer;
use std::collections::BTreeMap;
use std::ops::Bound;

/// The files of an image that were kept, and where links of that kind point.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Files<'a> {
    files: BTreeMap<&'a str, &'a [u8]>,
    links: BTreeMap<&'a str, &'a str>,
}

/// How many links are followed.
const LINKS_MAX: usize = 8;

impl<'a> Files<'a> {
    /// Puts layers over each other, the lowest first.
    pub fn of(layers: &[&'a Layer]) -> Files<'a> {
        let mut all = Files::default();
        for layer in layers {
            for folder in &layer.opaque {
                all.forget(folder, false);
            }
            for path in &layer.removed {
                all.forget(path, true);
            }
            for (path, target) in &layer.links {
                all.files.remove(path.as_str());
                all.links.insert(path, target);
            }
            for (path, bytes) in &layer.files {
                all.links.remove(path.as_str());
                all.files.insert(path, bytes);
            }
        }
        all
    }

    /// A file, through links.
    pub fn get(&self, path: &str) -> Option<&'a [u8]> {
        let mut path = path;
        for _ in 0..LINKS_MAX {
            match self.links.get(path) {
                Some(target) => path = target,
                None => break,
            }
        }
        self.files.get(path).copied()
    }

    /// Every file, by path.
    pub fn all(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.files.iter().map(|(path, bytes)| (*path, *bytes))
    }

    /// Links that lead to nothing that was kept.
    pub fn dangling(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let links = self.links.iter().filter(|(path, _)| self.get(path).is_none());
        links.map(|(path, target)| (*path, *target))
    }

    /// Takes away what lies in a folder, and the file or folder itself if that is meant.
    fn forget(&mut self, path: &str, itself: bool) {
        let below = format!("{path}/");
        let is_below = |name: &str| path.is_empty() || name.starts_with(&below) || itself && name == path;
        // The names below stand together in the order of the map, and few files are kept.
        fn found<V>(map: &BTreeMap<&str, V>, path: &str, is_below: impl Fn(&str) -> bool) -> Vec<String> {
            let from = map.range::<str, _>((Bound::Included(path), Bound::Unbounded));
            let near = from.take_while(|(name, _)| name.starts_with(path));
            near.filter(|(name, _)| is_below(name)).map(|(name, _)| (*name).to_owned()).collect()
        }
        for name in found(&self.files, path, is_below) {
            self.files.remove(name.as_str());
        }
        for name in found(&self.links, path, is_below) {
            self.links.remove(name.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(files: &[&str], removed: &[&str], opaque: &[&str]) -> Layer {
        Layer {
            files: files.iter().map(|path| (path.to_string(), path.as_bytes().to_vec())).collect(),
            removed: removed.iter().map(|path| path.to_string()).collect(),
            opaque: opaque.iter().map(|path| path.to_string()).collect(),
            ..Layer::default()
        }
    }

    fn left(layers: &[Layer]) -> Vec<&str> {
        Files::of(&layers.iter().collect::<Vec<_>>()).all().map(|(path, _)| path).collect()
    }

    #[test]
    fn whiteouts_take_from_below_and_never_from_their_own_layer() {
        let base = || layer(&["a/x", "a/y", "a.b", "ab", "b"], &[], &[]);
        assert_eq!(left(&[base(), layer(&[], &["a"], &[])]), ["a.b", "ab", "b"]);
        assert_eq!(left(&[base(), layer(&["a/z"], &[], &["a"])]), ["a.b", "a/z", "ab", "b"]);
        assert_eq!(left(&[base(), layer(&["a/x"], &["a/x"], &[])]), ["a.b", "a/x", "a/y", "ab", "b"]);
        assert_eq!(left(&[base(), layer(&[], &["a/x", "b"], &[])]), ["a.b", "a/y", "ab"]);
        assert_eq!(left(&[base(), layer(&["c"], &[], &[""])]), ["c"]);
    }

    #[test]
    fn links_are_followed_and_circles_end() {
        let mut top = layer(&["real"], &[], &[]);
        top.links = [("one", "two"), ("two", "real"), ("c", "d"), ("d", "c")]
            .map(|(from, to)| (from.to_owned(), to.to_owned()))
            .into();
        let layers = [top];
        let files = Files::of(&layers.iter().collect::<Vec<_>>());
        assert_eq!(files.get("one"), Some(&b"real"[..]));
        assert_eq!(files.get("c"), None);
        assert_eq!(files.dangling().count(), 2);
    }
}
