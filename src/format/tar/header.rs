//! A member's header blocks (POSIX.1-2017 pax, "ustar Interchange Format").

use super::BLOCK_BYTES;
use super::pax;
use crate::format::member::{FileType, Member};

/// The largest number that fits eleven octal digits: past it the size goes into a pax record.
pub(super) const OCTAL_11_MAX: u64 = 0o77_777_777_777;
/// The largest number that fits seven octal digits.
pub(super) const OCTAL_7_MAX: u64 = 0o7_777_777;
/// Length of the name and link name fields, in bytes.
const NAME_BYTES: usize = 100;

/// The header blocks of a member, pax records first where its fields need them. Always the same bytes for the same
/// member.
pub fn encode(member: &Member) -> Vec<u8> {
    let name = stored_name(member);
    let records = pax::records_of(member, &name);
    let mut blocks = Vec::with_capacity(if records.is_empty() { BLOCK_BYTES } else { 3 * BLOCK_BYTES });
    if !records.is_empty() {
        let size = records.len() as u64;
        blocks.extend_from_slice(
            &Fields { name: b"PaxHeader", typeflag: b'x', mode: 0o644, size, ..NONE }.block(),
        );
        blocks.extend_from_slice(&records);
        blocks.resize(blocks.len() + super::padding(size), 0);
    }
    blocks.extend_from_slice(&ustar(member, &name));
    blocks
}

/// The ustar block alone. What a pax record says is zero, or a readable stand-in, here.
fn ustar(member: &Member, name: &str) -> [u8; BLOCK_BYTES] {
    let (typeflag, target) = match &member.kind {
        FileType::File => (b'0', ""),
        FileType::Dir => (b'5', ""),
        FileType::Link(target) => (b'2', &**target),
    };
    let fitting = |value: u64, max: u64| if value <= max { value } else { 0 };
    Fields {
        name: &fallback(name),
        link: &fallback(target),
        typeflag,
        mode: member.mode.into(),
        uid: fitting(member.uid.into(), OCTAL_7_MAX),
        gid: fitting(member.gid.into(), OCTAL_7_MAX),
        size: fitting(member.size, OCTAL_11_MAX),
        mtime: fitting(u64::try_from(member.mtime_s).unwrap_or(0), OCTAL_11_MAX),
    }
    .block()
}

/// The name as stored: folders end in a slash.
pub(super) fn stored_name(member: &Member) -> String {
    match member.kind {
        FileType::Dir => format!("{}/", member.path),
        FileType::File | FileType::Link(_) => member.path.as_str().to_owned(),
    }
}

/// Whether text fits a name field as it is.
pub(super) fn fits(text: &str) -> bool {
    text.len() <= NAME_BYTES && text.is_ascii()
}

/// The text itself, or for a reader without pax a cut with `_` for what is not ASCII.
fn fallback(text: &str) -> Vec<u8> {
    text.bytes().take(NAME_BYTES).map(|b| if b.is_ascii() { b } else { b'_' }).collect()
}

struct Fields<'a> {
    name: &'a [u8],
    link: &'a [u8],
    typeflag: u8,
    mode: u64,
    uid: u64,
    gid: u64,
    size: u64,
    mtime: u64,
}

const NONE: Fields = Fields { name: b"", link: b"", typeflag: 0, mode: 0, uid: 0, gid: 0, size: 0, mtime: 0 };

impl Fields<'_> {
    fn block(&self) -> [u8; BLOCK_BYTES] {
        let mut block = [0; BLOCK_BYTES];
        block[..self.name.len()].copy_from_slice(self.name);
        octal(&mut block[100..108], self.mode);
        octal(&mut block[108..116], self.uid);
        octal(&mut block[116..124], self.gid);
        octal(&mut block[124..136], self.size);
        octal(&mut block[136..148], self.mtime);
        block[156] = self.typeflag;
        block[157..157 + self.link.len()].copy_from_slice(self.link);
        block[257..265].copy_from_slice(b"ustar\x0000");
        // Device numbers are written as zero, as GNU tar and bsdtar do.
        octal(&mut block[329..337], 0);
        octal(&mut block[337..345], 0);
        let sum = checksum(&block);
        octal(&mut block[148..155], sum);
        block[155] = b' ';
        block
    }
}

/// The sum of all bytes, the checksum field counted as spaces.
pub(super) fn checksum(block: &[u8; BLOCK_BYTES]) -> u64 {
    let field: u64 = block[148..156].iter().map(|&b| u64::from(b)).sum();
    block.iter().map(|&b| u64::from(b)).sum::<u64>() - field + 8 * u64::from(b' ')
}

/// Octal digits with leading zeros and a NUL at the end.
fn octal(field: &mut [u8], mut value: u64) {
    let digits = field.len() - 1;
    for digit in field[..digits].iter_mut().rev() {
        *digit = b'0' + (value & 7) as u8;
        value >>= 3;
    }
}
