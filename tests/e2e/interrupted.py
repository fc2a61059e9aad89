#!/usr/bin/env python3
"""interrupted.py -- each target of distribution is interrupted at seeded moments, in each way that there is, and then sent to again.

    tests/e2e/interrupted.py [TARGET…] [--fault NAME] [--moments N] [--seed S]

TARGET: directory, s3, postgresql, command; all of them without. NAME: one of FAULTS. A moment: a new snapshot is published, and
`qidflow distribute` sends it while the fault comes. What it leaves broken is mended, and the next `qidflow distribute` must end
well: then the target holds the whole snapshot once and nothing else, and a third one has nothing to send. A reader polls all the
time, and what it sees is always a whole snapshot. A line for each fault says how many of the moments interrupted the sending.

Faults come where so many bytes, or calls, have passed. A full disk is a small tmpfs where there is the right to mount one, else
(for a bucket always) a limit to the size of the server's files.
"""
import argparse
import unittest

from interrupted_bucket import Bucket
from interrupted_folder import Command, Directory
from interrupted_schema import Schema
from moments import FAULTS, Moments
from targets import own_mounts

TARGETS = {"directory": Directory, "s3": Bucket, "postgresql": Schema, "command": Command}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("target", nargs="*", choices=[*TARGETS, []], default=[])
    parser.add_argument("--fault", choices=FAULTS)
    parser.add_argument("--moments", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    Moments.chosen = parser.parse_args()
    own_mounts()
    cases = [TARGETS[name]("test_moments") for name in Moments.chosen.target or TARGETS]
    raise SystemExit(not unittest.TextTestRunner(verbosity=2).run(unittest.TestSuite(cases)).wasSuccessful())


if __name__ == "__main__":
    main()
