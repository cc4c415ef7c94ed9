"""PyPI junitparser reads a report: what each case came to, held against the totals that the report itself gives.

usage: junit.py FILE
"""

import sys

from junitparser import Failure, JUnitXml, Skipped

if len(sys.argv) != 2:
    sys.exit("usage: junit.py FILE")
read = JUnitXml.fromfile(sys.argv[1])
suites = [read] if read._tag == "testsuite" else list(read)
failed = skipped = cases = 0
for suite in suites:
    for case in suite:
        cases += 1
        kinds = {type(result) for result in case.result}
        failed += Failure in kinds
        skipped += Skipped in kinds
        assert case.classname and case.name and case.time is not None, case
        word = "failed" if Failure in kinds else "skipped" if Skipped in kinds else "passed"
        print(f"{word} {case.classname} {case.name}")
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (cases, failed, 0, skipped), suite
    assert suite.timestamp and suite.time is not None
assert cases, "a report without a case proves nothing"
