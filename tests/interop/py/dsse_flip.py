"""Copies a bundle with one bit of its payload flipped, everything else as it was: what every judge must refuse.

The flipped byte is a letter of the statement's `_type`, so that the payload stays readable JSON.

usage: dsse_flip.py BUNDLE OUT
"""

import base64
import json

import dsse

source, out = dsse.arguments(2)
bundle = dsse.read(source)
body = bytearray(dsse.payload(bundle))
body[body.index(b"in-toto.io")] ^= 1
json.loads(body)
bundle["dsseEnvelope"]["payload"] = base64.b64encode(body).decode()
with open(out, "w", encoding="utf-8") as file:
    json.dump(bundle, file)
