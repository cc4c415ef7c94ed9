//! Stores: one list of behaviours, over every kind of store; then what is a kind's own.

mod bucket;
mod directory;
mod drilled;
mod faults;
mod host;
mod hundred;
mod memory;
mod night;
mod proxy;
mod release;
pub mod servers;
mod suite;

use attestar::error::Result;
use attestar::format::digest::Sha256;
use attestar::pipeline::watch::Watch;
use attestar::store::{Created, ObjectName, Store, error_of};
use std::io::{Read, Write};

/// A place that starts empty, where any number of hosts open the store.
pub trait Place: Sync {
    fn open(&self, watch: &Watch) -> Box<dyn Store>;

    fn host(&self) -> Box<dyn Store> {
        self.open(&Watch::default())
    }
}

pub fn name(text: &str) -> ObjectName {
    ObjectName::new(text).expect("a name")
}

/// Streams bytes in, in pieces as a pipeline would.
pub fn arrive(store: &dyn Store, object: &str, bytes: &[u8]) -> Result<Created> {
    let mut arrival = store.arrive(&name(object))?;
    for piece in bytes.chunks(300_000) {
        arrival.write_all(piece).map_err(|error| error_of(error, store.place()))?;
    }
    arrival.finish(bytes.len() as u64, &Sha256::of(bytes))
}

/// Everything of an object, streamed.
pub fn whole(store: &dyn Store, object: &str) -> Result<Option<Vec<u8>>> {
    let Some(mut reading) = store.read(&name(object))? else { return Ok(None) };
    let mut bytes = Vec::new();
    reading.read_to_end(&mut bytes).map_err(|error| error_of(error, store.place()))?;
    assert_eq!(bytes.len() as u64, reading.size);
    Ok(Some(bytes))
}

/// The names that a list gives.
pub fn names(store: &dyn Store, folder: &str) -> Vec<String> {
    let listing = store.list(folder).expect("a list");
    assert_eq!(listing.foreign, [""; 0]);
    listing.entries.into_iter().map(|entry| entry.name.to_string()).collect()
}
