"""Takes a bundle apart for `openssl pkeyutl`: writes what was signed, and the signature.

usage: dsse_pae.py BUNDLE PAE-OUT SIGNATURE-OUT
"""

import dsse

source, pae_out, signature_out = dsse.arguments(3)
bundle = dsse.read(source)
with open(pae_out, "wb") as file:
    file.write(dsse.pae(bundle))
with open(signature_out, "wb") as file:
    file.write(dsse.signature(bundle))
