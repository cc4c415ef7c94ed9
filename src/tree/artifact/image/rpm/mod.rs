//! RPM's database of installed packages, in the three formats it has had. Each holds a header a package.

mod bdb;
pub mod header;
mod ndb;
mod sqlite;
#[cfg(test)]
mod tests;

use crate::format::bom::{Component, ComponentKind};
use crate::tree::artifact::bounds::{Trouble, short};
use crate::tree::artifact::image::os::Os;
use crate::tree::artifact::image::packages::Package;
use crate::tree::artifact::image::rpm::header::{Header, Tag};
use crate::tree::artifact::parts::licence;
use std::collections::BTreeSet;

/// Where the database lies: the new folder before the old one, the newer formats before the older.
pub const PLACES: &[&str] = &[
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages.db",
    "var/lib/rpm/Packages.db",
    "usr/lib/sysimage/rpm/Packages",
    "var/lib/rpm/Packages",
];

/// Where SQLite keeps changes that are not in the database yet. An image should hold none.
pub const LOGS: &[&str] = &["usr/lib/sysimage/rpm/rpmdb.sqlite-wal", "var/lib/rpm/rpmdb.sqlite-wal"];

/// The most packages of a database.
const PACKAGES_MAX: usize = 100_000;

/// The most bytes of all headers: parts of a database can be referred to again and again.
const HEADERS_BYTES_MAX: usize = 256 << 20;

/// What a database holds.
#[derive(Debug, Default)]
pub struct Installed {
    /// The packages.
    pub packages: Vec<Package>,
    /// What could not be read.
    pub troubles: Vec<Trouble>,
}

/// The installed packages of a database of any format.
pub fn read(bytes: &[u8], os: &Os) -> Installed {
    let mut installed = Installed::default();
    let mut broken = 0_usize;
    let walked = each(bytes, &mut |blob| match Header::read(blob).and_then(|header| package(&header, os)) {
        Some(Some(package)) => installed.packages.push(package),
        Some(None) => {}
        None => broken += 1,
    });
    installed.troubles.extend(walked.err());
    if broken > 0 {
        installed.troubles.push(Trouble::invalid(format!("{broken} package headers that cannot be read")));
    }
    provide_files(bytes, &mut installed.packages);
    installed
}

/// Gives every header to `take`, up to the limits.
fn each(bytes: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<(), Trouble> {
    let (mut packages, mut size) = (0, 0);
    let mut bounded = |blob: &[u8]| {
        packages += 1;
        size += blob.len();
        if packages > PACKAGES_MAX || size > HEADERS_BYTES_MAX {
            return Err(Trouble::too_large("more package headers than may be read"));
        }
        take(blob);
        Ok(())
    };
    if bytes.starts_with(b"SQLite format 3\0") {
        sqlite::each(bytes, &mut bounded)
    } else if bytes.starts_with(b"RpmP") {
        ndb::each(bytes, &mut bounded)
    } else if bdb::is_hash(bytes) {
        bdb::each(bytes, &mut bounded)
    } else if bytes.is_empty() {
        Ok(())
    } else {
        Err(Trouble::invalid("a database of an unknown format"))
    }
}

/// A package; `None` inside for a signer's key, which stands among them. `None` if it has no name.
pub fn package(header: &Header<'_>, os: &Os) -> Option<Option<Package>> {
    let text = |tag: Tag| header.text(tag);
    let name = text(Tag::NAME)?;
    let name = short(&name)?;
    if name == "gpg-pubkey" {
        return Some(None);
    }
    let (version, release) = (text(Tag::VERSION)?, text(Tag::RELEASE)?);
    let full = format!("{version}-{release}");
    let epoch = header.number(Tag::EPOCH).map(|epoch| epoch.to_string());
    let arch = text(Tag::ARCH).unwrap_or_default();
    let stated = match &epoch {
        Some(epoch) => format!("{epoch}:{full}"),
        None => full.clone(),
    };
    let mut component = Component::new(ComponentKind::Library, name, short(&stated));
    component.purl = os.purl("rpm", name, &full, &arch, epoch.as_deref().unwrap_or_default());
    component.licence = text(Tag::LICENSE).and_then(|text| licence(&text));
    let vendor = text(Tag::VENDOR).filter(|vendor| vendor != "(none)");
    component.supplier = vendor.and_then(|vendor| short(&vendor).map(str::to_owned));
    let provides = header.texts(Tag::PROVIDENAME);
    let needs = header.texts(Tag::REQUIRENAME).into_iter().map(|name| vec![name]).collect();
    Some(Some(Package { component, arch, provides, needs }))
}

/// Packages may need a file, which they do not list as provided: `/bin/sh`.
fn provide_files(bytes: &[u8], packages: &mut [Package]) {
    let needed = packages.iter().flat_map(|package| package.needs.iter().flatten());
    let wanted: BTreeSet<String> = needed.filter(|name| name.starts_with('/')).cloned().collect();
    if wanted.is_empty() {
        return;
    }
    let mut next = packages.iter_mut();
    // The same headers come again, in the same order; what ended the first walk ends this one.
    let walked = each(bytes, &mut |blob| {
        let header = Header::read(blob);
        let is_package =
            header.as_ref().is_some_and(|header| matches!(package(header, &Os::default()), Some(Some(_))));
        if let (true, Some(header)) = (is_package, header)
            && let Some(package) = next.next()
        {
            package.provides.extend(header.files().filter(|file| wanted.contains(file)));
        }
    });
    drop(walked);
}
