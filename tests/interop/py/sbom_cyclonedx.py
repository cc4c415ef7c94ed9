"""PyPI cyclonedx-python-lib judges CycloneDX 1.6 documents: the strict schema, then its own model. The schema cannot say
that a bom-ref is its only owner's and that every dependency names a component; that is judged here.

Prints a line for each: "valid: …" or "invalid: …". Exit 0 if all are valid, else 1.

usage: sbom_cyclonedx.py FILE…
"""

import json
import sys

from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


def judge(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    fault = VALIDATOR.validate_str(text)
    if fault is not None:
        return "invalid: " + " ".join(str(fault).split())[:2000]
    document = json.loads(text)
    refs = [component["bom-ref"] for component in document["components"]]
    refs.append(document["metadata"]["component"]["bom-ref"])
    if len(set(refs)) != len(refs):
        return "invalid: a bom-ref stands twice"
    named = {one["ref"] for one in document["dependencies"]}
    named |= {need for one in document["dependencies"] for need in one.get("dependsOn", [])}
    if not named <= set(refs):
        return f"invalid: dependencies name {sorted(named - set(refs))}"
    bom = Bom.from_json(document)
    bom.validate()
    assert len(bom.components) == len(document["components"]), "the model lost components"
    return f"valid: {len(bom.components)} components, {len(bom.dependencies)} dependencies"


if len(sys.argv) < 2:
    sys.exit("usage: sbom_cyclonedx.py FILE…")
verdicts = [judge(path) for path in sys.argv[1:]]
print("\n".join(verdicts))
sys.exit(any(verdict.startswith("invalid") for verdict in verdicts))
