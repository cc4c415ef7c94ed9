//! A drill of a backup that lies in a bucket, its databases asked.

use super::release::run;
use super::servers::Server;
use crate::world::{World, venv};
use rusqlite::Connection;
use std::process::Command;

const STORE: &str = "s3://store/nightly";

const POLICY: &str = "schema = 1
name = \"nightly\"
[project]
name = \"shop\"
[[include]]
class = \"data\"
paths = [\"**\"]
exclude = [\"attestar.toml\"]
[[capture]]
id = \"app\"
kind = \"sqlite\"
path = \"var/app.db\"
[[capture]]
id = \"duck\"
kind = \"duckdb\"
path = \"var/c.duckdb\"
[[probe]]
id = \"app\"
kind = \"sqlite\"
capture = \"app\"
[[probe]]
id = \"duck\"
kind = \"duckdb\"
capture = \"duck\"
[[probe]]
id = \"files\"
kind = \"files\"
[[probe]]
id = \"sees\"
kind = \"command\"
run = [\"sh\", \"-c\", \"! env | grep -q AWS_\"]
";

#[test]
fn a_drill_from_a_bucket_asks_its_databases() {
    let world = World::new();
    world.write("attestar.toml", POLICY);
    world.write("etc/app.json", "{\"port\": 1}\n");
    std::fs::create_dir(world.tree().join("var")).unwrap();
    let app = Connection::open(world.tree().join("var/app.db")).unwrap();
    app.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)").unwrap();
    let mut duckdb = Command::new(venv().join("duckdb"));
    duckdb.args(["-no-init", "-batch"]).arg(world.tree().join("var/c.duckdb"));
    let made = duckdb.args(["-c", "CREATE TABLE t AS SELECT range i FROM range(100)"]).status();
    assert!(made.unwrap().success());
    let server = Server::s3s();
    let ours = |args: &[&str]| run(&world, server.port, &[args, &["--store", STORE]].concat());
    ours(&["-C", "shop", "backup"]).done();
    let said = ours(&["-C", "shop", "--json", "drill", "--out", "drilled"]).done();
    assert_eq!(said.findings(), Vec::<String>::new());
    let report = std::fs::read_to_string(world.path().join("drilled/drill_report.json")).unwrap();
    for covered in ["(sqlite): integrity, 1 table, 2 rows", "(duckdb): 1 table, 100 rows", "(files): "] {
        assert!(report.contains(covered), "{covered}: {report}");
    }
    ours(&["log", "verify"]).done();
}
