//! From this host into the store: archive, receipt, event, leaf, in that order; readers start at the log.

use crate::error::{Error, Result};
use crate::evidence::chain::shelf::SUFFIXES;
use crate::format::leaf::What;
use crate::format::receipt::Receipt;
use crate::format::statement::Statement;
use crate::log::append::{Appended, Record};
use crate::pipeline::sink::Written;
use crate::store::{Arrival, Created, ObjectName};
use crate::verbs::backup::adopt::Stored;
use crate::verbs::backup::{Request, standing, stored};
use crate::verbs::seal::receipt_name;

/// The version, with four digits more if an archive has its name.
pub(super) fn free_version(project: &str, version: String, stored: &Stored) -> Result<String> {
    let is_taken = |version: &str| {
        let archives = SUFFIXES.map(|suffix| format!("{project}-{version}{suffix}"));
        archives.iter().any(|name| stored.contains_key(name) || stored.contains_key(&receipt_name(name)))
    };
    if !is_taken(&version) {
        return Ok(version);
    }
    for number in 1..=0xffff {
        let longer = format!("{version}-{number:04x}");
        if !is_taken(&longer) {
            return Ok(longer);
        }
    }
    Err(Error::input(format!("every name of a backup of {version} is taken"), ""))
}

/// Puts everything where it is kept, and logs it; nothing if the name was taken meanwhile, or an archive that it needs was
/// pruned. The archive's bytes are on their way in already.
pub(super) fn put(
    request: &Request<'_>,
    arrival: Box<dyn Arrival + '_>,
    written: &Written,
    archive: &str,
    receipt: &Statement<Receipt>,
    bundle: Vec<u8>,
) -> Result<Option<Appended>> {
    let [_, receipt_name] = stored(archive);
    let said = &receipt.predicate;
    let bases: Vec<&str> = said.bases.iter().map(|base| &*base.name).collect();
    // The capture may have taken hours. What is dropped here leaves nothing, where nobody may delete either.
    if !standing::stand(request, &bases)? {
        return Ok(None);
    }
    if arrival.finish(written.size_bytes, &written.sha256)? == Created::AlreadyThere {
        return Ok(None);
    }
    let receipt_name = ObjectName::new(&receipt_name)?;
    let created =
        request.store.create(&receipt_name, &bundle).inspect_err(|_| undo(request, archive, &receipt_name));
    if created? == Created::AlreadyThere {
        let message =
            format!("{receipt_name} is in {} already, and of another archive", request.store.place());
        return Err(Error::input(message, "run it again; attestar log verify says what is wrong there"));
    }
    let record = Record::of(What::BackedUp, &said.name, said, said.created_at, bundle);
    let logged = standing::append(request, record, &bases)?;
    if logged.is_none() {
        discard(request, archive)?;
    }
    Ok(logged)
}

/// Takes away an archive whose receipt did not come: it would only take room, which may be what the receipt lacked. Where that
/// cannot be done, a later run does it.
fn undo(request: &Request<'_>, archive: &str, receipt: &ObjectName) {
    if let Ok(None) = request.store.head(receipt) {
        let [archive, _] = stored(archive);
        let _ = ObjectName::new(&archive).and_then(|archive| request.store.delete(&archive));
    }
}

/// Takes away an archive that nobody could restore, and that no leaf names. The receipt first: what is left of an archive
/// without one, a later run takes away.
fn discard(request: &Request<'_>, archive: &str) -> Result<()> {
    for name in stored(archive).into_iter().rev() {
        match request.store.delete(&ObjectName::new(&name)?) {
            // Whoever may not delete leaves it to others; the next run says so, and does not adopt it.
            Err(error) if !error.is_denied() => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
