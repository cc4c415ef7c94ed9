//! Statements of every dialect: where they are cut, what they do, and what becomes of those that cannot be parsed.

use super::dialect::rules;
use super::split::{Form, Statement, statements};
use super::{order, read};
use crate::format::ddl::{DdlFile, Dialect, Object, Room, Why};
use proptest::prelude::*;

const DIALECTS: [Option<Dialect>; 7] = [
    None,
    Some(Dialect::Ansi),
    Some(Dialect::Duckdb),
    Some(Dialect::Mysql),
    Some(Dialect::Postgresql),
    Some(Dialect::Sqlite),
    Some(Dialect::Sqlserver),
];

fn cut(dialect: Dialect, text: &str) -> Vec<&str> {
    let rules = rules(Some(dialect));
    statements(text, &rules).map(|statement| &text[statement.start..statement.end]).collect()
}

fn forms(dialect: Dialect, text: &str) -> Vec<(Form, u64)> {
    let rules = rules(Some(dialect));
    statements(text, &rules).map(|statement| (statement.form, statement.line)).collect()
}

fn file(dialect: Dialect, text: &str) -> DdlFile {
    read("a.sql", text.as_bytes(), Some(dialect), &mut Room::default())
}

fn show(objects: &[Object]) -> Vec<String> {
    objects.iter().map(|object| format!("{} {}", object.kind, object.name)).collect()
}

#[test]
fn strings_comments_and_names_hide_semicolons() {
    for dialect in DIALECTS.into_iter().flatten() {
        let text = "a ';' \"x;\" -- ;\n /* ; */ b;;\n;c";
        assert_eq!(cut(dialect, text), ["a ';' \"x;\" -- ;\n /* ; */ b", "c"], "{dialect:?}");
    }
    assert_eq!(
        cut(Dialect::Mysql, "a `;` # ;\n 'it\\'s;' \"\\\";\"; b --; c"),
        ["a `;` # ;\n 'it\\'s;' \"\\\";\"", "b --", "c"]
    );
    assert_eq!(cut(Dialect::Sqlite, "a [;] `;`; b"), ["a [;] `;`", "b"]);
    assert_eq!(cut(Dialect::Sqlserver, "a [;]]] N';'; b"), ["a [;]]] N';'", "b"]);
}

#[test]
fn postgresql_has_dollar_quotes_nested_comments_and_escape_strings() {
    let text = "DO $$ a; b $$; f $x$ ; $$ ; $x$; /* /* ; */ ; */ c E'it\\'s;'; d '\\'; e $1;";
    let statements = ["DO $$ a; b $$", "f $x$ ; $$ ; $x$", "c E'it\\'s;'", "d '\\'", "e $1"];
    assert_eq!(cut(Dialect::Postgresql, text), statements);
    assert_eq!(cut(Dialect::Duckdb, text), statements);
    let rule = "CREATE RULE r AS ON UPDATE TO t DO (a; b); c";
    assert_eq!(cut(Dialect::Postgresql, rule), ["CREATE RULE r AS ON UPDATE TO t DO (a; b)", "c"]);
}

#[test]
fn bodies_of_statements_are_part_of_what_they_define() {
    let atomic = "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE a WHEN 1 THEN 2 END; END";
    assert_eq!(cut(Dialect::Postgresql, &format!("{atomic}; BEGIN; c")), [atomic, "BEGIN", "c"]);
    let trigger = "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET c = CASE WHEN d THEN 1 END; SELECT 1; END";
    assert_eq!(cut(Dialect::Sqlite, &format!("{trigger}; BEGIN; COMMIT")), [trigger, "BEGIN", "COMMIT"]);
    let routine =
        "CREATE PROCEDURE p() BEGIN IF a THEN SET b = 1; END IF; WHILE c DO SET d = 2; END WHILE; END";
    assert_eq!(cut(Dialect::Mysql, &format!("{routine}; e")), [routine, "e"]);
    let named = "CREATE TABLE t (a int); SELECT t.end FROM t; SELECT 1";
    assert_eq!(cut(Dialect::Sqlite, named).len(), 3);
}

#[test]
fn the_delimiter_of_mysql_is_what_the_file_says() {
    let text = "a;\nDELIMITER //\nCREATE PROCEDURE p() BEGIN b; END//\nc ; d//\ndelimiter ;\ne; f";
    let statements = ["a", "CREATE PROCEDURE p() BEGIN b; END", "c ; d", "e", "f"];
    assert_eq!(cut(Dialect::Mysql, text), statements);
    assert_eq!(cut(Dialect::Mysql, "DELIMITER $$\nx END$$\ny$$"), ["x END", "y"]);
}

#[test]
fn what_stands_in_conditional_comments_of_mysql_counts() {
    let text =
        "/*!40101 SET @a = ';' */; /*!50003 CREATE*/ /*!50017 DEFINER=`r`@`%`*/ /*!50003 TABLE t (a int) */;";
    assert_eq!(cut(Dialect::Mysql, text).len(), 2);
    let trigger = "/*!50003 CREATE*/ /*!50017 DEFINER=`r`@`%`*/ /*!50003 TRIGGER `g` BEFORE INSERT ON `T`\n\
        FOR EACH ROW BEGIN SET NEW.a = 1; END */;;";
    let read = file(Dialect::Mysql, &format!("DELIMITER ;;\n{trigger}"));
    assert_eq!((show(&read.creates), read.statements_unparsed), (vec!["trigger g".to_owned()], 0));
    let read = file(Dialect::Mysql, "/*!50001 CREATE TABLE `T` (a int) */;");
    assert_eq!((show(&read.creates), read.statements_unparsed), (vec!["table t".to_owned()], 0));
}

#[test]
fn psql_keeps_its_lines_and_its_data_to_itself() {
    let text = "\\set x 1\nCOPY t (a) FROM stdin;\n1;\t'\n\\.\nb;\n\\connect other\nSELECT 1 \\gexec\nc;";
    let statements = ["COPY t (a) FROM stdin", "b", "\\connect other", "SELECT 1 \\gexec", "c"];
    assert_eq!(cut(Dialect::Postgresql, text), statements);
    let forms = forms(Dialect::Postgresql, text);
    assert_eq!(forms.iter().map(|(_, line)| *line).collect::<Vec<_>>(), [2, 5, 6, 7, 8]);
    assert_eq!(forms[3].0, Form::Client);
    assert_eq!(forms[2].0, Form::Client);
}

#[test]
fn batches_of_sql_server_end_with_go() {
    let text = "USE a\nGO\nCREATE TABLE t (go int);\nDROP TABLE u;\n  go 5 -- five\nCREATE OR ALTER PROC p AS\nBEGIN\n\
        SELECT 1;\nSELECT 2;\nEND;\nSELECT 3;\nGO\nBEGIN TRAN; IF 1 = 1 BEGIN SELECT 1; END; COMMIT;\nGO\n\
        IF 1 = 1 SELECT 1; ELSE SELECT 2;\nGO\n'GO\nGO\n'";
    let statements = cut(Dialect::Sqlserver, text);
    assert_eq!(statements[..3], ["USE a", "CREATE TABLE t (go int)", "DROP TABLE u"]);
    assert!(statements[3].starts_with("CREATE OR ALTER PROC p") && statements[3].ends_with("SELECT 3;"));
    assert_eq!(statements[4], "BEGIN TRAN");
    assert_eq!(statements[6], "IF 1 = 1 SELECT 1; ELSE SELECT 2;");
    assert_eq!(statements.last(), Some(&"'GO\nGO\n'"));
}

#[test]
fn what_does_not_end_is_the_rest_of_the_file_with_the_line_where_it_began() {
    let torn = [
        (Dialect::Postgresql, "a;\n\nb 'c;\nd;"),
        (Dialect::Postgresql, "a;\n\nb \"c;\nd;"),
        (Dialect::Postgresql, "a;\n\n/* b; /* */\nd;"),
        (Dialect::Postgresql, "a;\n\nb $x$ c; $y$ $;\nd;"),
        (Dialect::Postgresql, "a;\n\nb (c;\nd;"),
        (Dialect::Postgresql, "a;\n\nCOPY b FROM STDIN;\nd;"),
        (Dialect::Mysql, "a;\n\nb `c;\nd;"),
        (Dialect::Sqlite, "a;\n\nCREATE TRIGGER b BEGIN c;\nd;"),
        (Dialect::Sqlserver, "a;\n\nb [c;\nGO\nd;"),
    ];
    for (dialect, text) in torn {
        assert_eq!(forms(dialect, text), [(Form::Sql, 1), (Form::Torn, 3)], "{text}");
        assert_eq!(cut(dialect, text)[1], &text[4..], "{text}");
        let read = file(dialect, text);
        assert_eq!((read.statements, read.unparsed.last().unwrap().why), (2, Why::Unterminated), "{text}");
    }
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_statement() {
    let read = file(Dialect::Postgresql, "\u{feff}CREATE TABLE a (b int);\r\n\r\nnonsense;\r\n");
    assert_eq!((read.statements, show(&read.creates)), (2, vec!["table a".to_owned()]));
    assert_eq!((read.unparsed[0].offset, read.unparsed[0].line), (30, 3));
}

#[test]
fn a_file_that_is_not_utf8_is_one_unparsed_statement() {
    let read = read("a.sql", b"CREATE TABLE a (b int); \xff;", Some(Dialect::Sqlite), &mut Room::default());
    assert_eq!((read.statements, read.statements_unparsed, read.unparsed[0].why), (1, 1, Why::NotUtf8));
    assert!(read.creates.is_empty());
}

#[test]
fn objects_are_created_altered_dropped_and_referred_to() {
    let read = file(
        Dialect::Postgresql,
        "CREATE SCHEMA shop;
         CREATE TYPE shop.state AS ENUM ('a');
         CREATE TABLE shop.Orders (id int PRIMARY KEY, s shop.state, \"who.X\" int REFERENCES people, c citext);
         CREATE INDEX by_who ON shop.orders (id);
         CREATE INDEX ON shop.orders (s);
         CREATE VIEW \"Open\" AS WITH x AS (SELECT * FROM stock) SELECT * FROM shop.orders JOIN x ON true,
             generate_series(1, 2);
         CREATE TRIGGER touch BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION stamp();
         ALTER TABLE people ADD COLUMN z int DEFAULT nextval('z_seq'::regclass), ADD FOREIGN KEY (z) REFERENCES zs (z);
         ALTER TABLE old RENAME TO new;
         DROP VIEW IF EXISTS v1, v2;
         GRANT SELECT ON ledger TO PUBLIC;
         INSERT INTO log SELECT * FROM \"Open\";",
    );
    assert_eq!(read.unparsed, []);
    let creates = [
        "schema shop",
        "type shop.state",
        "table shop.orders",
        "index by_who",
        "view Open",
        "trigger touch on people",
        "table new",
    ];
    assert_eq!(show(&read.creates), creates);
    assert_eq!(show(&read.alters), ["table people", "table old"]);
    assert_eq!(show(&read.drops), ["table old", "view v1", "view v2"]);
    let depends = [
        "type citext",
        "table people",
        "relation stock",
        "function stamp",
        "table zs",
        "sequence z_seq",
        "relation ledger",
        "relation log",
    ];
    let mut found = show(&read.depends);
    found.sort();
    let mut depends = depends.map(str::to_owned).to_vec();
    depends.sort();
    assert_eq!(found, depends);
}

#[test]
fn names_fold_as_the_dialect_folds_them() {
    let table = |dialect| show(&file(dialect, "CREATE TABLE A.\"B\" (c int)").creates).concat();
    assert_eq!(table(Dialect::Postgresql), "table a.B");
    for dialect in [Dialect::Sqlite, Dialect::Duckdb, Dialect::Sqlserver] {
        assert_eq!(table(dialect), "table a.b");
    }
    assert_eq!(show(&file(Dialect::Mysql, "CREATE TABLE `A`.`B.c` (c int)").creates), ["table a.\"b.c\""]);
}

#[test]
fn the_beginning_of_an_unparsed_statement_shows_no_literals() {
    let read = file(
        Dialect::Postgresql,
        "CREATE FOO app PASSWORD WITH 'secret';
         DO $$ secret $$;
         CREATE FOO bar 12345;
         secret word;
         \\password secret
         CREATE FOO aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb;",
    );
    let starts: Vec<&str> = read.unparsed.iter().map(|unparsed| &*unparsed.start).collect();
    let long = "CREATE FOO aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.";
    assert_eq!(starts, ["CREATE FOO app PASSWORD WITH", "DO", "CREATE FOO bar", "", "", long]);
}

#[test]
fn heads_tell_what_the_parser_does_not_know() {
    let read = file(
        Dialect::Postgresql,
        "ALTER TABLE ONLY m.readings ATTACH PARTITION m.readings_1 FOR VALUES FROM (1) TO (2);
         CREATE CAST (a AS b) WITHOUT FUNCTION;
         CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f();
         CREATE STATISTICS s ON a, b FROM t;
         ALTER SEQUENCE m.s1 RENAME TO s2;
         DROP RULE IF EXISTS r ON v CASCADE;
         COMMENT ON TEXT SEARCH DICTIONARY d IS 'x';
         ALTER DEFAULT PRIVILEGES IN SCHEMA m GRANT SELECT ON TABLES TO r;
         CREATE TYPE shell;",
    );
    assert_eq!(read.unparsed, []);
    assert_eq!(
        show(&read.creates),
        ["cast a as b", "event trigger e", "statistics s", "sequence m.s2", "type shell"]
    );
    assert_eq!(show(&read.alters), ["table m.readings"]);
    assert_eq!(show(&read.drops), ["sequence m.s1", "rule r on v"]);
    assert_eq!(show(&read.depends), ["table m.readings_1", "table t", "relation v", "text search d"]);
}

#[test]
fn a_head_hides_no_other_statement_and_no_mistake() {
    for (dialect, text) in [
        (Dialect::Sqlserver, "CREATE TABLE [a] ([b] [int]) ON [x]\nDROP TABLE [c]"),
        (Dialect::Sqlserver, "CREATE TABLE [a] ([b] [int],, [c] [int])"),
        (Dialect::Sqlserver, "SET NOCOUNT ON WITH x; BEGIN FROB; EXEC p; END"),
        (Dialect::Postgresql, "CREATE TABLE a (b int,, c int)"),
        (Dialect::Postgresql, "CREATE VIEW v AS SELECT a b c FROM"),
        (Dialect::Postgresql, "CREATE SCHEMA s CREATE FROB t (a int)"),
        (Dialect::Postgresql, "DO $$ BEGIN CREATE TABLE t (a int); END $$"),
        (Dialect::Postgresql, "DROP TABLE a b"),
        (Dialect::Mysql, "CREATE PROCEDURE p"),
        (Dialect::Sqlite, "ALTER TABLE a FROB"),
    ] {
        assert!(file(dialect, text).statements_unparsed > 0, "{text}");
    }
}

#[test]
fn hostile_statements_are_too_large_and_end_no_run() {
    let deep = |text: String| file(Dialect::Postgresql, &text).unparsed.first().map(|unparsed| unparsed.why);
    assert_eq!(deep(format!("SELECT {}1", "1 + ".repeat(100_000))), Some(Why::TooLarge));
    assert_eq!(deep(format!("SELECT {}1{}", "(".repeat(1000), ")".repeat(1000))), Some(Why::TooLarge));
    assert_eq!(deep(format!("SELECT {}a", "NOT ".repeat(1900))), Some(Why::Form));
    assert_eq!(deep(format!("SELECT {}1", "1 + ".repeat(990))), None);
    assert_eq!(deep(format!("SELECT {}1", "SELECT 1 UNION ".repeat(600))), Some(Why::Form));
    assert_eq!(deep(format!("{}SELECT 1", "SELECT 1 UNION ".repeat(600))), None);
    assert_eq!(deep("(".repeat(1 << 20)), Some(Why::Unterminated));
    assert_eq!(deep(format!("INSERT INTO t VALUES {}", "(1, 'x'), ".repeat(200_000))), Some(Why::TooLarge));
    assert_eq!(deep("CREATE TABLE a\0b (c int)".into()), Some(Why::Form));
}

#[test]
fn parentheses_that_may_nest_take_no_exponential_time() {
    for (before, inner, after) in [
        ("SELECT ", "1", ""),
        ("SELECT * FROM ", "a", ""),
        ("SELECT a IN ", "1", ""),
        ("CREATE TABLE t (a int CHECK ", "b", ")"),
    ] {
        let text = format!("{before}{}{inner}{}{after}", "(".repeat(23), ")".repeat(23));
        file(Dialect::Postgresql, &text);
        file(Dialect::Mysql, &text);
    }
}

#[test]
fn many_statements_take_no_more_room_than_there_is() {
    let mut room = Room::default();
    let text = "x;\n".repeat(200_000);
    let read = read("a.sql", text.as_bytes(), None, &mut room);
    assert_eq!((read.statements, read.statements_unparsed), (200_000, 200_000));
    assert_eq!(read.unparsed.len() as u64 + read.omitted, 200_000);
    assert!(read.omitted > 10_000 && !room.take(""));
}

#[test]
fn files_are_in_order_of_their_numbers_if_all_have_one() {
    let sorted = |mut paths: Vec<&'static str>| {
        order::sort(&mut paths, |path| path);
        paths.join(" ")
    };
    assert_eq!(sorted(vec!["d/10_a.sql", "d/9_b.sql", "d/009_a.sql"]), "d/009_a.sql d/9_b.sql d/10_a.sql");
    assert_eq!(
        sorted(vec!["V1.10__a.sql", "V1.9__b.sql", "V1__c.sql"]),
        "V1__c.sql V1.9__b.sql V1.10__a.sql"
    );
    assert_eq!(sorted(vec!["10_a.sql", "9_b.sql", "schema.sql"]), "10_a.sql 9_b.sql schema.sql");
    assert_eq!(sorted(vec!["b/1.sql", "a/2.sql"]), "b/1.sql a/2.sql");
}

/// Pieces that mean something to one dialect or another, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let known = [
        ";",
        "'",
        "\"",
        "`",
        "[",
        "]",
        "(",
        ")",
        "$$",
        "$a$",
        "$",
        "/*",
        "*/",
        "/*!40101 ",
        "--",
        "-- ",
        "#",
        "\\",
        "\\.",
        "\n",
        "\r\n",
        "GO\n",
        "\nGO 3\n",
        "DELIMITER //\n",
        "\nDELIMITER ;\n",
        "//",
        "COPY t FROM STDIN;\n",
        "BEGIN ",
        "END",
        "CASE ",
        "CREATE TRIGGER ",
        "CREATE PROCEDURE ",
        "E'",
        "N'",
        "\u{feff}",
        "\u{e9}",
        "x",
        " ",
        ".",
        "IF ",
        "\0",
    ];
    proptest::collection::vec(proptest::sample::select(known.to_vec()), 0..60)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn statements_are_in_order_apart_and_at_lines_that_are_true(text in pieces()) {
        for dialect in DIALECTS {
            let rules = rules(dialect);
            let mut last = 0;
            for Statement { start, end, line, .. } in statements(&text, &rules) {
                prop_assert!(last <= start && start < end, "{dialect:?}");
                prop_assert!(text.get(last..start).is_some() && text.get(start..end).is_some());
                prop_assert_eq!(text[..start].matches('\n').count() as u64 + 1, line);
                last = end;
            }
            prop_assert!(last <= text.len());
            read("a.sql", text.as_bytes(), dialect, &mut Room::default());
        }
    }
}
