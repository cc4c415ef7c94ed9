"""PyPI in-toto-attestation judges the statements in bundles: their payload parses as its protocol buffers, and what those
cannot say (which fields the specifications want) is judged here. A file's name says what it must be:
provenance.sigstore.json holds a provenance, whatever its statement calls itself. Signatures are others' to judge.

Prints a line for each: "valid: …" or "invalid: …". Exit 0 if all are valid, else 1.

usage: intoto.py BUNDLE…
"""

import os
import re
import sys

import dsse
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1 import statement_pb2


def require(holds, why):
    if not holds:
        raise ValueError(why)


def resources(descriptors):
    for one in descriptors:
        descriptor = ResourceDescriptor.copy_from_pb(one)
        descriptor.validate()
        require(one.name, "a resource has no name")
        require(one.uri or one.digest, f"{one.name} has neither a URI nor a digest")
        for algorithm, digits in one.digest.items():
            if algorithm == "sha256":
                require(re.fullmatch("[0-9a-f]{64}", digits), f"{one.name} lacks a SHA-256 of 64 digits")
            else:
                require(algorithm in ("gitCommit", "gitTag"), f"{one.name} has a digest called {algorithm}")
                require(re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", digits), f"{one.name} lacks a {algorithm}")
    return len(descriptors)


def provenance(predicate):
    """https://slsa.dev/spec/v1.0/provenance: every field that it requires, and none that it does not know."""
    parsed = json_format.ParseDict(predicate, provenance_pb2.Provenance())
    definition, run = parsed.build_definition, parsed.run_details
    require(definition.build_type, "no buildType")
    require(len(definition.external_parameters) > 0, "no externalParameters")
    require(run.builder.id, "no builder.id")
    for uri in (definition.build_type, run.builder.id):
        require(re.match("[a-z]+:", uri), f"{uri} is no URI")
    count = resources(definition.resolved_dependencies) + resources(run.byproducts)
    return f"{count} resources"


def gates(predicate):
    """https://slsa.dev/spec/v1.0/verification_summary. Extensions are ignored, as in-toto wants; the names of ours are
    compared. The protocol buffer takes one string for the levels, where the specification wants a list: in-toto's
    issue 425."""
    levels = predicate.pop("verifiedLevels")
    require(levels == [], "verifiedLevels that nobody verified")
    known = {field.json_name for field in vsa_pb2.VerificationSummary.DESCRIPTOR.fields}
    require(set(predicate) - known == {"urn:attestar:gates:v1"}, "another extension than ours")
    parsed = json_format.ParseDict(predicate, vsa_pb2.VerificationSummary(), ignore_unknown_fields=True)
    require(parsed.verifier.id, "no verifier.id")
    require(parsed.resource_uri, "no resourceUri")
    require(parsed.policy.uri and parsed.policy.digest, "no policy")
    require(parsed.verification_result in ("PASSED", "FAILED"), "a verificationResult of its own")
    return parsed.verification_result


def sbom(predicate):
    """CycloneDX as a predicate is the document itself."""
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(dsse.json.dumps(predicate))
    require(fault is None, " ".join(str(fault).split())[:2000])
    return f"{len(predicate['components'])} components"


def seal(predicate):
    """The seal is attestar's own."""
    require(predicate, "an empty predicate")
    return f"{len(predicate)} fields"


PREDICATES = {
    "gates": ("https://slsa.dev/verification_summary/v1", gates),
    "provenance": ("https://slsa.dev/provenance/v1", provenance),
    "sbom": ("https://cyclonedx.org/bom", sbom),
    "seal": (None, seal),
}


def judge(path):
    name = os.path.basename(path).split(".")[0]
    expected, of_predicate = PREDICATES[name]
    payload = dsse.payload(dsse.read(path))
    try:
        message = json_format.Parse(payload, statement_pb2.Statement())
        Statement.copy_from_pb(message).validate()
        resources(message.subject)
        require(expected in (None, message.predicate_type), f"the predicateType is {message.predicate_type}")
        said = of_predicate(dsse.json.loads(payload)["predicate"])
    except (ValueError, json_format.ParseError) as error:
        return "invalid: " + " ".join(str(error).split())
    return f"valid: {name}, {len(message.subject)} subjects, {said}"


if len(sys.argv) < 2:
    sys.exit("usage: intoto.py BUNDLE…")
verdicts = [judge(path) for path in sys.argv[1:]]
print("\n".join(verdicts))
sys.exit(any(verdict.startswith("invalid") for verdict in verdicts))
