//! `seal`

use crate::cli::answer::Answer;
use crate::cli::args::SealArgs;
use crate::cli::commands::sbom::summary;
use crate::cli::context::Context;
use crate::cli::documents::gate::{GateTotals, WaivedDocument};
use crate::cli::documents::{
    DdlTotals, FilingDocument, SbomTotals, SealDocument, SourceDocument, Totals, UnmatchedDocument,
};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::screen::{self, count, number, safe, size};
use attestar::error::{Error, Result};
use attestar::evidence::gates::waivers;
use attestar::evidence::provenance::Origin;
use attestar::format::ddl::DdlPack;
use attestar::keys::recipient::Recipient;
use attestar::keys::signing::SigningKey;
use attestar::policy::Policy;
use attestar::tree::git::Verdict;
use attestar::verbs::seal::{self, Request, Sealed};
use jiff::Timestamp;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

/// Seals, or lists what no rule takes.
pub fn run(context: &Context, args: &SealArgs) -> Result<Answer> {
    let started = Instant::now();
    let policy = context.policy()?;
    if args.list_unmatched {
        return list_unmatched(context, &policy, args);
    }
    let (key, key_file) = signing_key(context, &policy, args.key.as_deref())?;
    let recipients =
        if args.no_encrypt { Vec::new() } else { recipients(context, &policy, &args.recipients)? };
    let mut secrets: Vec<PathBuf> = context.home().secrets()?.into_iter().map(|secret| secret.path).collect();
    secrets.extend(key_file);
    secrets.extend(context.global.passphrase_file.clone());
    let trust = context.trust_file(args.trust.as_deref())?;
    let progress = Progress::start(context, "sealing");
    let request = Request {
        root: &context.global.tree,
        policy: &policy,
        version: args.version.as_deref(),
        out: &out_folder(context, &args.out),
        key: &key,
        recipients: &recipients,
        with_payload: args.payload,
        source_date_epoch: context.source_date_epoch()?,
        secrets: &secrets,
        clock: &Timestamp::now,
        variables: &|name| std::env::var(name).ok(),
        programs: Some(context.programs()),
        events: &|project| context.events(&policy, &trust, project),
        trust: &trust,
        waivers: &waivers::load(&args.waivers)?,
        tier: args.tier.as_deref(),
        threads: context.threads(),
    };
    let sealed = seal::seal(&request, &context.watch)?;
    drop(progress);
    let text = screen_of(&policy, args, &sealed) + &format!("{}\n", screen::cost(started.elapsed()));
    let next =
        format!("\nnext        attestar verify {}{}\n", sealed.placed.archive.display(), key_flag(context));
    Ok(Answer::new(Exit::Done, text + &next, document(&sealed)))
}

/// A relative output folder lies in the tree.
pub fn out_folder(context: &Context, out: &Path) -> PathBuf {
    let mut folder = PathBuf::new();
    for part in context.global.tree.join(out).components() {
        // `tree/../sealed` is `sealed`, unless `tree` is a link.
        let plain =
            matches!(folder.components().next_back(), Some(Component::Normal(_))) && !folder.is_symlink();
        match part {
            // `./sealed` is `sealed`.
            Component::CurDir => {}
            Component::ParentDir if plain => {
                folder.pop();
            }
            _ => folder.push(part),
        }
    }
    if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder }
}

/// Which key verifies what was just sealed, where it is not trusted anyway.
fn key_flag(context: &Context) -> String {
    let own = context.home().signing_pub();
    if own.exists() && context.home().trust_file().exists() {
        String::new()
    } else {
        " --key signing.pub".to_owned()
    }
}

/// The secret key that signs: the given one, the policy's, or the own; with its file, where it has one.
pub fn signing_key(
    context: &Context,
    policy: &Policy,
    given: Option<&Path>,
) -> Result<(SigningKey, Option<PathBuf>)> {
    let mut passphrases = context.passphrases(false);
    let from_policy = policy.seal.key.as_deref();
    if given.is_none()
        && let Some(variable) = from_policy.and_then(|key| key.strip_prefix("env:"))
    {
        let text = std::env::var(variable).map(zeroize::Zeroizing::new).map_err(|_| {
            Error::unavailable(
                format!("the policy takes the signing key from ${variable}, which is not set"),
                "",
            )
        })?;
        return Ok((
            SigningKey::from_pem(&text, Path::new(&format!("${variable}")), &mut passphrases)?,
            None,
        ));
    }
    let file = from_policy.map(|key| context.global.tree.join(key.strip_prefix("file:").unwrap_or(key)));
    let own = context.home().signing_key();
    let path = given.map(Path::to_owned).or(file).unwrap_or(own);
    if !path.exists() {
        return Err(Error::unavailable(
            format!("there is no signing key {}", path.display()),
            "attestar keys new makes one; or give --key FILE",
        ));
    }
    Ok((SigningKey::load(&path, &mut passphrases)?, Some(path)))
}

pub fn recipients(context: &Context, policy: &Policy, given: &[String]) -> Result<Vec<Recipient>> {
    let named = if given.is_empty() { &policy.seal.recipients } else { given };
    if !named.is_empty() {
        let lists = named.iter().map(|argument| Recipient::from_argument(argument));
        return Ok(lists.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect());
    }
    let own = context.home().recipient();
    if own.exists() {
        return Recipient::load_file(&own);
    }
    Err(Error::usage(
        "nobody could decrypt the archive: there are no recipients",
        "give --recipient age1…, make an identity with attestar keys new, or say --no-encrypt",
    ))
}

fn list_unmatched(context: &Context, policy: &Policy, args: &SealArgs) -> Result<Answer> {
    let scan = seal::preview(&context.global.tree, policy, &out_folder(context, &args.out), &context.watch)?;
    let text = scan.unmatched.iter().fold(String::new(), |text, path| text + &safe(path) + "\n");
    let unmatched = scan.unmatched.iter().map(ToString::to_string).collect();
    let document = UnmatchedDocument { schema: "attestar/unmatched/v1", exit_code: 0, unmatched };
    Ok(Answer::new(Exit::Done, text, document).data())
}

fn screen_of(policy: &Policy, args: &SealArgs, sealed: &Sealed) -> String {
    let mut text = format!("policy      {} ({})\n", safe(&policy.name), safe(&policy.source.to_string()));
    let pack = &sealed.pack;
    let _ = writeln!(text, "version     {} (from {})", pack.version, sealed.version.by);
    // Sealing without gates is no refusal, but it is said.
    let gates = match sealed.gates.total() {
        0 => "the policy has none".to_owned(),
        _ => sealed.gates.to_string(),
    };
    let _ = writeln!(text, "gates       {gates}");
    for (gate, waived) in &sealed.waived {
        let _ =
            writeln!(text, "            waived  {gate}   until {}, signed by {}", waived.until, waived.role);
    }
    let classes: Vec<String> =
        pack.classes.iter().map(|(class, totals)| format!("{class} {}", number(totals.files))).collect();
    let payload = format!("{}, {}", count(pack.payload.files, "file"), size(pack.payload.bytes));
    let _ = writeln!(text, "payload     {payload}    {}", classes.join(" · "));
    if !sealed.unmatched.is_empty() {
        let unmatched = sealed.unmatched.len() as u64;
        let says = if unmatched == 1 { "file in the tree matches" } else { "files in the tree match" };
        let _ = writeln!(
            text,
            "            {} {says} no rule    attestar seal --list-unmatched",
            number(unmatched)
        );
    }
    if sealed.left_out > 0 {
        let _ = writeln!(
            text,
            "            {} of classes that the release does not take",
            count(sealed.left_out, "file")
        );
    }
    let sbom = &sealed.sbom;
    let incomplete = if sbom.incomplete { "; incomplete" } else { "" };
    let _ = writeln!(
        text,
        "sbom        {}{incomplete}",
        summary(sbom.components, &sbom.lockfiles, sbom.described)
    );
    let _ = writeln!(text, "source      {}", source(&sealed.origin));
    if let Some(ddl) = &pack.ddl {
        let _ = writeln!(text, "ddl         {}", ddl_line(ddl_totals(ddl)));
    }
    let encrypted = match sealed.recipients {
        0 => "not encrypted".to_owned(),
        recipients => count(recipients as u64, "recipient"),
    };
    let placed = &sealed.placed;
    let archive = size(sealed.archive.size_bytes);
    let _ = writeln!(text, "sealed      {}    {archive}, {encrypted}", placed.archive.display());
    let _ = writeln!(text, "            {}", placed.receipt.display());
    let with = if args.payload { "a complete bag" } else { "evidence, without payload" };
    let _ = writeln!(text, "            {}/    {with}", placed.evidence.display());
    if let Some((filed, [archive, digests])) = sealed.filed.as_ref().zip(placed.filing.as_ref()) {
        let holds = format!("{}, {}, not encrypted", count(filed.files, "file"), size(filed.bytes));
        let _ = writeln!(text, "filing      {}    {holds}", archive.display());
        let _ = writeln!(text, "            {}    its SHA-256 and SHA-512", digests.display());
    }
    let _ = writeln!(text, "signed      {}", sealed.signer.fingerprint());
    let _ = writeln!(text, "times       {}, from {}", epoch(pack.source_date_epoch), sealed.epoch_source);
    screen::findings(&mut text, &sealed.warnings);
    text
}

/// `commit 8c1f2ab, tag v0.1.1 signed by captain@example.com, 3 files not committed`
fn source(origin: &Origin) -> String {
    let Some(git) = &origin.git else {
        return "no git repository: commit, tag and remote are not known".to_owned();
    };
    let Some(commit) = git.commit.as_deref() else {
        return "a git repository without a commit that can be read".to_owned();
    };
    let mut parts = vec![format!("commit {}", commit.get(..7).unwrap_or(commit))];
    if let Some(tag) = &origin.tag {
        let signed = match &tag.signature {
            None => ", not signed".to_owned(),
            Some(signature) if signature.verdict == Verdict::Good => {
                format!(
                    " signed by {}",
                    signature.signer.as_deref().or(signature.key.as_deref()).unwrap_or("a key")
                )
            }
            Some(signature) => format!(", signature {}", signature.verdict.as_str()),
        };
        parts.push(format!("tag {}{signed}", tag.name));
    }
    if let Some(status) = &origin.status
        && status.changed + status.untracked > 0
    {
        parts.push(format!("{} not committed", count(status.changed + status.untracked, "file")));
    }
    safe(&parts.join(", "))
}

fn ddl_totals(ddl: &DdlPack) -> DdlTotals {
    let (statements, unparsed) = ddl.statements();
    DdlTotals {
        files: ddl.files.len() as u64 + ddl.files_omitted,
        statements,
        unparsed,
        objects: ddl.created(),
    }
}

fn ddl_line(ddl: DdlTotals) -> String {
    let unparsed = match ddl.unparsed {
        0 => String::new(),
        some => format!(", {} not parsed", count(some, "statement")),
    };
    format!("{} in order{unparsed}", count(ddl.files, "file"))
}

fn epoch(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or(seconds.to_string(), |time| time.to_string())
}

fn filing(sealed: &Sealed) -> Option<FilingDocument> {
    let (filed, [archive, digests]) = sealed.filed.as_ref().zip(sealed.placed.filing.as_ref())?;
    Some(FilingDocument {
        archive: archive.display().to_string(),
        digests: digests.display().to_string(),
        files: filed.files,
        bytes: filed.bytes,
        sha256: filed.sha256.to_string(),
        sha512: filed.sha512.clone(),
    })
}

fn document(sealed: &Sealed) -> SealDocument {
    let pack = &sealed.pack;
    let totals = |totals: attestar::format::seal::Totals| Totals { files: totals.files, bytes: totals.bytes };
    SealDocument {
        schema: "attestar/seal/v1",
        exit_code: 0,
        name: pack.name.clone(),
        project: pack.project.clone(),
        version: pack.version.clone(),
        version_source: sealed.version.by.clone(),
        policy: pack.policy.name.clone(),
        policy_sha256: pack.policy.sha256.to_string(),
        source_date_epoch: pack.source_date_epoch,
        archive: sealed.placed.archive.display().to_string(),
        archive_sha256: sealed.archive.sha256.to_string(),
        archive_bytes: sealed.archive.size_bytes,
        receipt: sealed.placed.receipt.display().to_string(),
        evidence: sealed.placed.evidence.display().to_string(),
        signer: sealed.signer.fingerprint(),
        recipients: sealed.recipients,
        payload: totals(pack.payload),
        classes: pack.classes.iter().map(|(class, value)| (*class, totals(*value))).collect(),
        gates: GateTotals {
            passed: sealed.gates.passed,
            failed: sealed.gates.failed,
            waived: sealed.gates.waived,
            skipped: sealed.gates.skipped,
        },
        waived: sealed.waived.iter().map(|(gate, one)| (gate.clone(), WaivedDocument::new(one))).collect(),
        ddl: pack.ddl.as_ref().map(ddl_totals).unwrap_or_default(),
        sbom: SbomTotals {
            components: sealed.sbom.components,
            lockfiles: sealed.sbom.lockfiles.clone(),
            artifacts_described: sealed.sbom.described,
            incomplete: sealed.sbom.incomplete,
        },
        source: SourceDocument {
            commit: sealed.origin.git.as_ref().and_then(|git| git.commit.clone()),
            tag: sealed.origin.tag.as_ref().map(|tag| tag.name.clone()),
            tag_signature: sealed
                .origin
                .tag
                .as_ref()
                .and_then(|tag| tag.signature.as_ref())
                .map(|signature| signature.verdict.as_str().to_owned()),
            clean: sealed.origin.status.as_ref().and_then(|status| status.is_clean()),
            builder: sealed.origin.builder.id.clone(),
        },
        filing: filing(sealed),
        unmatched: sealed.unmatched.len() as u64,
        left_out: sealed.left_out,
        warnings: sealed.warnings.clone(),
    }
}
