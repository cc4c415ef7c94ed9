"""PyPI bagit judges a bag: exit 0 if it is complete and every digest holds, 1 if it is not.

usage: bag_validate.py DIR
"""

import sys

import bagit

if len(sys.argv) != 2:
    sys.exit("usage: bag_validate.py DIR")
try:
    bag = bagit.Bag(sys.argv[1])
    bag.validate()
except bagit.BagError as error:
    print(f"invalid: {error}")
    sys.exit(1)
entries = bag.payload_entries()
assert entries, "a bag without payload proves nothing"
print(f"valid: {len(entries)} files, BagIt {bag.version}")
