"""PyPI ntia-conformance-checker looks for the NTIA minimum elements in an SPDX document. Prints a line for each element:
yes, or the names of the components that lack it.

usage: sbom_ntia.py FILE
"""

import logging
import sys

import ntia_conformance_checker as ntia

if len(sys.argv) != 2:
    sys.exit("usage: sbom_ntia.py FILE")
logging.disable(logging.WARNING)
sbom = ntia.SbomChecker(sys.argv[1], compliance="ntia")
assert not sbom.parsing_errors and not sbom.validation_messages, "it cannot read the document"


def element(name, lacking):
    names = sorted(component for component, _ in lacking)
    print(f"{name}: yes" if not names else f"{name}: lacking in {len(names)}: {', '.join(map(ascii, names))}")


print(f"components: {len(sbom.reachable_component_ids)} looked at, {len(sbom.floating_component_ids)} not")
element("name", sbom.components_without_names)
element("version", sbom.components_without_versions)
element("identifier", sbom.components_without_identifiers)
element("supplier", sbom.components_without_suppliers)
for name, found in [
    ("author", sbom.doc_author),
    ("timestamp", sbom.doc_timestamp),
    ("dependencies", sbom.dependency_relationships),
]:
    print(f"{name}: {'yes' if found else 'no'}")
