"""PyPI sqlglot judges DDL files of MySQL, SQL Server and DuckDB.

usage: ddl_sqlglot.py DIALECT FILE...
prints JSON: {FILE: {"statements": COUNT, "creates": [[KIND, NAME], ...]}}; of T-SQL a batch counts, not a statement
"""

import json
import logging
import re
import sys

import sqlglot
from sqlglot import exp

logging.disable(logging.CRITICAL)
dialect, paths = sys.argv[1], sys.argv[2:]


def created(tree):
    """What a statement creates: its kind, and the last part of its name."""
    if not isinstance(tree, exp.Create) or not tree.kind:
        return None
    this = tree.this
    while not isinstance(this, (exp.Table, exp.Index)) and isinstance(this.this, exp.Expression):
        this = this.this
    return [tree.kind.lower(), this.name.lower()]


found = {}
for path in paths:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    batches = re.split(r"(?mi)^GO(?:[ \t]+\d+)?[ \t]*$", text) if dialect == "tsql" else [text]
    trees = [[tree for tree in sqlglot.parse(batch, read=dialect) if tree] for batch in batches if batch.strip()]
    count = len([batch for batch in trees if batch]) if dialect == "tsql" else sum(map(len, trees))
    creates = [made for batch in trees for made in map(created, batch) if made]
    found[path] = {"statements": count, "creates": creates}
print(json.dumps(found))
