"""PyPI cyclonedx-python-lib judges a CycloneDX 1.6 document: the strict schema, then its own model, in which every
dependency must name a component and every bom-ref must be its only owner's.

usage: sbom_cyclonedx.py FILE
"""

import json
import sys

from cyclonedx.exception.model import CycloneDxModelException
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def refuse(why):
    print(f"invalid: {why}")
    sys.exit(1)


if len(sys.argv) != 2:
    sys.exit("usage: sbom_cyclonedx.py FILE")
with open(sys.argv[1], encoding="utf-8") as file:
    text = file.read()
fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
if fault is not None:
    refuse(fault)
document = json.loads(text)
refs = [component["bom-ref"] for component in document["components"]]
refs.append(document["metadata"]["component"]["bom-ref"])
if len(set(refs)) != len(refs):
    refuse("a bom-ref stands twice")
named = {one["ref"] for one in document["dependencies"]}
named |= {need for one in document["dependencies"] for need in one.get("dependsOn", [])}
if not named <= set(refs):
    refuse(f"dependencies name {sorted(named - set(refs))}")
bom = Bom.from_json(document)
try:
    bom.validate()
except CycloneDxModelException as error:
    refuse(error)
assert len(bom.components) == len(document["components"]), "the model lost components"
print(f"valid: {len(bom.components)} components, {len(bom.dependencies)} dependencies")
