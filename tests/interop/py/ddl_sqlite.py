"""SQLite itself judges DDL files: each is cut by sqlite3.complete_statement, and applied in order to one database.

usage: ddl_sqlite.py FILE...
prints JSON: {"statements": {FILE: COUNT}, "objects": [[KIND, NAME], ...]}, the objects as sqlite_master has them
"""

import json
import sqlite3
import sys


def statements(text):
    """The statements of a file, as SQLite sees where each is complete."""
    begun = ""
    for piece in text.rstrip().rstrip(";").split(";"):
        begun += piece + ";"
        if sqlite3.complete_statement(begun):
            yield begun
            begun = ""


whole, cut = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
counts = {}
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    whole.executescript(text)
    counts[path] = 0
    for statement in statements(text):
        cut.execute(statement)
        counts[path] += 1


def objects(database):
    """Everything that was made by name: not what SQLite makes by itself."""
    shadow = {row[1] for row in database.execute("pragma table_list") if row[2] == "shadow"}
    rows = database.execute("select type, name, tbl_name from sqlite_master")
    return sorted([kind, name] for kind, name, table in rows if table not in shadow and not name.startswith("sqlite_"))


assert objects(whole) == objects(cut), "cut into statements, the files make another database"
print(json.dumps({"statements": counts, "objects": objects(whole)}))
