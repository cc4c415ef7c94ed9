"""PyPI securesystemslib judges a bundle's envelope: exit 0 if it verifies under the key, 1 if it does not.

The library does not look at the payload type, nor at the bundle around the envelope; both are compared here.

usage: dsse_securesystemslib.py BUNDLE SPKI-PEM
"""

import base64
import hashlib
import sys

from cryptography.hazmat.primitives import serialization
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

import dsse

source, key_file = dsse.arguments(2)
bundle = dsse.read(source)
with open(key_file, "rb") as file:
    public = serialization.load_pem_public_key(file.read())

assert bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json", bundle["mediaType"]
assert bundle["dsseEnvelope"]["payloadType"] == "application/vnd.in-toto+json"
assert bundle["verificationMaterial"]["tlogEntries"] == [], "PyPI sigstore's models do not parse it without"
hint = bundle["verificationMaterial"]["publicKey"]["hint"]
envelope = Envelope.from_dict(bundle["dsseEnvelope"])
assert list(envelope.signatures) == [hint], "the envelope's keyid is not the bundle's hint"
try:
    accepted = envelope.verify([SSlibKey.from_crypto(public, keyid=hint)], 1)
except VerificationError as error:
    print(f"refused: {error}")
    sys.exit(1)

# Only after the signature holds, so that exit 1 always means the signature: the keyid is the digest of the key.
spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
assert hint == base64.b64encode(hashlib.sha256(spki).digest()).decode(), f"keyid {hint}"
assert list(accepted) == [hint]
print("accepted")
