"""PyPI bagit turns a folder into a bag in place, with the manifests of the algorithms named.

usage: bag_make.py DIR ALGORITHM…
"""

import sys

import bagit

if len(sys.argv) < 3:
    sys.exit("usage: bag_make.py DIR ALGORITHM…")
bagit.make_bag(sys.argv[1], {"Contact-Name": "A Curator"}, checksums=sys.argv[2:])
