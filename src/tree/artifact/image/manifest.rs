//! Which images an archive holds: `manifest.json` of `docker save`, else `index.json` (OCI image layout 1.1).

use crate::format::bom::Purl;
use crate::tree::artifact::bounds::{Trouble, short};
use crate::tree::artifact::image::collect::Blobs;
use crate::tree::artifact::parts::file_name;
use crate::tree::reading::Reading;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// How many images of one archive are read, and how deep indexes lie in each other.
const IMAGES_MAX: usize = 32;
const INDEXES_MAX: usize = 4;

/// An image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its name without tag; the archive's name where it has none.
    pub name: String,
    /// Its tag.
    pub version: Option<String>,
    /// Its package URL, where name and digest are known.
    pub purl: Option<Purl>,
    /// The members of the archive that hold its layers, the lowest first.
    pub layers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// The images of an archive; `None` if it has no manifest at all.
pub fn images(path: &str, blobs: &Blobs, reading: &mut Reading) -> Option<Vec<Image>> {
    let file = file_name(path);
    let stem = [".tar.gz", ".tgz", ".tar.zst", ".tar"].iter().find_map(|end| file.strip_suffix(end));
    let stem = stem.unwrap_or(file);
    let mut images = Vec::new();
    if blobs.json("manifest.json").is_some() {
        // Many archives have a file of that name.
        if !blobs.has_layers() && blobs.json("oci-layout").is_none() {
            return None;
        }
        let all: Vec<Saved> = parsed("manifest.json", blobs, reading).unwrap_or_default();
        images.extend(all.into_iter().take(IMAGES_MAX + 1).map(|saved| saved.image(stem)));
    } else if blobs.json("index.json").is_some() && blobs.json("oci-layout").is_some() {
        index("index.json", None, 0, blobs, &mut images, reading);
        for image in images.iter_mut().filter(|image| image.name.is_empty()) {
            stem.clone_into(&mut image.name);
        }
    } else {
        return None;
    }
    if images.len() > IMAGES_MAX {
        images.truncate(IMAGES_MAX);
        Trouble::too_large(format!("more than {IMAGES_MAX} images")).note("", reading);
    }
    if images.is_empty() && reading.faults.is_empty() {
        Trouble::invalid("no image in it").note("", reading);
    }
    Some(images)
}

impl Saved {
    fn image(self, stem: &str) -> Image {
        let tag = self.repo_tags.into_iter().flatten().find(|tag| short(tag).is_some());
        let (name, version) = match &tag {
            Some(tag) => split(tag),
            None => (stem.to_owned(), None),
        };
        Image { name, version, purl: None, layers: self.layers }
    }
}

/// Every image of an index, and of the indexes in it. Attestations lie there too, in the form of images.
fn index(
    member: &str,
    reference: Option<&str>,
    depth: usize,
    blobs: &Blobs,
    images: &mut Vec<Image>,
    reading: &mut Reading,
) {
    let Some(index_) = parsed::<Index>(member, blobs, reading) else { return };
    for descriptor in index_.manifests {
        if images.len() > IMAGES_MAX {
            return;
        }
        let note =
            |key: &str| descriptor.annotations.as_ref().and_then(|all| all.get(key)).map(String::as_str);
        if note("vnd.docker.reference.type").is_some() {
            continue;
        }
        let full = note("io.containerd.image.name").and_then(short);
        let named = full.or_else(|| note("org.opencontainers.image.ref.name").and_then(short)).or(reference);
        let Some(inner) = blob(&descriptor.digest) else {
            Trouble::invalid("a digest that is none").note(member, reading);
            continue;
        };
        if descriptor.media_type.contains("index") || descriptor.media_type.contains("manifest.list") {
            match depth < INDEXES_MAX {
                true => index(&inner, named, depth + 1, blobs, images, reading),
                false => {
                    Trouble::too_large(format!("indexes more than {INDEXES_MAX} deep")).note(member, reading)
                }
            }
            continue;
        }
        let Some(manifest) = parsed::<Manifest>(&inner, blobs, reading) else { continue };
        images.push(image(named, &descriptor.digest, &manifest));
    }
}

/// A reference is `host/name:tag`, or only a tag.
fn image(reference: Option<&str>, digest: &str, manifest: &Manifest) -> Image {
    let is_layer = |descriptor: &&Descriptor| {
        descriptor.media_type.is_empty()
            || descriptor.media_type.contains("layer")
            || descriptor.media_type.contains("diff")
    };
    let layers = manifest.layers.iter().filter(is_layer).filter_map(|layer| blob(&layer.digest)).collect();
    let (name, version) = match reference {
        Some(reference) if reference.contains(['/', ':']) => split(reference),
        Some(tag) => (String::new(), Some(tag.to_owned())),
        None => (String::new(), None),
    };
    let tag = version.as_deref().unwrap_or_default();
    let short = name.rsplit('/').next().unwrap_or_default();
    let repository = if name.contains('/') { name.as_str() } else { "" };
    let qualifiers = [("repository_url", repository), ("tag", tag)];
    let purl = Purl::qualified("oci", "", short, digest, &qualifiers).filter(|_| !short.is_empty());
    Image { name, version, purl, layers }
}

/// `host:port/name:tag@digest` as name and tag.
fn split(reference: &str) -> (String, Option<String>) {
    let reference = reference.split('@').next().unwrap_or_default();
    match reference.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') && !name.is_empty() => {
            (name.to_owned(), Some(tag.to_owned()))
        }
        _ => (reference.to_owned(), None),
    }
}

/// Where the manifests and layers lie that an index or a manifest names.
pub fn blobs_of(json: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Any {
        #[serde(default)]
        manifests: Vec<Descriptor>,
        #[serde(default)]
        layers: Vec<Descriptor>,
    }
    let Ok(any) = serde_json::from_slice::<Any>(json) else { return Vec::new() };
    any.manifests.iter().chain(&any.layers).filter_map(|descriptor| blob(&descriptor.digest)).collect()
}

/// Where a blob lies: `sha256:HEX` in `blobs/sha256/HEX`.
fn blob(digest: &str) -> Option<String> {
    let (algorithm, hex) = digest.split_once(':')?;
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_word(algorithm) && is_word(hex)).then(|| format!("blobs/{algorithm}/{hex}"))
}

fn parsed<T: DeserializeOwned>(member: &str, blobs: &Blobs, reading: &mut Reading) -> Option<T> {
    let trouble = match blobs.json(member).map(serde_json::from_slice) {
        Some(Ok(value)) => return Some(value),
        Some(Err(error)) => format!("not what it should be: {error}"),
        None => "it is not in the archive".to_owned(),
    };
    Trouble::invalid(trouble).note(member, reading);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_split_into_name_and_tag() {
        for (reference, name, tag) in [
            ("app", "app", None),
            ("app:1.0", "app", Some("1.0")),
            ("registry.example:5000/team/app", "registry.example:5000/team/app", None),
            ("registry.example:5000/team/app:1.0@sha256:00", "registry.example:5000/team/app", Some("1.0")),
        ] {
            assert_eq!(split(reference), (name.to_owned(), tag.map(str::to_owned)));
        }
        assert_eq!(blob("sha256:00ff").as_deref(), Some("blobs/sha256/00ff"));
        for bad in ["sha256", "sha256:", "sha256:../../x", ":00"] {
            assert_eq!(blob(bad), None, "{bad}");
        }
    }
}
