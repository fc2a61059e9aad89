#!/usr/bin/env python3
"""test_diff.py -- `qidflow diff` on two snapshots tells what the simulator did between them, neither more nor less.

What it did is computed here from the two databases that the simulator says a correct extraction would have left, by rules
written down again in Python; the snapshots come from real runs.
"""
import csv
import io
import json
import random
import sqlite3
import unittest

from harness import SLOW, Case, say

HOSTS = 40 if SLOW else 120
SETTINGS = {"publish.formats": "sqlite", "publish.keep": 20}
KINDS = ("new", "reopened", "came_with_host", "fixed", "gone", "went_with_host", "severity", "qds", "host_came", "host_gone")


def world(path):
    """Hosts, and each detection by (host, unique id): (open, severity, QDS, status)."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    hosts = {r[0] for r in db.execute("SELECT ID FROM Q_Host_List")}
    level = dict(db.execute("SELECT QID, SEVERITY_LEVEL FROM Q_KnowledgeBase"))
    found = {}
    for host, key, qid, severity, qds, status, kind in db.execute(
            "SELECT ID, UNIQUE_VULN_ID, QID, SEVERITY, QDS, STATUS, TYPE FROM Q_Host_List_Detection_QIDS"):
        if kind == "Info":
            continue
        severity = level.get(qid) if severity is None else severity
        found[host, key] = (status != "Fixed", severity, qds, status)
    db.close()
    return hosts, found


def changes(before, after):
    """Every change that there is, as (kind, host, key, severity before, severity, QDS before, QDS)."""
    hosts_a, a = before
    hosts_b, b = after
    nothing = (False, None, None, None)
    told = {("host_came", h, None, None, None, None, None) for h in hosts_b - hosts_a}
    told |= {("host_gone", h, None, None, None, None, None) for h in hosts_a - hosts_b}
    for at in a.keys() | b.keys():
        x, y = a.get(at, nothing), b.get(at, nothing)
        kinds = []
        if y[0] and not x[0]:
            kinds = ["reopened" if at in a else "new" if at[0] in hosts_a else "came_with_host"]
        elif x[0] and not y[0]:
            kinds = ["fixed" if at in b else "gone" if at[0] in hosts_b else "went_with_host"]
        elif x[0] and y[0]:
            kinds = [kind for kind, i in (("severity", 1), ("qds", 2)) if x[i] != y[i]]
        told |= {(kind, *at, x[1], y[1], x[2], y[2]) for kind in kinds}
    return told


def number(text):
    return int(text) if text not in ("", None) else None


class Diff(Case):
    def diff(self, data, *words, status=0):
        process = self.qidflow("diff", None, data, *words)
        self.assertEqual(process.wait(60), status, process.err)
        return process.out.decode()

    def told(self, rows):
        return [(r["kind"], int(r["host_id"]), number(r.get("detection_key")), number(r.get("severity_before")),
                 number(r.get("severity")), number(r.get("qds_before")), number(r.get("qds"))) for r in rows]

    def assert_tells(self, data, expected, *words):
        as_csv = self.told(csv.DictReader(io.StringIO(self.diff(data, *words, "--format", "csv"), newline="")))
        as_json = self.told(json.loads(line) for line in self.diff(data, *words, "--format", "json").split("\n") if line)
        self.assertEqual(as_csv, as_json)
        self.assertEqual(len(as_csv), len(set(as_csv)), "a change is told twice")
        told = set(as_csv)
        self.assertEqual((sorted(told - expected, key=str)[:20], sorted(expected - told, key=str)[:20]), ([], []), "told, expected")
        self.assertEqual([r[1] for r in as_csv], sorted(r[1] for r in as_csv), "not in the order of hosts")
        self.assert_table(self.diff(data, *words), expected)
        self.assert_groups(self.diff(data, *words, "--by", "tracking_method"), expected)

    def assert_table(self, text, expected):
        """The table has the same numbers, and they balance for each severity."""
        lines = {}
        for line in text.splitlines():
            for label in ("before", "+ new", "+ reopened", "+ came with a host", "- fixed", "- gone", "- went with a host",
                          "  severity changed, net", "after"):
                if line.startswith(label + "  "):
                    lines[label] = [int(n.replace(",", "")) for n in line[len(label):].split()]
        of = {kind: sum(1 for c in expected if c[0] == kind) for kind in KINDS}
        for label, kind in (("+ new", "new"), ("+ reopened", "reopened"), ("+ came with a host", "came_with_host"),
                            ("- fixed", "fixed"), ("- gone", "gone"), ("- went with a host", "went_with_host")):
            self.assertEqual(abs(lines[label][0]), of[kind], text)
        lines["  severity changed, net"].insert(0, 0)
        for column in range(7):
            self.assertEqual(sum(n[column] for label, n in lines.items() if label != "after"), lines["after"][column], text)
        self.assertIn(f"{of['host_came']} came, {of['host_gone']} gone", text)

    def assert_groups(self, text, expected):
        """Of each kind the groups have them all; what a group is listed for can be seen in its line."""
        heads = ("new", "reopened", "came", "fixed", "gone", "went", "severity", "qds", "hosts come", "hosts gone")
        lines = text.partition("\ntracking_method ")[2].splitlines()
        if lines:
            self.assertEqual(lines[0].split(), " ".join(heads).split())
        rows = [[int(n.replace(",", "")) for n in line.split()[-len(heads):]] for line in lines[1:]]
        self.assertNotIn(0, map(sum, rows), text)
        self.assertEqual([sum(row[i] for row in rows) for i in range(len(heads))],
                         [sum(1 for c in expected if c[0] == kind) for kind in KINDS], text)

    def rounds(self, seed, change, n=3):
        dice = random.Random(seed)
        sim, data = self.simulator(HOSTS, limit=4, seed=seed), self.data(f"data{seed}")
        states = [world(sim.expect())]
        self.run_qidflow(sim, data, settings=SETTINGS)
        seen = dict.fromkeys(KINDS, 0)
        for _ in range(n):
            change(sim, dice)
            states.append(world(sim.expect()))
            self.run_qidflow(sim, data, settings=SETTINGS)
            expected = changes(*states[-2:])
            self.assert_tells(data, expected)
            for kind in KINDS:
                seen[kind] += sum(1 for c in expected if c[0] == kind)
        names = sorted((p.name for p in (data.folder / "publish").iterdir() if not p.is_symlink()),
                       key=lambda name: (name[:16], int(name[17:] or 1)))
        self.assertEqual(len(names), n + 1)
        self.assert_tells(data, changes(states[0], states[-1]), names[0])
        self.assert_tells(data, changes(states[-1], states[0]), names[-1], str(data.folder / "publish" / names[0]))
        self.assert_tells(data, set(), "latest", str(data.latest / "vulnerabilities.sqlite"))
        export = self.qidflow("export", None, data, settings=SETTINGS)  # of the same run once more
        self.assertEqual(export.wait(60), 0, export.err)
        self.assert_tells(data, changes(*states[-2:]))
        say(f"seed {seed}: " + ", ".join(f"{n} {kind}" for kind, n in seen.items()))
        return seen

    @staticmethod
    def everything(sim, dice):
        for _ in range(dice.randint(1, 6)):  # what is fixed is reopened three scans later
            sim.control("rescan", fraction=round(dice.uniform(0.1, 0.7), 2))
        sim.control("remove", fraction=round(dice.uniform(0, 0.06), 2))
        sim.control("add", n=dice.randint(0, 7))
        sim.control("kb_touch", fraction=0.1)

    def test_everything(self):
        """Of the kinds that the simulator knows each occurs; seeds say how much."""
        seen = dict.fromkeys(KINDS, 0)
        for seed in (11,) if SLOW else (11, 12):
            for kind, n in self.rounds(seed, self.everything).items():
                seen[kind] += n
        for kind in KINDS:
            if not SLOW or kind != "severity":  # of few hosts none, maybe
                self.assertGreater(seen[kind], 0, kind)

    def test_nothing(self):
        sim, data = self.simulator(HOSTS // 2, limit=4), self.data()
        for _ in range(2):
            self.run_qidflow(sim, data, settings=SETTINGS)
        self.assert_tells(data, set())

    def test_words(self):
        sim, data = self.simulator(10, limit=4), self.data()
        self.assertIn("a run makes one", self.failed(data, 1))
        self.run_qidflow(sim, data, settings=SETTINGS)
        self.assertIn("two are compared", self.failed(data, 1))
        self.run_qidflow(sim, data, settings=SETTINGS)
        self.assertNotIn("WARN", self.warned(data))
        before, after = sorted(p for p in (data.folder / "publish").iterdir() if not p.is_symlink())
        self.assertIn("later than run 1 of", self.warned(data, str(after), str(before)))
        with sqlite3.connect(before / "vulnerabilities.sqlite") as db:
            db.execute("UPDATE qidflow_meta SET value = 'another' WHERE name = 'database'")
        self.assertIn("is of the database another", self.warned(data, str(before)))
        self.assertIn("no snapshot nowhere", self.failed(data, 2, "nowhere"))
        self.assertIn("two can be compared", self.failed(data, 2, "a", "b", "c"))
        self.assertIn("table, csv, json", self.failed(data, 2, "--format", "xml"))
        self.assertIn("has a column owner", self.failed(data, 2, "--by", "owner"))
        self.assertIn("detections_by_host", self.failed(data, 1, str(data.db)))
        (after / "manifest.json").write_text("{")
        self.assertIn(f"{after.name}/manifest.json cannot be read", self.failed(data, 1))
        self.warned(data, before.name, after.name)

    def warned(self, data, *words):
        process = self.qidflow("diff", None, data, *words)
        self.assertEqual(process.wait(60), 0, process.err)
        return process.err

    def failed(self, data, status, *words):
        process = self.qidflow("diff", None, data, *words)
        self.assertEqual(process.wait(60), status, process.err)
        self.assertEqual(process.out, b"")
        return process.err


if __name__ == "__main__":
    unittest.main()
