//! A forger: builds packs from hand-made bytes, perfect but for the one fault that a test puts in.
//!
//! `Pack` (what is said) → `Tar` (bytes and members) → `Container` (frames, index, seek table) → `publish` (age,
//! receipt). Each step is plain data, so that a test can bend it before the next.

mod container;
mod pack;

pub use container::{Container, Tar, bent, frame, header};
pub use pack::{Entry, Pack, dir, file, link};

use crate::world::World;
use attestar::format::digest::Sha256;
use attestar::format::receipt::Receipt;
use attestar::format::statement::Statement;
use attestar::keys::passphrase::NoPassphrases;
use attestar::keys::recipient::Recipient;
use attestar::keys::signing::SigningKey;
use std::fs;
use std::io::Write;

/// A key that nobody in a world trusts.
pub fn stranger() -> SigningKey {
    SigningKey::from_seed(&[0x57; 32])
}

/// The key that the world trusts for everything.
pub fn own_key(world: &World) -> SigningKey {
    SigningKey::load(&world.home().join("signing.key"), &mut NoPassphrases).expect("the world's signing key")
}

/// Encrypted to the world's own recipient, as anyone can do who has seen `recipient.age`.
pub fn encrypt(world: &World, plain: &[u8]) -> Vec<u8> {
    let recipients =
        Recipient::load_file(&world.home().join("recipient.age")).expect("the world's recipient");
    let recipients = recipients.iter().map(|recipient| recipient.as_age() as &dyn age::Recipient);
    encrypt_to(age::Encryptor::with_recipients(recipients).expect("recipients"), plain)
}

/// An age file of what this encryptor makes.
pub fn encrypt_to(encryptor: age::Encryptor, plain: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = encryptor.wrap_output(&mut file).expect("memory takes it");
    writer.write_all(plain).expect("memory takes it");
    writer.finish().expect("memory takes it");
    file
}

/// What a receipt of these archive bytes says, true in every field.
pub fn receipt(pack: &Pack, archive_name: &str, archive: &[u8]) -> Statement<Receipt> {
    let now = jiff::Timestamp::now();
    let digest = |name| pack.tags.get(name).map_or(Sha256::default(), |bytes| Sha256::of(bytes));
    let receipt = Receipt {
        project: pack.project.clone(),
        kind: pack.kind,
        version: pack.version.clone(),
        name: pack.name(),
        size_bytes: archive.len() as u64,
        seal_sha256: digest(pack::SEAL),
        tagmanifest_sha256: digest(pack::TAG_MANIFEST),
        payload: pack.totals(),
        recipients: u32::from(archive_name.ends_with(".age")),
        bases: pack.bases(),
        evaluated_at: now,
        created_at: now,
    };
    receipt.for_archive(archive_name, Sha256::of(archive))
}

/// Lays an archive of these bytes into `out/`, encrypted, with a receipt by the world's own key: as if the signer's
/// machine itself had been made to produce it.
pub fn publish(world: &World, pack: &Pack, plain: &[u8]) {
    publish_file(world, pack, &encrypt(world, plain));
}

/// The same for a file that is encrypted already, or is no age file at all.
pub fn publish_file(world: &World, pack: &Pack, archive: &[u8]) {
    let name = format!("{}.tar.zst.age", pack.name());
    fs::create_dir_all(world.out()).expect("the output folder");
    fs::write(world.out().join(&name), archive).expect("the archive");
    let receipt = own_key(world).sign_statement(&receipt(pack, &name, archive)).to_bytes();
    fs::write(world.out().join(format!("{name}.sigstore.json")), receipt).expect("the receipt");
}
