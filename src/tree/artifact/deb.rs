//! Debian packages (deb(5)): an ar archive in which `control.tar` says what the package is.

use crate::format::bom::{Aggregate, Component, ComponentKind, Scope};
use crate::tree::artifact::Source;
use crate::tree::artifact::bounds::{Budget, Pool, Trouble};
use crate::tree::artifact::bytes::{Bytes, Flowing, Form, Peeked, Seeking, unpacked};
use crate::tree::artifact::fields::{Fields, Folding};
use crate::tree::artifact::image::dpkg;
use crate::tree::artifact::image::os::Os;
use crate::tree::artifact::parts::Needed;
use crate::tree::artifact::tar::{Tar, inside};
use crate::tree::reading::Reading;
use std::io::Read;

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER_BYTES: usize = 60;

/// The control file is behind `debian-binary`; a package has three or four members.
const MEMBERS_MAX: usize = 16;

/// What a package says of itself. Which distribution it is for it does not say, so it has no package URL.
pub fn read(source: &mut dyn Source) -> Result<Reading, Trouble> {
    let mut bytes = Seeking::new(source)?;
    let mut magic = [0; MAGIC.len()];
    bytes.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Err(Trouble::invalid("it is not an ar archive"));
    }
    for _ in 0..MEMBERS_MAX {
        let mut header = [0; HEADER_BYTES];
        bytes.read_exact(&mut header)?;
        let (name, size) =
            member(&header).ok_or_else(|| Trouble::invalid("a broken header of the ar archive"))?;
        if name.starts_with("control.tar") {
            let mut inner = Flowing::new((&mut bytes).take(size));
            return control(&name, size, &mut inner);
        }
        bytes.skip(size.next_multiple_of(2))?;
    }
    Err(Trouble::invalid("a package without control.tar"))
}

/// Name and size: 16 bytes from the start, and 10 decimal digits from the 48th.
fn member(header: &[u8; HEADER_BYTES]) -> Option<(String, u64)> {
    let text = std::str::from_utf8(header).ok().filter(|text| text.ends_with("`\n"))?;
    let name = text.get(..16)?.trim_end().trim_end_matches('/');
    Some((name.to_owned(), text.get(48..58)?.trim_end().parse().ok()?))
}

fn control(name: &str, size: u64, bytes: &mut dyn Bytes) -> Result<Reading, Trouble> {
    let mut bytes = Peeked::new(bytes)?;
    let form = Form::of(bytes.head());
    if form == Form::Other {
        return Err(Trouble::invalid(format!("{name} is packed in a way that is not read")));
    }
    unpacked(&mut bytes, form, &Pool::of(size), |bytes| {
        let (mut tar, mut budget) = (Tar::new(bytes), Budget::new());
        while let Some(entry) = tar.next(&mut budget)? {
            if inside(&entry.path).as_deref() == Some("control") {
                let text = budget.manifest(&mut tar.body())?;
                return described(&String::from_utf8_lossy(&text));
            }
        }
        Err(Trouble::invalid(format!("{name} has no file control")))
    })
}

fn described(text: &str) -> Result<Reading, Trouble> {
    let package = dpkg::package(&Fields::first(text, Folding::Line), &Os::default());
    let package = package.ok_or_else(|| Trouble::invalid("the file control names no package"))?;
    let mut reading = Reading::new(Aggregate::Unknown);
    let root = reading.graph.add_root(Component { kind: ComponentKind::Application, ..package.component });
    let mut needed = Needed::default();
    for any in &package.needs {
        let scope = if any.len() == 1 { Scope::Runtime } else { Scope::Optional };
        any.iter().for_each(|name| needed.add(name, scope));
    }
    needed.add_to(&mut reading.graph, root, |_| None);
    Ok(reading)
}
