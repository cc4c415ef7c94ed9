//! Writes the seeds of every target where cargo-fuzz looks for them.

use attestar_fuzz::bodies::TARGETS;
use std::fs;

fn main() -> std::io::Result<()> {
    for target in TARGETS {
        let folder = format!("{}/corpus/{}", env!("CARGO_MANIFEST_DIR"), target.name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(format!("{folder}/seed-{number}"), seed)?;
        }
    }
    Ok(())
}
