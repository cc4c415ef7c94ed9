//! `bagit.txt` is there and right.

use super::open::{Opened, open_inside};
use super::refuse;
use super::{Bag, LISTING_BYTES_MAX};
use crate::error::{Error, Result};
use crate::finding::{Code, Finding, Outcome};
use crate::format::bag::declaration::{DECLARATION_BYTES_MAX, Declaration, FILE_NAME};
use crate::format::bag::text::Encoding;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Reads the declaration. What cannot be read of it is taken as in 1.0, so that the rest is checked all the same;
/// `None` if the tag files are in an encoding that is not known here.
pub fn check(root: PathBuf, outcome: &mut Outcome) -> Result<Option<Bag>> {
    let mut found = Vec::new();
    let declaration = read(&root, &mut found)?;
    let encoding = Encoding::from_name(&declaration.encoding);
    match encoding {
        None => found.push(Finding::new(Code::NotCheckable, FILE_NAME).actual(&declaration.encoding)),
        Some(Encoding::Utf8) => {}
        Some(_) if declaration.version.is_strict() => {
            let warning = Finding::new(Code::BagWarning, FILE_NAME);
            found.push(warning.expected("UTF-8").actual(&declaration.encoding));
        }
        Some(_) => {}
    }
    outcome.conclude(
        "declaration",
        format!("BagIt {}, tag files in {}", declaration.version, declaration.encoding),
        found,
    );
    Ok(encoding.map(|encoding| Bag {
        root,
        version: declaration.version,
        encoding,
        listing_bytes_max: LISTING_BYTES_MAX,
    }))
}

fn read(root: &Path, found: &mut Vec<Finding>) -> Result<Declaration> {
    let failed = || Error::io("read", root.join(FILE_NAME));
    let opened = open_inside(root, Path::new(FILE_NAME)).map_err(failed())?;
    let mut bytes = Vec::new();
    match opened {
        Opened::File(file, _) => {
            // One byte more than allowed, so that too much is seen as a third line or as a broken value.
            file.take(DECLARATION_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed())?;
        }
        Opened::Absent => {
            found.push(Finding::new(Code::BagInvalid, FILE_NAME).actual("missing"));
            return Ok(Declaration::default());
        }
        other => {
            found.extend(refuse(FILE_NAME, &other));
            return Ok(Declaration::default());
        }
    }
    if bytes.len() > DECLARATION_BYTES_MAX {
        let limit = format!("at most {DECLARATION_BYTES_MAX} bytes");
        found.push(Finding::new(Code::BagInvalid, FILE_NAME).expected(limit).actual("more"));
    }
    let (declaration, faults) = Declaration::parse(&bytes);
    found.extend(faults.iter().map(|fault| Finding::new(Code::BagInvalid, FILE_NAME).actual(fault)));
    Ok(declaration)
}
