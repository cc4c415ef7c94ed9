//! RPM packages (RPM package format v4): a lead, a header of signatures, and the header that describes the package.

use crate::format::bom::{Aggregate, Component, ComponentKind, Scope};
use crate::tree::artifact::Source;
use crate::tree::artifact::bounds::{Budget, MEMBER_BYTES_MAX, Trouble};
use crate::tree::artifact::bytes::{Bytes, Seeking};
use crate::tree::artifact::image::os::Os;
use crate::tree::artifact::image::rpm;
use crate::tree::artifact::image::rpm::header::Header;
use crate::tree::artifact::parts::Needed;
use crate::tree::reading::Reading;
use std::io::Read;

/// What a package begins with.
pub const MAGIC: &[u8] = &[0xed, 0xab, 0xee, 0xdb];

const LEAD_BYTES: u64 = 96;
const HEADER_MAGIC: &[u8] = &[0x8e, 0xad, 0xe8, 0x01];

/// What a package says of itself. Which distribution it is for it does not say, so it has no package URL.
pub fn read(source: &mut dyn Source) -> Result<Reading, Trouble> {
    let mut bytes = Seeking::new(source)?;
    bytes.skip(LEAD_BYTES)?;
    let (_, signatures) = lengths(&mut bytes)?;
    bytes.skip(signatures.next_multiple_of(8))?;
    let (start, length) = lengths(&mut bytes)?;
    let mut blob = start.to_vec();
    blob.extend(Budget::new().read(&mut bytes.take(length), MEMBER_BYTES_MAX)?);
    let package = Header::read(&blob).and_then(|header| rpm::package(&header, &Os::default())).flatten();
    let package = package.ok_or_else(|| Trouble::invalid("the header of the package cannot be read"))?;
    let mut reading = Reading::new(Aggregate::Unknown);
    let root = reading.graph.add_root(Component { kind: ComponentKind::Application, ..package.component });
    let mut needed = Needed::default();
    // Files, features of rpm and conditions are no names of packages.
    let is_name = |name: &&String| !name.starts_with('/') && !name.contains('(');
    package.needs.iter().flatten().filter(is_name).for_each(|name| needed.add(name, Scope::Runtime));
    needed.add_to(&mut reading.graph, root, |_| None);
    Ok(reading)
}

/// The first eight bytes of a header behind its magic, and how many follow them.
fn lengths(bytes: &mut dyn Read) -> Result<([u8; 8], u64), Trouble> {
    let (mut magic, mut start) = ([0; 8], [0; 8]);
    bytes.read_exact(&mut magic)?;
    bytes.read_exact(&mut start)?;
    if !magic.starts_with(HEADER_MAGIC) {
        return Err(Trouble::invalid("a header of the package that is none"));
    }
    let [a, b, c, d, e, f, g, h] = start;
    let (entries, data) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    Ok((start, 16 * u64::from(entries) + u64::from(data)))
}
