//! From this host into the store: archive, receipt, event, leaf, in that order; readers start at the log.

use crate::error::{Error, Result};
use crate::format::leaf::What;
use crate::format::receipt::Receipt;
use crate::format::statement::Statement;
use crate::log::append::{Appended, Record};
use crate::store::{Created, ObjectName, error_of};
use crate::verbs::backup::{Made, Request, archive_name, stored};
use std::fs::File;
use std::io;

/// The version, with four digits more if an archive has its name.
pub(super) fn free_version(request: &Request<'_>, project: &str, version: String) -> Result<String> {
    let is_taken = |version: &str| -> Result<bool> {
        for name in stored(&archive_name(request, &format!("{project}-{version}"))) {
            if request.store.head(&ObjectName::new(&name)?)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    };
    if !is_taken(&version)? {
        return Ok(version);
    }
    for number in 1..=0xffff {
        let longer = format!("{version}-{number:04x}");
        if !is_taken(&longer)? {
            return Ok(longer);
        }
    }
    Err(Error::input(format!("every name of a backup of {version} is taken"), ""))
}

/// Puts everything where it is kept, and logs it.
pub(super) fn put(
    request: &Request<'_>,
    made: &Made,
    archive: &str,
    receipt: &Statement<Receipt>,
) -> Result<Appended> {
    let bundle = request.key.sign_statement(receipt).to_bytes();
    let [archive_name, receipt_name] = stored(archive);
    let name = ObjectName::new(&archive_name)?;
    let mut file = File::open(&made.file).map_err(Error::io("open", &made.file))?;
    let mut arrival = request.store.arrive(&name)?;
    io::copy(&mut file, &mut arrival).map_err(|error| error_of(error, request.store.place()))?;
    if arrival.finish(made.written.size_bytes, &made.written.sha256)? == Created::AlreadyThere {
        let message = format!("{archive_name} was put into {} meanwhile", request.store.place());
        return Err(Error::input(message, "another backup has the same name; run it again"));
    }
    if request.store.create(&ObjectName::new(&receipt_name)?, &bundle)? == Created::AlreadyThere {
        let message =
            format!("{receipt_name} is in {} already, and of another archive", request.store.place());
        return Err(Error::input(message, "run it again; attestar log verify says what is wrong there"));
    }
    let said = &receipt.predicate;
    request.log.append(&[Record::of(What::BackedUp, &said.name, said, said.created_at, bundle)])
}
