//! The release that the demo seals: fixtures/trees/release, embedded, and two artifacts that are made on the spot.

use attestar::error::{Error, Result};
use attestar::format::member::{FileType, Member};
use attestar::format::path::PackPath;
use attestar::format::tar;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../fixtures/trees/release/", $path)))),+]
    };
}

/// Path in the tree, and content.
const FILES: &[(&str, &str)] = files![
    "CHANGELOG.md",
    "README.md",
    "VERSION",
    "config/tideline.toml",
    "ddl/0001_steps.sql",
    "ddl/0002_gauges.sql",
    "ddl/0003_readings.sql",
    "ddl/0004_hourly.sql",
    "ddl/0005_alarms.sql",
    "ddl/0006_prediction.sql",
    "docs/alarms.md",
    "docs/data-model.md",
    "docs/operating.md",
    "requirements.txt",
];

/// The policy of the release.
const POLICY: &str = include_str!("../../../../fixtures/trees/release/attestar.toml");

/// When the release was made: 2026-03-20 14:46 UTC, an equinox and so a spring tide.
const RELEASED_S: u64 = 1_774_017_960;

/// Bytes of what stands in for a program.
const PROGRAM_BYTES: usize = 768 << 10;
/// Rows of the tide table: a year of quarter hours.
const TABLE_ROWS: u64 = 365 * 96;
/// The compression level of the bundle.
const BUNDLE_LEVEL: i32 = 3;

/// Writes the whole release into a new folder, but for its policy, which is not there yet.
pub fn write(root: &Path, policy: &Path) -> Result<()> {
    fs::write(policy, POLICY).map_err(Error::io("write", policy))?;
    for (path, text) in FILES {
        file(root, path, text.as_bytes(), 0o644)?;
    }
    let bundle = bundle().map_err(Error::io("make", root.join("dist")))?;
    file(root, "dist/tideline-1.4.0-data.tar.zst", &bundle, 0o644)?;
    file(root, "dist/tideline-1.4.0-linux-x86_64", &program(), 0o755)
}

fn file(root: &Path, path: &str, content: &[u8], mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let path = root.join(path);
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(root))?;
        fs::write(&path, content)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        let released = SystemTime::UNIX_EPOCH + Duration::from_secs(RELEASED_S);
        fs::File::options().append(true).open(&path)?.set_modified(released)
    };
    write().map_err(Error::io("write", &path))
}

/// A tar, compressed with zstd, of the tables, the configuration and the tide table.
fn bundle() -> io::Result<Vec<u8>> {
    let table = tide_table();
    let texts = FILES.iter().filter(|(path, _)| path.starts_with("ddl/") || path.starts_with("config/"));
    let contents = texts.copied().chain([("predictions/2026.csv", &*table)]);
    let mut archive = Vec::new();
    for (path, content) in contents {
        let size = content.len() as u64;
        let path = format!("tideline-1.4.0/{path}");
        let path = PackPath::new(path.as_bytes()).map_err(io::Error::other)?;
        let mtime_s = RELEASED_S as i64;
        let member =
            Member { path, kind: FileType::File, size, mode: 0o644, mtime_s, mtime_ns: 0, uid: 0, gid: 0 };
        archive.extend_from_slice(&tar::encode(&member));
        archive.extend_from_slice(content.as_bytes());
        archive.resize(archive.len() + tar::padding(size), 0);
    }
    archive.extend_from_slice(&tar::END);
    zstd::bulk::compress(&archive, BUNDLE_LEVEL)
}

/// A tide as a sailor's almanac has it: the moon's two waves a day, the sun's two, and how they drift apart. In whole
/// numbers, so that every machine makes the same bytes.
fn tide_table() -> String {
    let mut table = String::from("minute,level_mm\n");
    for row in 0..TABLE_ROWS {
        let minute = row * 15;
        // Periods in hundredths of a minute: 12 h 25.2 min and 12 h.
        let (moon, sun) = (wave(minute * 100 % 74_520, 74_520), wave(minute * 100 % 72_000, 72_000));
        let _ = writeln!(table, "{minute},{}", 1520 + 1180 * moon / 1000 + 410 * sun / 1000);
    }
    table
}

/// A wave between -1000 and 1000, made of two parabolas.
fn wave(at: u64, period: u64) -> i64 {
    let (at, half) = (at as i64, period as i64 / 2);
    let (sign, at) = if at < half { (1, at) } else { (-1, at - half) };
    sign * 4000 * at * (half - at) / (half * half)
}

/// Stands in for a program: half of it compresses, half does not. The same bytes each time (xorshift64).
fn program() -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    let mut state = 0x7469_6465_6c69_6e65_u64;
    while bytes.len() < PROGRAM_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
        bytes.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    }
    bytes.truncate(PROGRAM_BYTES);
    bytes
}
