//! `keys`

use crate::cli::answer::Answer;
use crate::cli::args::KeysCommand;
use crate::cli::commands::recovery_kit;
use crate::cli::context::Context;
use crate::cli::documents::{KeyEntry, KeysDocument};
use crate::cli::exit::Exit;
use crate::cli::screen::safe;
use attestar::error::{Error, Result};
use attestar::keys::entropy::OsEntropy;
use attestar::keys::home::{Created, Home, Parts};
use attestar::keys::public::PublicKey;
use attestar::keys::recipient::Recipient;
use attestar::keys::right::{Right, UnknownRight};
use attestar::keys::trust::Signer;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Makes, shows, lists or trusts keys.
pub fn run(context: &Context, command: &KeysCommand) -> Result<Answer> {
    let home = context.home();
    match command {
        KeysCommand::New { signing, identity, no_passphrase } => {
            let parts = Parts { signing: !identity, identity: !signing };
            new(context, &home, parts, *no_passphrase)
        }
        KeysCommand::Show => show(&home),
        KeysCommand::List => list(&home),
        KeysCommand::Trust { file, role, may } => trust(&home, file, role, may),
        KeysCommand::RecoveryKit => recovery_kit::run(&home),
    }
}

fn new(context: &Context, home: &Home, parts: Parts, no_passphrase: bool) -> Result<Answer> {
    let created =
        home.create(parts, &mut context.passphrases(no_passphrase), &mut OsEntropy, Timestamp::now())?;
    let keep = "next        attestar keys recovery-kit    print it, and keep it offline\n";
    let text = format!("{}\n{keep}", created_lines(home, &created));
    let keys = match &created.public {
        Some(public) => home.trust()?.by_key_id(&public.key_id()).map(entry).into_iter().collect(),
        None => Vec::new(),
    };
    let recipients = created.recipient.iter().map(ToString::to_string).collect();
    Ok(Answer::new(Exit::Done, text, KeysDocument { keys, recipients, ..document(home) }))
}

/// The files that hold new keys.
pub fn made_files(home: &Home, created: &Created) -> Vec<PathBuf> {
    let signing = created.public.iter().flat_map(|_| [home.signing_key(), home.signing_pub()]);
    let identity = created.recipient.iter().flat_map(|_| [home.identity(), home.recipient()]);
    signing.chain(identity).collect()
}

/// What was made, in lines; nothing if nothing was.
pub fn created_lines(home: &Home, created: &Created) -> String {
    let files = made_files(home, created);
    let heads = std::iter::once("made").chain(std::iter::repeat(""));
    let mut text: String = heads
        .zip(&files)
        .map(|(head, file)| format!("{head:<11} {}\n", safe(&file.display().to_string())))
        .collect();
    if let Some(public) = &created.public {
        text += &format!("signs       {}\n", public.fingerprint());
    }
    if let Some(recipient) = &created.recipient {
        text += &format!("decrypts    {recipient}\n");
    }
    text
}

fn show(home: &Home) -> Result<Answer> {
    let (mut text, mut keys, mut recipients) = (String::new(), Vec::new(), Vec::new());
    if home.signing_pub().exists() {
        let public = PublicKey::load(&home.signing_pub())?;
        text += &format!("signs       {}\n{}", public.fingerprint(), public.to_pem());
        keys.extend(home.trust()?.by_key_id(&public.key_id()).map(entry));
    }
    if home.recipient().exists() {
        recipients = Recipient::load_file(&home.recipient())?;
        recipients.iter().for_each(|recipient| text += &format!("decrypts    {recipient}\n"));
    }
    if text.is_empty() {
        let message = format!("there are no keys in {}", home.folder().display());
        return Err(Error::input(message, "attestar keys new"));
    }
    let recipients = recipients.iter().map(ToString::to_string).collect();
    Ok(Answer::new(Exit::Done, text, KeysDocument { keys, recipients, ..document(home) }).data())
}

fn list(home: &Home) -> Result<Answer> {
    let trust = home.trust()?;
    let mut text: String = trust.signers().iter().map(|signer| lines(&entry(signer))).collect();
    if text.is_empty() {
        text =
            format!("nobody is trusted: {} names no key\n", safe(&home.trust_file().display().to_string()));
    }
    let keys = trust.signers().iter().map(entry).collect();
    Ok(Answer::new(Exit::Done, text, KeysDocument { keys, ..document(home) }).data())
}

fn trust(home: &Home, file: &Path, role: &str, may: &[String]) -> Result<Answer> {
    let right = |name: &String| {
        name.parse().map_err(|unknown: UnknownRight| Error::usage(unknown.to_string(), unknown.hint()))
    };
    let mut rights: Vec<Right> = may.iter().map(right).collect::<Result<_>>()?;
    rights.sort_unstable();
    rights.dedup();
    let key = PublicKey::load(file)?;
    home.trust_key(&key, role, &rights)?;
    let keys: Vec<KeyEntry> = home.trust()?.by_key_id(&key.key_id()).map(entry).into_iter().collect();
    let text: String = keys.iter().map(lines).collect();
    let compare = "Compare this fingerprint with the key's owner over another channel, by phone or\n\
                   in person, before you rely on it. If it differs, take its entry out of\n";
    let trust_file = safe(&home.trust_file().display().to_string());
    let text = format!("trusted\n{text}\n{compare}{trust_file}\n");
    Ok(Answer::new(Exit::Done, text, KeysDocument { keys, ..document(home) }))
}

/// A trusted key in lines: who, which, what for, and within which limits.
fn lines(key: &KeyEntry) -> String {
    let may = match key.may.len() {
        0 => "nothing".to_owned(),
        all if all == Right::ALL.len() => "everything that can be signed".to_owned(),
        _ => key.may.join(", "),
    };
    let projects = key.projects.as_ref().map(|projects| format!("projects {}", safe(&projects.join(", "))));
    let until = key.not_after.as_ref().map(|time| format!("until {time}"));
    let revoked = key.revoked_at.as_ref().map(|time| format!("revoked {time}"));
    let limits = [projects, until, revoked].into_iter().flatten();
    let head = format!("{:<11} {}\n  may {may}\n", safe(&key.role), key.fingerprint);
    limits.fold(head, |text, limit| format!("{text}  {limit}\n"))
}

fn entry(signer: &Signer) -> KeyEntry {
    KeyEntry {
        role: signer.role.clone(),
        fingerprint: signer.key.fingerprint(),
        key_id: signer.key.key_id(),
        may: signer.rights.iter().map(ToString::to_string).collect(),
        projects: signer.projects.as_ref().map(|projects| projects.iter().cloned().collect()),
        not_after: signer.not_after.map(|time| time.to_string()),
        revoked_at: signer.revoked_at.map(|time| time.to_string()),
    }
}

/// A document of this key folder with nothing in it yet.
pub fn document(home: &Home) -> KeysDocument {
    KeysDocument {
        schema: "attestar/keys/v1",
        exit_code: 0,
        home: home.folder().display().to_string(),
        keys: Vec::new(),
        recipients: Vec::new(),
        keep_offline: Vec::new(),
    }
}
