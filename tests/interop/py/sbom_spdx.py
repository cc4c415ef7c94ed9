"""PyPI spdx-tools judges an SPDX 2.3 document: it parses, every rule of the specification that they know holds, and the
whole graph can be walked from the document.

usage: sbom_spdx.py FILE
"""

import sys

from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

if len(sys.argv) != 2:
    sys.exit("usage: sbom_spdx.py FILE")
try:
    document = parse_file(sys.argv[1])
except SPDXParsingError as error:
    print(f"invalid: {error.get_messages()}")
    sys.exit(1)
messages = validate_full_spdx_document(document, "SPDX-2.3")
if messages:
    print("\n".join(f"invalid: {message.validation_message}" for message in messages))
    sys.exit(1)
print(f"valid: {len(document.packages)} packages, {len(document.relationships)} relationships")
