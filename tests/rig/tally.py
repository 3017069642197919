"""Counts what a test runner did: tally.py automake DIRECTORY, or tally.py junit FILE.

Prints lines for check.sh: "passed N", "failed N" and one "skipped REASON" per skipped case. Rules: a program
counts each case that it reports by TAP or in cmocka's own words, once if it reports none; one that died counts as one
failure if none of its cases failed.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree

RESULT = re.compile(r"^:test-result: (\w+)", re.MULTILINE)
TAP_SKIP = re.compile(r"^SKIP: (.*)$", re.MULTILINE)
GOOD = ("PASS", "XFAIL")
STARTED = re.compile(r"^\[ RUN      \] (\S+)", re.MULTILINE)
PASSED = re.compile(r"^\[       OK \] (\S+)", re.MULTILINE)
SKIPPED = re.compile(r"^\[  SKIPPED \] (\S+)$", re.MULTILINE)


def count_tap(name, results, text):
    """Return (passed, failed, skip reasons) of a program whose cases automake's TAP driver told apart."""
    passed = sum(verdict in GOOD for verdict in results)
    failed = sum(verdict in ("FAIL", "XPASS") for verdict in results)
    if failed == 0 and "ERROR" in results:
        failed = 1
    reasons = TAP_SKIP.findall(text)
    missing = results.count("SKIP") - len(reasons)
    return passed, failed, reasons + [f"{name}: no reason given"] * max(0, missing)


def count_cmocka(name, text, good):
    """Return (passed, failed, skip reasons) of a program that writes as cmocka does by itself, or None."""
    started = STARTED.findall(text)
    if not started:
        return None
    passed = len(PASSED.findall(text))
    skipped = sorted(set(SKIPPED.findall(text)))
    failed = max(0, len(started) - passed - len(skipped))
    return passed, failed or int(not good), [f"{name}: {case}" for case in skipped]


def count_program(trs):
    """Return (passed, failed, skip reasons) of one test program of automake."""
    results = RESULT.findall(trs.read_text(errors="replace"))
    log = trs.with_suffix(".log")
    text = log.read_text(errors="replace") if log.exists() else ""
    if len(results) != 1:
        return count_tap(trs.stem, results, text)
    verdict = results[0]
    if verdict == "SKIP":
        reason = text.strip().splitlines()
        return 0, 0, [f"{trs.stem}: {reason[0] if reason else 'no reason given'}"]
    good = verdict in GOOD
    return count_cmocka(trs.stem, text, good) or (int(good), int(not good), [])


def count_automake(directory):
    """Return the sums over all test programs below the build directory, without what distcheck left there."""
    passed, failed, skipped = 0, 0, []
    programs = [trs for trs in pathlib.Path(directory).rglob("*.trs") if "_build" not in trs.parts]
    for trs in sorted(programs):
        more_passed, more_failed, more_skipped = count_program(trs)
        passed, failed, skipped = passed + more_passed, failed + more_failed, skipped + more_skipped
    return passed, failed, skipped


def count_junit(path):
    """Return the sums of a junit file as pytest writes it."""
    passed, failed, skipped = 0, 0, []
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif skip is not None:
            skipped.append(f"{case.get('name')}: {skip.get('message') or 'no reason given'}")
        else:
            passed += 1
    return passed, failed, skipped


def main():
    """Count as the first argument says and print the result."""
    kind, where = sys.argv[1:]
    passed, failed, skipped = {"automake": count_automake, "junit": count_junit}[kind](where)
    print(f"passed {passed}\nfailed {failed}")
    for reason in skipped:
        print("skipped", " ".join(reason.split()))


if __name__ == "__main__":
    main()
