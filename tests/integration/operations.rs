//! docs/OPERATIONS.md, typed as it stands: from nothing to alerting, and the day the host is lost.

use crate::world::World;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What is typed in a section, block by block.
fn typed(heading: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/OPERATIONS.md");
    let text = fs::read_to_string(path).unwrap();
    let section = text.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split("\n## ").next().unwrap();
    section.split("```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

/// Two machines in one folder: each has a home of its own, and the host its `/etc`, `/srv` and `/var`.
struct Machines {
    world: World,
}

impl Machines {
    fn new() -> Machines {
        let world = World::without_keys();
        for folder in [
            "etc/attestar",
            "srv/app/docs",
            "var/backups/attestar",
            "var/lib",
            "mnt",
            "tmp",
            "mine",
            "host",
            "new",
        ] {
            fs::create_dir_all(world.path().join(folder)).unwrap();
        }
        fs::write(world.path().join("srv/app/docs/orders.md"), "# Orders\n").unwrap();
        let made = rusqlite::Connection::open(world.path().join("srv/app/app.db")).unwrap();
        made.execute_batch(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1), (2)",
        )
        .unwrap();
        Machines { world }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.world.path().join(path)
    }

    /// A block, as it is typed on a machine.
    fn types(&self, home: &str, block: &str) -> Output {
        let mut line = format!(" {block}");
        for folder in ["/etc/", "/srv/", "/var/", "/mnt/", "/tmp/"] {
            for before in [" ", "="] {
                line = line.replace(&format!("{before}{folder}"), &format!("{before}@{folder}"));
            }
        }
        let line = line.replace('@', self.world.path().to_str().unwrap());
        let program = Path::new(env!("CARGO_BIN_EXE_attestar")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", line.trim_start()]).current_dir(self.path(home)).env_clear();
        shell
            .env("HOME", self.path(home))
            .env("PATH", path)
            .env("ATTESTAR_PASSPHRASE", "TEST ONLY passphrase");
        shell.output().expect("bash starts")
    }

    /// A block that ends well; what it printed.
    fn does(&self, home: &str, block: &str) -> String {
        let output = self.types(home, block);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{block}\n{out}\n{err}");
        format!("{out}{err}")
    }
}

#[test]
fn what_operations_md_types_works_from_nothing_to_the_day_the_host_is_lost() {
    let machines = Machines::new();
    let blocks = typed("From nothing to alerting in ten minutes");
    let [mine, keys, nights, alarm] = &blocks[..] else { panic!("{blocks:?}") };
    machines.does("mine", mine);
    let kit = fs::read_to_string(machines.path("mine/kit.txt")).unwrap();
    assert!(kit.contains("identity.age"), "{kit}");
    machines.does("host", keys);
    // The database of the host is captured, as the policy shows.
    let policy = machines.path("etc/attestar/nightly.toml");
    let text = fs::read_to_string(&policy).unwrap();
    let store = machines.path("var/backups/attestar");
    let text = text.replace("/var/backups/attestar", store.to_str().unwrap());
    let capture = "\n[[capture]]\nid = \"app\"\nkind = \"sqlite\"\npath = \"app.db\"\n";
    fs::write(&policy, text + capture).unwrap();
    let home = "export ATTESTAR_HOME=/etc/attestar\n";
    let said = machines.does("host", &format!("{home}{nights}"));
    assert!(said.contains("verified"), "{said}");
    let said = machines.does("host", &format!("{home}{alarm}"));
    assert!(said.contains("exit 3"), "{said}");
    assert!(!machines.path("etc/attestar/identity.age").exists(), "the host decrypts nothing");

    // The host is gone; the kit and the public key are what is left.
    let new = machines.path("new");
    fs::copy(machines.path("mine/.config/attestar/identity.age"), new.join("identity.age")).unwrap();
    fs::copy(machines.path("etc/attestar/signing.pub"), new.join("signing.pub")).unwrap();
    for gone in ["etc", "srv", "host", "mine", "var/lib"] {
        fs::remove_dir_all(machines.path(gone)).unwrap();
    }
    let blocks = typed("The day the host is lost");
    let [restore] = &blocks[..] else { panic!("{blocks:?}") };
    machines.does("new", restore);
    assert_eq!(fs::read_to_string(machines.path("mnt/new/docs/orders.md")).unwrap(), "# Orders\n");
    let back = rusqlite::Connection::open(machines.path("mnt/new/captures/app/app.db")).unwrap();
    let rows: i64 = back.query_row("SELECT count(*) FROM orders", (), |row| row.get(0)).unwrap();
    assert_eq!(rows, 2);
}
