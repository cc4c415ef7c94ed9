//! Programs (ELF, PE, Mach-O) that carry the list of what they were built from: Rust's by cargo-auditable, Go's always.

mod auditable;
mod go_binary;
mod sections;
#[cfg(test)]
mod tests;

use crate::tree::artifact::Source;
use crate::tree::artifact::bounds::Trouble;
use crate::tree::artifact::program::sections::Section;
use crate::tree::reading::Reading;
use std::io::{Read, SeekFrom};

/// What a program says of itself; `None` if it says nothing, or if it is no program.
pub fn read(path: &str, head: &[u8], source: &mut dyn Source) -> Result<Option<Reading>, Trouble> {
    let sections = sections::of(head, source)?;
    match auditable::read(path, &sections, source)? {
        Some(reading) => Ok(Some(reading)),
        None => go_binary::read(&sections, source),
    }
}

/// The bytes of a stretch of the file, at most `most`; fewer where the file ends.
fn stretch(source: &mut dyn Source, offset: u64, most: u64) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    source.seek(SeekFrom::Start(offset))?;
    source.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// All bytes of a section, of which there may be at most `most`.
fn whole(source: &mut dyn Source, section: &Section, most: u64) -> Result<Vec<u8>, Trouble> {
    if section.size > most {
        let what = format!("the section {} is larger than {most} bytes", section.name);
        return Err(Trouble::too_large(what));
    }
    let bytes = stretch(source, section.offset, section.size)?;
    match bytes.len() as u64 == section.size {
        true => Ok(bytes),
        false => Err(Trouble::invalid(format!("the section {} lies past the end of the file", section.name))),
    }
}
