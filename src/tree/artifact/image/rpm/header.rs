//! The header of a package (RPM package format v4, "Header"): an index of tags, and the bytes they point into.

/// A tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(u32);

impl Tag {
    pub const NAME: Tag = Tag(1000);
    pub const VERSION: Tag = Tag(1001);
    pub const RELEASE: Tag = Tag(1002);
    pub const EPOCH: Tag = Tag(1003);
    pub const VENDOR: Tag = Tag(1011);
    pub const LICENSE: Tag = Tag(1014);
    pub const ARCH: Tag = Tag(1022);
    pub const PROVIDENAME: Tag = Tag(1047);
    pub const REQUIRENAME: Tag = Tag(1049);
    const DIRINDEXES: Tag = Tag(1116);
    const BASENAMES: Tag = Tag(1117);
    const DIRNAMES: Tag = Tag(1118);
}

const ENTRY_BYTES: usize = 16;
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18NSTRING: u32 = 9;

/// A header without its magic, as databases keep it.
#[derive(Debug)]
pub struct Header<'a> {
    index: &'a [u8],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    /// `None` if its lengths do not fit into the bytes.
    pub fn read(bytes: &'a [u8]) -> Option<Header<'a>> {
        let entries = usize::try_from(be_u32(bytes, 0)?).ok()?;
        let length = usize::try_from(be_u32(bytes, 4)?).ok()?;
        let rest = bytes.get(8..)?;
        let (index, rest) = rest.split_at_checked(entries.checked_mul(ENTRY_BYTES)?)?;
        Some(Header { index, data: rest.get(..length)? })
    }

    /// A text; of one in several languages the first.
    pub fn text(&self, tag: Tag) -> Option<String> {
        let (kind, data, _) = self.find(tag)?;
        matches!(kind, STRING | I18NSTRING | STRING_ARRAY).then(|| until_nul(data)).flatten()
    }

    /// Every text of an array.
    pub fn texts(&self, tag: Tag) -> Vec<String> {
        let Some((STRING_ARRAY, mut data, count)) = self.find(tag) else { return Vec::new() };
        let mut texts = Vec::new();
        // An array cannot have more texts than bytes, whatever it claims.
        while texts.len() < count && !data.is_empty() {
            let Some(end) = data.iter().position(|byte| *byte == 0) else { break };
            let (text, rest) = data.split_at(end);
            texts.push(String::from_utf8_lossy(text).into_owned());
            data = rest.get(1..).unwrap_or_default();
        }
        texts
    }

    /// A number.
    pub fn number(&self, tag: Tag) -> Option<u32> {
        self.numbers(tag).next()
    }

    /// The paths of a package's files.
    pub fn files(&self) -> impl Iterator<Item = String> {
        let folders = self.texts(Tag::DIRNAMES);
        let names = self.texts(Tag::BASENAMES);
        let places: Vec<u32> = self.numbers(Tag::DIRINDEXES).collect();
        names.into_iter().zip(places).filter_map(move |(name, place)| {
            let folder = folders.get(usize::try_from(place).ok()?)?;
            Some(format!("{folder}{name}"))
        })
    }

    fn numbers(&self, tag: Tag) -> impl Iterator<Item = u32> {
        let found = self.find(tag).filter(|(kind, ..)| *kind == INT32);
        let (data, count) = found.map_or((&[][..], 0), |(_, data, count)| (data, count));
        data.chunks_exact(4).take(count).filter_map(|bytes| be_u32(bytes, 0))
    }

    /// The type of a tag's value, the bytes from its start on, and how many values there are.
    fn find(&self, tag: Tag) -> Option<(u32, &'a [u8], usize)> {
        let entry = self.index.chunks_exact(ENTRY_BYTES).find(|entry| be_u32(entry, 0) == Some(tag.0))?;
        let offset = usize::try_from(be_u32(entry, 8)?).ok()?;
        let count = usize::try_from(be_u32(entry, 12)?).ok()?;
        Some((be_u32(entry, 4)?, self.data.get(offset..)?, count))
    }
}

fn until_nul(data: &[u8]) -> Option<String> {
    let end = data.iter().position(|byte| *byte == 0)?;
    Some(String::from_utf8_lossy(data.get(..end)?).into_owned())
}

fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}
