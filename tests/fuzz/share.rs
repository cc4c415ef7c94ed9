//! A share of the fuzzing that needs no nightly compiler: every body runs over its seeds, and over some thousands of
//! mutations of them that are the same in every run. README.md says how to fuzz for longer.

mod bodies;
mod seeds;

use bodies::{TARGETS, Target};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Mutated inputs of each target.
const ROUNDS: u32 = 3000;
/// Inputs are not grown past this.
const INPUT_BYTES_MAX: usize = 64 << 10;
/// The most memory that a whole run may have had.
const PEAK_KIB_MAX: u64 = 256 << 10;

/// Every target has its own test, so that they run beside each other.
macro_rules! shares {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                share(stringify!($name));
            }
        )*

        #[test]
        fn no_target_is_forgotten() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            for name in names {
                let file = format!("{}/tests/fuzz/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
                let text = fs::read_to_string(file).expect("cargo-fuzz has the same target");
                assert!(text.contains(&format!("bodies::{name}(bytes)")));
            }
        }
    };
}

shares! {
    tar frames seek_table index inventory listing log hashes bag_declaration bag_info bag_manifest bag_fetch bundle
    statement policy ddl trust pack_path identity public_key sbom lockfile artifact allowed_signers tag_signature
}

fn share(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("it is in the table");
    let seeds = (target.seeds)();
    seeds.iter().for_each(|seed| run(target, seed));
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for _ in 0..ROUNDS {
        let mut input = chance.pick(&seeds).clone();
        for _ in 0..=chance.below(4) {
            mutate(&mut input, &seeds, &mut chance);
        }
        input.truncate(INPUT_BYTES_MAX);
        run(target, &input);
    }
    assert!(peak_kib() <= PEAK_KIB_MAX, "{} KiB of memory", peak_kib());
}

/// Shows the input before the test fails.
fn run(target: &Target, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.body)(input))) {
        eprintln!("{} fails on {:?}", target.name, String::from_utf8_lossy(input));
        eprintln!("as bytes: {input:?}");
        std::panic::resume_unwind(panic);
    }
}

fn mutate(input: &mut Vec<u8>, seeds: &[Vec<u8>], chance: &mut Chance) {
    let at = chance.below(input.len() + 1);
    let len = chance.below(9).min(input.len() - at);
    match chance.below(6) {
        0 if at < input.len() => input[at] ^= 1 << chance.below(8),
        1 if at < input.len() => input[at] = *chance.pick(b"\0\xff\x80 \n\r\t%\\/.\"0{[:"),
        2 => input.insert(at, chance.next() as u8),
        3 => drop(input.drain(at..at + len)),
        4 => {
            let again = input[at..at + len].to_vec();
            drop(input.splice(at..at, again));
        }
        _ => {
            // The head of one, the tail of another.
            let other = chance.pick(seeds);
            let from = chance.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
    }
}

/// xorshift64: the same numbers in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// The most memory that this process ever had, in KiB.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line of it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
