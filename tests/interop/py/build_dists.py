"""Builds the wheel and the source archive of a project, and prints what Python's own reader says of the wheel.

usage: build_dists.py PROJECT FOLDER
"""

import importlib.metadata
import os
import re
import sys
import zipfile

from setuptools import build_meta

project, folder = (os.path.abspath(path) for path in sys.argv[1:])
os.makedirs(folder)
os.chdir(project)
said, sys.stdout = sys.stdout, sys.stderr
build_meta.build_sdist(folder)
wheel = os.path.join(folder, build_meta.build_wheel(folder))
with zipfile.ZipFile(wheel) as archive:
    (inside,) = [path for path in zipfile.Path(archive).iterdir() if path.name.endswith(".dist-info")]
    read = importlib.metadata.PathDistribution(inside)
    names = sorted(re.match(r"[\w.-]+", text)[0] for text in read.requires)
    print(read.metadata["Name"], read.version, *names, file=said)
