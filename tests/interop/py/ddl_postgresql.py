"""PostgreSQL's own parser, through PyPI pglast, judges DDL files.

usage: ddl_postgresql.py FILE...
prints JSON: {FILE: {"statements": COUNT, "creates": [[KIND, NAME], ...]}}
"""

import json
import sys

import pglast
from pglast import ast, enums


def name(names):
    return ".".join(part.sval for part in names)


def relation(range_var):
    return ".".join(part for part in (range_var.schemaname, range_var.relname) if part)


def created(statement):
    """What a statement creates, for the kinds that are compared."""
    if isinstance(statement, ast.CreateStmt):
        return ["table", relation(statement.relation)]
    if isinstance(statement, ast.IndexStmt):
        return ["index", statement.idxname]
    if isinstance(statement, ast.ViewStmt):
        return ["view", relation(statement.view)]
    if isinstance(statement, ast.CreateFunctionStmt):
        return ["procedure" if statement.is_procedure else "function", name(statement.funcname)]
    if isinstance(statement, ast.CreateTrigStmt):
        return ["trigger", f"{statement.trigname} on {relation(statement.relation)}"]
    if isinstance(statement, ast.CreateOpClassStmt):
        return ["operator class", name(statement.opclassname)]
    if isinstance(statement, ast.CreateCastStmt):
        return ["cast", None]
    if isinstance(statement, ast.DefineStmt):
        kind = enums.ObjectType(statement.kind).name
        kinds = {"OBJECT_OPERATOR": "operator", "OBJECT_TYPE": "type", "OBJECT_AGGREGATE": "aggregate"}
        return [kinds[kind], name(statement.defnames)]
    if isinstance(statement, ast.CompositeTypeStmt):
        return ["type", relation(statement.typevar)]
    return None


found = {}
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        # Lines that are psql's are no SQL.
        text = "".join("\n" if line.startswith("\\") else line for line in file)
    statements = [raw.stmt for raw in pglast.parse_sql(text)]
    assert len(statements) == len(pglast.split(text)), "the judge agrees with itself"
    creates = [made for made in map(created, statements) if made]
    found[path] = {"statements": len(statements), "creates": creates}
print(json.dumps(found))
