"""Copies a bundle with a text of its payload replaced at its first place; the signature stays what it was.

usage: dsse_edit.py BUNDLE OUT FROM TO
"""

import base64
import json

import dsse

source, out, old, new = dsse.arguments(4)
bundle = dsse.read(source)
body = dsse.payload(bundle).decode()
assert old in body, f"no {old!r} in {source}"
bundle["dsseEnvelope"]["payload"] = base64.b64encode(body.replace(old, new, 1).encode()).decode()
with open(out, "w", encoding="utf-8") as file:
    json.dump(bundle, file)
