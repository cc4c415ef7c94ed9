//! Build info of Go programs (`go version -m`, package debug/buildinfo): the main module and every module linked in.

use crate::format::bom::{Aggregate, Component, ComponentKind, Purl};
use crate::tree::artifact::Source;
use crate::tree::artifact::bounds::{Trouble, short};
use crate::tree::artifact::program::sections::Section;
use crate::tree::artifact::program::stretch;
use crate::tree::reading::Reading;

const MAGIC: &[u8] = b"\xff Go buildinf:";

/// How much of a section is looked at: the header stands at its start, and the list behind it.
const SECTION_BYTES_MAX: u64 = 8 << 20;

/// The longest list of modules, in bytes.
const LIST_BYTES_MAX: u64 = 4 << 20;

/// Go 1.18 and later: both texts stand behind the header.
const INLINE: u8 = 2;

/// The texts of a program.
struct Info {
    go: String,
    modules: String,
}

/// What a Go program says of itself; `None` if it is none, or was built without modules.
pub fn read(sections: &[Section], source: &mut dyn Source) -> Result<Option<Reading>, Trouble> {
    let names = [".go.buildinfo", "__go_buildinfo", ".data"];
    for section in sections.iter().filter(|section| names.contains(&section.name.as_str())) {
        let bytes = stretch(source, section.offset, section.size.min(SECTION_BYTES_MAX))?;
        // The linker aligns it to 16 bytes.
        let Some(at) = bytes.chunks(16).position(|chunk| chunk.starts_with(MAGIC)) else { continue };
        let info = info(bytes.get(at * 16..).unwrap_or_default(), sections, source)?;
        return Ok(fill(&info));
    }
    Ok(None)
}

fn info(header: &[u8], sections: &[Section], source: &mut dyn Source) -> Result<Info, Trouble> {
    let short = || Trouble::invalid("Go's build info ends too early");
    let pointer_bytes = *header.get(14).ok_or_else(short)?;
    let flags = *header.get(15).ok_or_else(short)?;
    if flags & INLINE != 0 {
        let (go, rest) = counted(header.get(32..).ok_or_else(short)?).ok_or_else(short)?;
        let (modules, _) = counted(rest).ok_or_else(short)?;
        return Ok(Info { go: text(go), modules: between_marks(modules) });
    }
    let pointers = Pointers { size: pointer_bytes.into(), is_big: flags & 1 != 0 };
    if !matches!(pointers.size, 4 | 8) {
        return Err(Trouble::invalid("Go's build info has pointers of an unknown size"));
    }
    let mut at = |place: usize| -> Result<Vec<u8>, Trouble> {
        let address = header.get(place..).and_then(|bytes| pointers.read(bytes)).ok_or_else(short)?;
        let descriptor = in_memory(sections, source, address, 2 * pointers.size as u64)?;
        let start = pointers.read(&descriptor).ok_or_else(short)?;
        let length =
            descriptor.get(pointers.size..).and_then(|bytes| pointers.read(bytes)).ok_or_else(short)?;
        in_memory(sections, source, start, length)
    };
    Ok(Info { go: text(&at(16)?), modules: between_marks(&at(16 + pointers.size)?) })
}

struct Pointers {
    size: usize,
    is_big: bool,
}

impl Pointers {
    fn read(&self, bytes: &[u8]) -> Option<u64> {
        let bytes = bytes.get(..self.size)?;
        let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(if self.is_big { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) })
    }
}

/// The bytes that will lie at an address.
fn in_memory(
    sections: &[Section],
    source: &mut dyn Source,
    address: u64,
    length: u64,
) -> Result<Vec<u8>, Trouble> {
    if length > LIST_BYTES_MAX {
        return Err(Trouble::too_large(format!("a list of modules of more than {LIST_BYTES_MAX} bytes")));
    }
    let holds = |section: &&Section| {
        let inside = address.checked_sub(section.address).filter(|inside| *inside < section.size);
        section.address != 0 && inside.is_some_and(|inside| section.size - inside >= length)
    };
    let nowhere = || Trouble::invalid("Go's build info points outside the program");
    let section = sections.iter().find(holds).ok_or_else(nowhere)?;
    let offset = section.offset.checked_add(address - section.address).ok_or_else(nowhere)?;
    let bytes = stretch(source, offset, length)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(nowhere()) }
}

/// A text behind its length as an unsigned varint.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0_u64;
    for (place, byte) in bytes.iter().take(9).enumerate() {
        length |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            let rest = bytes.get(place + 1..)?;
            return rest.split_at_checked(usize::try_from(length).ok()?);
        }
    }
    None
}

/// The list of modules stands between two marks of 16 bytes, so that it can be found in core dumps.
fn between_marks(bytes: &[u8]) -> String {
    let inside = bytes.get(16..bytes.len().saturating_sub(16)).filter(|inside| inside.ends_with(b"\n"));
    text(inside.unwrap_or_default())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lines of `path`, `mod`, `dep`, `=>` (which replaces the one before) and `build`, with tabs between their words.
fn fill(info: &Info) -> Option<Reading> {
    let mut main: Option<Component> = None;
    let mut modules: Vec<Component> = Vec::new();
    let mut last_is_main = false;
    for line in info.modules.lines() {
        let mut words = line.split('\t');
        let (verb, name) = (words.next().unwrap_or_default(), words.next().and_then(short));
        let version = words.next().and_then(short).filter(|version| *version != "(devel)");
        let Some(name) = name else { continue };
        match verb {
            "path" => main = Some(Component::new(ComponentKind::Application, name, None)),
            "mod" => {
                let kind = ComponentKind::Application;
                let main = main.get_or_insert_with(|| Component::new(kind, name, None));
                (main.version, main.purl) = (version.map(str::to_owned), purl(name, version));
                last_is_main = true;
            }
            "dep" => {
                modules.push(module(name, version));
                last_is_main = false;
            }
            "=>" if !last_is_main => {
                if let Some(replaced) = modules.last_mut() {
                    *replaced = replacement(replaced, name, version);
                }
            }
            _ => {}
        }
    }
    let mut reading = Reading::new(Aggregate::Unknown);
    let root = reading.graph.add_root(main?);
    modules.extend(standard_library(&info.go));
    for module in modules {
        let node = reading.graph.add(module);
        reading.graph.depend(root, node);
    }
    Some(reading)
}

fn module(name: &str, version: Option<&str>) -> Component {
    Component { purl: purl(name, version), ..Component::new(ComponentKind::Library, name, version) }
}

/// Another module, or a folder on the machine of the build, of which no version is known.
fn replacement(replaced: &Component, name: &str, version: Option<&str>) -> Component {
    match version {
        Some(version) => module(name, Some(version)),
        None => Component::new(ComponentKind::Library, &replaced.name, None),
    }
}

/// `go1.22.3` is the version of the compiler and of the standard library alike.
fn standard_library(go: &str) -> Option<Component> {
    let version = go.split_whitespace().next()?.strip_prefix("go").and_then(short)?;
    Some(module("stdlib", Some(version)))
}

fn purl(name: &str, version: Option<&str>) -> Option<Purl> {
    let (namespace, last) = name.rsplit_once('/').unwrap_or(("", name));
    Purl::new("golang", namespace, last, version.unwrap_or_default())
}
