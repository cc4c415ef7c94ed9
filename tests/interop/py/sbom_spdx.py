"""PyPI spdx-tools judges SPDX 2.3 documents: they parse, and every rule of the specification that it knows holds. This is
what `pyspdxtools -i` runs.

Prints a line for each: "valid: …" or "invalid: …". Exit 0 if all are valid, else 1.

usage: sbom_spdx.py FILE…
"""

import sys

from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document


def judge(path):
    try:
        document = parse_file(path)
    except SPDXParsingError as error:
        return f"invalid: {error.get_messages()}"
    messages = validate_full_spdx_document(document, "SPDX-2.3")
    if messages:
        return "invalid: " + "; ".join(" ".join(one.validation_message.split()) for one in messages)
    return f"valid: {len(document.packages)} packages, {len(document.relationships)} relationships"


if len(sys.argv) < 2:
    sys.exit("usage: sbom_spdx.py FILE…")
verdicts = [judge(path) for path in sys.argv[1:]]
print("\n".join(verdicts))
sys.exit(any(verdict.startswith("invalid") for verdict in verdicts))
