//! `Packages.db`: rpm's own format of SUSE's systems. Pages of slots, each of which says where a header lies.

use crate::tree::artifact::bounds::Trouble;

const PAGE_BYTES: usize = 4096;
const SLOT_BYTES: usize = 16;
const BLOCK_BYTES: usize = 16;

/// The database's own header takes the place of two slots.
const HEADER_SLOTS: usize = 2;

/// Magic, number, generation and length stand before each header.
const BLOB_HEADER_BYTES: usize = 16;

/// Gives every header to `take`.
pub fn each(bytes: &[u8], take: &mut dyn FnMut(&[u8]) -> Result<(), Trouble>) -> Result<(), Trouble> {
    let ends = || Trouble::invalid("the ndb database ends too early");
    let pages = usize::try_from(le_u32(bytes, 12).ok_or_else(ends)?).map_err(|_| ends())?;
    let slots = pages.checked_mul(PAGE_BYTES).and_then(|length| bytes.get(..length)).ok_or_else(ends)?;
    for slot in slots.chunks_exact(SLOT_BYTES).skip(HEADER_SLOTS) {
        if !slot.starts_with(b"Slot") {
            return Err(Trouble::invalid("a slot of the ndb database that is none"));
        }
        let (number, place) = (le_u32(slot, 4).unwrap_or(0), le_u32(slot, 8).unwrap_or(0));
        if number == 0 || place == 0 {
            continue;
        }
        take(blob(bytes, number, place).unwrap_or_default())?;
    }
    Ok(())
}

fn blob(bytes: &[u8], number: u32, place: u32) -> Option<&[u8]> {
    let start = usize::try_from(place).ok()?.checked_mul(BLOCK_BYTES)?;
    let blob = bytes.get(start..)?;
    let length = usize::try_from(le_u32(blob, 12)?).ok()?;
    let is_it = blob.starts_with(b"BlbS") && le_u32(blob, 4) == Some(number);
    blob.get(BLOB_HEADER_BYTES..)?.get(..length).filter(|_| is_it)
}

fn le_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}
