"""Prints what pip itself reads in a requirements file: `name version sha256,sha256` a line, names as PEP 503 has them."""

import re
import sys

from pip._internal.network.session import PipSession
from pip._internal.req.constructors import install_req_from_parsed_requirement
from pip._internal.req.req_file import parse_requirements

for parsed in parse_requirements(sys.argv[1], session=PipSession()):
    requirement = install_req_from_parsed_requirement(parsed)
    versions = [pin.version for pin in requirement.specifier if pin.operator in ("==", "===")]
    name = re.sub(r"[-_.]+", "-", requirement.name).lower()
    hashes = sorted(requirement.hash_options.get("sha256", []))
    print(name, versions[0] if versions else "-", ",".join(hashes) or "-")
