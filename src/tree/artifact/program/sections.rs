//! Where the sections of a program lie. Only headers are read: no symbols, which can be most of a file.

use crate::tree::artifact::Source;
use crate::tree::artifact::bounds::Trouble;
use crate::tree::artifact::program::stretch;
use object::read::elf::{FileHeader, SectionHeader};
use object::read::macho::{FatArch, MachHeader, MachOFatFile32, MachOFatFile64, Section as _, Segment as _};
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader};
use object::{Endianness, FileKind, ReadCache, elf, macho, pe};

/// The most sections of a program. Objects that are yet to be linked have more, and say nothing.
const SECTIONS_MAX: u16 = 4096;

/// How much of a file is looked at for the headers of PE and Mach-O, which lie at its start.
const HEADERS_BYTES: u64 = 1 << 20;

/// The most architectures of a fat Mach-O that are looked at.
const ARCHITECTURES_MAX: usize = 8;

/// A section that has bytes in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Where it lies in the file.
    pub offset: u64,
    /// How many bytes it has there, as the file claims.
    pub size: u64,
    /// Where it lies in memory.
    pub address: u64,
}

/// The sections of a program; none if the file is no program.
pub fn of(head: &[u8], source: &mut dyn Source) -> Result<Vec<Section>, Trouble> {
    let broken = |error: object::read::Error| Trouble::invalid(format!("the program's headers: {error}"));
    let Ok(kind) = FileKind::parse(head) else { return Ok(Vec::new()) };
    match kind {
        FileKind::Elf32 => elf::<elf::FileHeader32<Endianness>>(source).map_err(broken),
        FileKind::Elf64 => elf::<elf::FileHeader64<Endianness>>(source).map_err(broken),
        FileKind::MachOFat32 | FileKind::MachOFat64 => fat(kind, source),
        kind => at_start(kind, &stretch(source, 0, HEADERS_BYTES)?).map_err(broken),
    }
}

/// PE and Mach-O, of which the first bytes are given.
fn at_start(kind: FileKind, head: &[u8]) -> object::read::Result<Vec<Section>> {
    match kind {
        FileKind::Pe32 => pe_file::<pe::ImageNtHeaders32>(head),
        FileKind::Pe64 => pe_file::<pe::ImageNtHeaders64>(head),
        FileKind::MachO32 => mach_o::<macho::MachHeader32<Endianness>>(head),
        FileKind::MachO64 => mach_o::<macho::MachHeader64<Endianness>>(head),
        _ => Ok(Vec::new()),
    }
}

fn elf<H: FileHeader<Endian = Endianness>>(source: &mut dyn Source) -> object::read::Result<Vec<Section>> {
    let cache = ReadCache::new(source);
    let header = H::parse(&cache)?;
    let endian = header.endian()?;
    // None, or so many that the number lies elsewhere.
    let claimed = header.e_shnum(endian);
    if claimed == 0 || claimed > SECTIONS_MAX {
        return Ok(Vec::new());
    }
    let table = header.sections(endian, &cache)?;
    let mut sections = Vec::new();
    for section in table.iter().filter(|section| section.sh_type(endian) != elf::SHT_NOBITS) {
        sections.push(Section {
            name: text(table.section_name(endian, section).unwrap_or_default()),
            offset: section.sh_offset(endian).into(),
            size: section.sh_size(endian).into(),
            address: section.sh_addr(endian).into(),
        });
    }
    Ok(sections)
}

fn pe_file<H: ImageNtHeaders>(head: &[u8]) -> object::read::Result<Vec<Section>> {
    let mut offset = pe::ImageDosHeader::parse(head)?.nt_headers_offset().into();
    let (headers, _) = H::parse(head, &mut offset)?;
    let base = headers.optional_header().image_base();
    let sections = headers.sections(head, offset)?;
    let section = |section: &pe::ImageSectionHeader| {
        let (offset, size) = section.pe_file_range();
        Section {
            name: text(section.raw_name()),
            offset: offset.into(),
            size: size.into(),
            address: base.wrapping_add(section.virtual_address.get(object::LittleEndian).into()),
        }
    };
    Ok(sections.iter().map(section).collect())
}

fn mach_o<H: MachHeader<Endian = Endianness>>(head: &[u8]) -> object::read::Result<Vec<Section>> {
    let header = H::parse(head, 0)?;
    let endian = header.endian()?;
    let mut commands = header.load_commands(endian, head, 0)?;
    let mut sections = Vec::new();
    while let Some(command) = commands.next()? {
        let Some((segment, data)) = <H::Segment as object::read::macho::Segment>::from_command(command)?
        else {
            continue;
        };
        for section in segment.sections(endian, data)? {
            if sections.len() == usize::from(SECTIONS_MAX) {
                return Ok(sections);
            }
            sections.push(Section {
                name: text(section.name()),
                offset: section.offset(endian).into(),
                size: section.size(endian).into(),
                address: section.addr(endian).into(),
            });
        }
    }
    Ok(sections)
}

/// The sections of all architectures, one after the other. Java's classes begin with the same bytes, and fit nowhere.
fn fat(kind: FileKind, source: &mut dyn Source) -> Result<Vec<Section>, Trouble> {
    let head = stretch(source, 0, HEADERS_BYTES)?;
    let places: Vec<u64> = match kind {
        FileKind::MachOFat32 => {
            let file = MachOFatFile32::parse(&head[..]);
            file.map(|file| file.arches().iter().map(|arch| arch.offset().into()).collect())
        }
        _ => {
            let file = MachOFatFile64::parse(&head[..]);
            file.map(|file| file.arches().iter().map(FatArch::offset).collect())
        }
    }
    .unwrap_or_default();
    let mut all = Vec::new();
    for place in places.into_iter().take(ARCHITECTURES_MAX) {
        let head = stretch(source, place, HEADERS_BYTES)?;
        let sections = FileKind::parse(&head[..]).and_then(|kind| at_start(kind, &head));
        for mut section in sections.unwrap_or_default() {
            section.offset = section.offset.saturating_add(place);
            all.push(section);
        }
    }
    Ok(all)
}

fn text(name: &[u8]) -> String {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}
