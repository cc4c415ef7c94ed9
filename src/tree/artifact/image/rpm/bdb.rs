//! `Packages`: a hash database of Berkeley DB (db_page.h of version 4 and 5), as rpm wrote it until 4.16. Every page is
//! looked at once, so neither buckets nor hashes matter.

use crate::tree::artifact::bounds::{MEMBER_BYTES_MAX, Trouble};

const MAGIC: u32 = 0x0006_1561;
const PAGE_HEADER_BYTES: usize = 26;

/// Types of pages.
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;

/// Types of values: on the page, or on pages of their own.
const ON_PAGE: u8 = 1;
const OFF_PAGE: u8 = 3;

/// The key of the value that holds the last number given, which is no header.
const COUNTER: &[u8] = &[0; 4];

/// Whether a file is such a database, of either byte order.
pub fn is_hash(bytes: &[u8]) -> bool {
    Database::of(bytes).is_some()
}

struct Database<'a> {
    bytes: &'a [u8],
    is_big: bool,
}

/// Gives every header to `take`.
pub fn each(bytes: &[u8], take: &mut dyn FnMut(&[u8]) -> Result<(), Trouble>) -> Result<(), Trouble> {
    let invalid = Trouble::invalid;
    let database = Database::of(bytes).ok_or_else(|| invalid("no hash database"))?;
    let size = database.u32(bytes, 20).and_then(|size| usize::try_from(size).ok());
    let size = size.filter(|size| size.is_power_of_two() && (512..=65536).contains(size));
    let size = size.ok_or_else(|| invalid("pages of the database of an unknown size"))?;
    if bytes.get(24).is_some_and(|encryption| *encryption != 0) {
        return Err(invalid("the database is encrypted"));
    }
    for page in bytes.chunks_exact(size).skip(1) {
        if matches!(page.get(25), Some(&(HASH | HASH_UNSORTED))) {
            database.page(page, size, take)?;
        }
    }
    match bytes.len().is_multiple_of(size) {
        true => Ok(()),
        false => Err(invalid("the database ends within a page")),
    }
}

impl<'a> Database<'a> {
    fn of(bytes: &'a [u8]) -> Option<Database<'a>> {
        let magic = bytes.get(12..)?.first_chunk()?;
        match (u32::from_le_bytes(*magic), u32::from_be_bytes(*magic)) {
            (MAGIC, _) => Some(Database { bytes, is_big: false }),
            (_, MAGIC) => Some(Database { bytes, is_big: true }),
            _ => None,
        }
    }

    /// The pairs of a page: offsets of key, value, key, value, … stand behind its header; values lie from its end down.
    fn page(
        &self,
        page: &[u8],
        size: usize,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let count = usize::from(self.u16(page, 20).unwrap_or(0)).min((size - PAGE_HEADER_BYTES) / 2);
        let offset = |place: usize| self.u16(page, PAGE_HEADER_BYTES + 2 * place).map(usize::from);
        for place in (1..count).step_by(2) {
            let (Some(key), Some(value)) = (offset(place - 1), offset(place)) else { continue };
            // A key ends where the item before it begins; rpm's keys are four bytes and lie on the page.
            let key = page.get(key..).and_then(|key| key.split_first_chunk::<5>());
            if key.is_some_and(|(key, _)| key.get(1..) == Some(COUNTER)) {
                continue;
            }
            match page.get(value) {
                Some(&OFF_PAGE) => take(&self.off_page(page, value, size)?)?,
                Some(&ON_PAGE) => {
                    let end = offset(place - 1).unwrap_or(0);
                    take(page.get(value + 1..end).unwrap_or_default())?;
                }
                _ => take(&[])?,
            }
        }
        Ok(())
    }

    /// A value on a chain of pages of its own; a chain cannot be longer than the length it claims.
    fn off_page(&self, page: &[u8], at: usize, size: usize) -> Result<Vec<u8>, Trouble> {
        let number =
            |at: usize| self.u32(page, at).and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
        let (mut next, length) = (number(at + 4), number(at + 8));
        if length as u64 > MEMBER_BYTES_MAX {
            return Err(Trouble::too_large(format!(
                "a package header of more than {MEMBER_BYTES_MAX} bytes"
            )));
        }
        let mut value = Vec::new();
        while next != 0 && value.len() < length {
            let start = next.checked_mul(size);
            let page = start.and_then(|start| self.bytes.get(start..)?.get(..size));
            let Some(page) = page.filter(|page| page.get(25) == Some(&OVERFLOW)) else { break };
            let used = usize::from(self.u16(page, 22).unwrap_or(0)).min(size - PAGE_HEADER_BYTES);
            if used == 0 {
                break;
            }
            value.extend(page.iter().skip(PAGE_HEADER_BYTES).take(used));
            next = self.u32(page, 16).and_then(|next| usize::try_from(next).ok()).unwrap_or(0);
        }
        // What is too short is no header, but it has cost as much.
        value.truncate(length);
        Ok(value)
    }

    fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(if self.is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}
