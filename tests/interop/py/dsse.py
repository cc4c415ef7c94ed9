"""The few lines of DSSE and Sigstore bundle that the other scripts need, written from the specifications alone."""

import base64
import json
import sys


def read(path):
    """The bundle at `path`, as a dict."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def payload(bundle):
    """The bytes that were signed over, before the pre-authentication encoding."""
    return base64.b64decode(bundle["dsseEnvelope"]["payload"], validate=True)


def pae(bundle):
    """DSSE's pre-authentication encoding: what the signature is really over."""
    kind = bundle["dsseEnvelope"]["payloadType"].encode()
    body = payload(bundle)
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)


def signature(bundle):
    """The one raw signature."""
    (only,) = bundle["dsseEnvelope"]["signatures"]
    return base64.b64decode(only["sig"], validate=True)


def arguments(count):
    """The command line's arguments, of which there must be `count`."""
    if len(sys.argv) != count + 1:
        sys.exit(f"usage: {sys.argv[0]} takes {count} arguments")
    return sys.argv[1:]
