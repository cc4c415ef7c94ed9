//! Where the demo's release runs: a configuration and a database, with the policy that backs them up and drills them.

use attestar::error::{Error, Result};
use rusqlite::Connection;
use std::fs;
use std::path::Path;

const POLICY: &str = r#"schema = 1

[project]
name = "station"

[[include]]
class = "data"
paths = ["**"]

[store]
url = "../store"

[[capture]]
id = "readings"
kind = "sqlite"
path = "var/readings.db"

[drill]
every = "7d"
rto = "15m"
rpo = "24h"

[[probe]]
id = "readings"
kind = "sqlite"
capture = "readings"
queries = [{ sql = "SELECT count(*) FROM readings", at_least = 1000 }]

[[probe]]
id = "files"
kind = "files"
"#;

const CONFIG: &str = "[gauge]\nname = \"pier\"\nalarm_cm = 180\n";

/// A week of quarter hours.
const READINGS: &str = "\
PRAGMA journal_mode = WAL;
CREATE TABLE gauges (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE readings (
  gauge INTEGER NOT NULL REFERENCES gauges (id),
  minute INTEGER NOT NULL,
  level_mm INTEGER NOT NULL,
  PRIMARY KEY (gauge, minute)
);
CREATE VIEW alarms AS SELECT * FROM readings WHERE level_mm > 1800;
INSERT INTO gauges VALUES (1, 'pier'), (2, 'lock');
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 671)
INSERT INTO readings SELECT g.id, i * 15, 900 + (i * 137 + g.id * 31) % 1100 FROM n, gauges g;
";

/// Writes all of it into a new folder.
pub fn write(root: &Path) -> Result<()> {
    let var = root.join("var");
    fs::create_dir_all(&var).map_err(Error::io("create", &var))?;
    for (name, text) in [("attestar.toml", POLICY), ("station.toml", CONFIG)] {
        let path = root.join(name);
        fs::write(&path, text).map_err(Error::io("write", &path))?;
    }
    let path = var.join("readings.db");
    let made = Connection::open(&path).and_then(|database| database.execute_batch(READINGS));
    made.map_err(|error| Error::input(format!("{}: {error}", path.display()), ""))
}
