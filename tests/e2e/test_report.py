#!/usr/bin/env python3
"""test_report.py -- the numbers of report.html are those of SQL, and nothing in it can ask for anything or run.

What the page must say is computed here row by row from the view `vulnerabilities`, in Python.
"""
import collections
import datetime
import json
import shutil
import sqlite3
import time
import unittest

from harness import SLOW, Case, rows, say
from report_page import Page
from test_diff import changes, world

HOSTS = 40 if SLOW else 100
SETTINGS = {"publish.formats": "sqlite,html", "publish.keep": 2}
HOSTILE = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "</title></style></script><b>",
           "<!-- ", "]]><svg/onload=alert(1)>", "&lt;script&gt;", "javascript:alert(1)", "\u202egpj.exe", "\x01\x1b[31m\x7f", "{{sums}}{{/}}",
           "\U0001f512 ü", "x" * 5000, "\U0001f512" * 300, ""]


def days_between(text, as_of):
    if text is None:
        return None
    return int((datetime.datetime.fromisoformat(as_of) - datetime.datetime.fromisoformat(text)).total_seconds() / 86400)


class Sums:
    """What the page must say of a database."""

    def __init__(self, path):
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        db.row_factory = sqlite3.Row
        self.as_of = db.execute("SELECT max(started_at) FROM qidflow_run WHERE state = 'COMPLETE'").fetchone()[0]
        self.hosts = {r[0] for r in db.execute("SELECT ID FROM Q_Host_List")}
        self.open = [dict(r) for r in db.execute("SELECT * FROM vulnerabilities") if r["status"] != "Fixed" and r["type"] != "Info"]
        self.titles = dict(db.execute("SELECT QID, TITLE FROM Q_KnowledgeBase"))
        self.total = db.execute("SELECT count(*) FROM vulnerabilities").fetchone()[0]
        self.trurisk = dict(db.execute("SELECT ID, coalesce(TRURISK_SCORE, ASSET_RISK_SCORE) FROM Q_Host_List"))
        db.close()
        for d in self.open:
            d["age"] = days_between(d["first_found"], self.as_of)

    def of(self, detections):
        """Open, severity 5, severity 4, hosts, risk, over 90 days, overdue."""
        return [len(detections), sum(d["severity"] == 5 for d in detections), sum(d["severity"] == 4 for d in detections),
                len({d["host_id"] for d in detections}), sum(d["qds"] or 0 for d in detections),
                sum((d["age"] or 0) > 90 for d in detections), sum(d.get("overdue") or 0 for d in detections)]

    def by(self, name):
        groups = collections.defaultdict(list)
        for d in self.open:
            groups[d[name]].append(d)
        return {key: self.of(group) for key, group in groups.items()}

    def spans(self, detections):
        spans = [0] * 6
        for d in detections:
            age = d["age"]
            spans[5 if age is None else sum(age > end for end in (30, 90, 180, 365))] += 1
        return spans


class Report(Case):
    def page(self, folder):
        page = Page((folder / "report.html").read_text())
        self.assertEqual(page.outward(), [])
        return page

    def assert_numbers(self, page, sums):
        n = sums.of(sums.open)
        tiles = page.tiles()
        self.assertEqual([tiles["Open"], tiles["Severity 5, urgent"], tiles["Severity 4, critical"], tiles["Hosts with any open"],
                          tiles["Open for over 90 days"], tiles.get("Overdue", 0)], [n[0], n[1], n[2], n[3], n[5], n[6]])
        self.assertIn(f"on {n[3]:,} of {len(sums.hosts):,} hosts", page.source)
        self.assertIn(f"holds {sums.total:,} detections", page.source)
        self.assert_severities(page, sums)
        self.assert_qids(page, sums)
        self.assert_hosts(page, sums)
        point = page.points()[-1]
        self.assertEqual([point[k] for k in ("as_of", "open", "s5", "s4", "hosts_open", "risk", "old", "hosts")],
                         [sums.as_of, n[0], n[1], n[2], n[3], n[4], n[5], len(sums.hosts)])

    def assert_severities(self, page, sums):
        told = {row[0]: row for row in page.rows("t-severity")}
        for name, severity in (("5 urgent", 5), ("4 critical", 4), ("3 serious", 3), ("2 medium", 2), ("1 minimal", 1), ("All", None)):
            of = [d for d in sums.open if severity in (None, d["severity"])]
            self.assertEqual(told[name][1:10], [len(of), "", len({d["host_id"] for d in of})] + sums.spans(of), name)
            self.assertEqual(told[name][-1], max((d["age"] for d in of if d["age"] is not None), default=""), name)

    def assert_qids(self, page, sums):
        wanted = []
        for qid, n in sums.by("qid").items():
            of = [d for d in sums.open if d["qid"] == qid]
            wanted.append((-n[4], -max(d["severity"] or 0 for d in of), -n[0], qid, n[3], max(d["qds"] or -1 for d in of)))
        wanted = sorted(wanted)[:25]
        columns = [page.rows("t-qids", c) for c in ("QID", "Open", "Hosts", "Risk", "Highest QDS")] if wanted else [[]] * 5
        self.assertEqual([list(c) for c in zip(*columns)],
                         [[qid, -n, hosts, -risk, "" if qds < 0 else qds] for risk, _, n, qid, hosts, qds in wanted])

    def assert_hosts(self, page, sums):
        wanted = sorted((-n[4], -n[1], -n[2], -n[0], host) for host, n in sums.by("host_id").items())[:25]
        columns = [page.rows("t-hosts", c) for c in ("Risk", "Severity 5", "Severity 4", "Open", "TruRisk")] if wanted else [[]] * 5
        self.assertEqual([list(c) for c in zip(*columns)],
                         [[-risk, -s5, -s4, -n, "" if sums.trurisk[h] is None else sums.trurisk[h]] for risk, s5, s4, n, h in wanted])

    def assert_changes(self, page, expected):
        told = {row[0]: row[1:] for row in page.rows("t-changes")}
        sign = {"new": 1, "reopened": 1, "came_with_host": 1, "fixed": -1, "gone": -1, "went_with_host": -1}
        names = {"New": "new", "Reopened": "reopened", "Came with a host": "came_with_host", "Fixed": "fixed", "Gone": "gone",
                 "Went with a host": "went_with_host"}
        for label, kind in names.items():
            of = [c for c in expected if c[0] == kind]
            severity = [(c[4] if sign[kind] > 0 else c[3]) for c in of]
            self.assertEqual(told[label], [sign[kind] * n for n in [len(of)] + [severity.count(s) for s in (5, 4, 3, 2, 1, None)]], label)
        for i, n in enumerate(told["Open now"]):
            self.assertEqual(sum(row[i] for label, row in told.items() if label != "Open now"), n)

    # ---- of runs

    def test_runs(self):
        """Four runs, two snapshots kept: numbers, changes, and a trend of all four."""
        sim, data = self.simulator(HOSTS, limit=4, seed=5, recent=True), self.data()
        states, opens = [], []
        for number in range(4):
            if number:
                for _ in range(3):
                    sim.control("rescan", fraction=0.4)
                sim.control("remove", fraction=0.04)
                sim.control("add", n=4)
            states.append(world(sim.expect()))
            self.next_run(sim, data)
            page, sums = self.page(data.latest), Sums(data.latest / "vulnerabilities.sqlite")
            opens.append(len(sums.open))
            self.assert_numbers(page, sums)
            self.assertEqual("t-trend" in page.tables, number > 0)
            self.assertNotIn(0, page.rows("t-severity")[-1][4:9], "recent ones are of every age")
            if number:
                self.assert_changes(page, changes(*states[-2:]))
                self.assertEqual(page.rows("t-trend", "Open"), opens[::-1])
        self.assertEqual([p["open"] for p in page.points()], opens)
        self.assertEqual([p["run"] for p in page.points()], [1, 2, 3, 4])
        self.assert_in_manifest(data.latest)
        say(f"open: {opens}; the page has {len(page.source)} bytes")
        # The same run once more is not compared with itself, and stands once in the trend.
        export = self.qidflow("export", None, data, settings=SETTINGS)
        self.assertEqual(export.wait(60), 0, export.err)
        again = self.page(data.latest)
        self.assert_numbers(again, Sums(data.db))
        self.assertEqual([p["open"] for p in again.points()], opens)
        self.assert_changes(again, changes(*states[-2:]))

    def assert_in_manifest(self, folder):
        files = {f["name"]: f for f in json.loads((folder / "manifest.json").read_text())["files"]}
        self.assertEqual(files["report.html"]["bytes"], (folder / "report.html").stat().st_size)
        self.assertNotIn("rows", files["report.html"])

    def test_without_a_database(self):
        """html alone: the numbers are those of the working database; what changed cannot be told, and is not."""
        sim, data = self.simulator(20, limit=4), self.data()
        for number in range(2):
            self.next_run(sim, data, **{"publish.formats": "html"})
            page = self.page(data.latest)
            self.assert_numbers(page, Sums(data.db))
            self.assertNotIn("t-changes", page.tables)
            self.assertEqual(len(page.points()), 1 + number)
        self.assertIn("needs sqlite", page.source)
        self.assertEqual(sorted(p.name for p in data.latest.iterdir()), ["manifest.json", "report.html"])

    # ---- of databases made for the purpose

    def next_run(self, sim, data, **settings):
        """A run of another second: a page is compared with one of an earlier time."""
        time.sleep(1.1)
        self.run_qidflow(sim, data, settings={**SETTINGS, **settings})

    def export(self, database, **settings):
        to = self.temp / f"out{len(list(self.temp.iterdir()))}"
        export = self.qidflow("export", None, self.data("none"), "--to", to, "--database", database,
                              settings={"publish.formats": "sqlite,html", **settings})
        self.assertEqual(export.wait(120), 0, export.err)
        return self.page(to), to / "vulnerabilities.sqlite"

    def database(self, hosts=20, **options):
        sim, data = self.simulator(hosts, limit=4, **options), self.data("made")
        self.run_qidflow(sim, data, settings={"publish.formats": "none"})
        copy = self.temp / "copy.sqlite"
        db, to = sqlite3.connect(data.db), sqlite3.connect(copy)
        db.backup(to)
        db.close()
        return copy, to

    @staticmethod
    def spread_ages(db):
        """On both sides of each end of a span, by a day and by a second."""
        days = [(day, seconds) for end in (30, 90, 180, 365) for day in (end, end + 1) for seconds in (-1, 0, 1)]
        as_of = db.execute("SELECT max(started_at) FROM qidflow_run").fetchone()[0]
        for i, (row,) in enumerate(db.execute("SELECT detection_row FROM Q_Host_List_Detection_QIDS").fetchall()):
            day, seconds = days[i % len(days)]
            db.execute("UPDATE Q_Host_List_Detection_QIDS SET FIRST_FOUND_DATETIME = datetime(?, ?, ?) WHERE detection_row = ?",
                       (as_of, f"-{day} days", f"-{seconds} seconds" if seconds >= 0 else "+1 seconds", row))
        db.commit()

    def test_owners_and_due(self):
        """The columns that enrichment adds to the view, here by hand; one of the values is a hostile one."""
        path, db = self.database(60)
        self.spread_ages(db)
        sql = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'vulnerabilities'").fetchone()[0]
        due = "datetime(d.FIRST_FOUND_DATETIME, '+100 days')"
        more = ", CASE d.ID % 5 WHEN 0 THEN NULL WHEN 1 THEN '<b>Dev</b>' WHEN 2 THEN 'Web shop' ELSE 'Payments' END AS owner_owner," \
            f" iif(d.QID % 2, 'Linux', 'Windows') AS owner_team, {due} AS due," \
            f" iif(d.STATUS <> 'Fixed' AND d.TYPE <> 'Info', {due} < (SELECT max(started_at) FROM qidflow_run), 0) AS overdue"
        at = sql.index(' FROM "Q_Host_List_Detection_QIDS" AS d')
        db.executescript(f"DROP VIEW vulnerabilities; {sql[:at]}{more}{sql[at:]};")
        db.close()
        page, made = self.export(path)
        sums = Sums(made)
        self.assert_numbers(page, sums)
        for table, column in (("t-by0", "owner_owner"), ("t-by1", "owner_team")):
            told = {row[0]: row[1:2] + row[3:] for row in page.rows(table)}
            self.assertEqual(told, {key or "none": n for key, n in sums.by(column).items()})
            self.assertEqual(page.rows(table, "Open"), sorted(page.rows(table, "Open"), reverse=True))
        self.assertIn("<b>Dev</b>", [row[0] for row in page.rows("t-by0")])
        over = sorted(((d["due"], -d["severity"], d["host_id"], d["qid"]) for d in sums.open if d["overdue"]))[:25]
        self.assertEqual([[r[2], r[6]] for r in page.rows("t-overdue")], [[qid, due[:10]] for due, _, _, qid in over])
        self.assertGreater(len(over), 5)
        only, _ = self.export(path, **{"report.by": "owner_team,host_id"})
        self.assertEqual(only.rows("t-by0"), page.rows("t-by1"))
        self.assertNotIn("t-by2", only.tables)
        self.assert_others(only.rows("t-by1"), sums)

    def assert_others(self, told, sums):
        """By host: 50 of them, and a line for the rest, so that all is the total."""
        by = sums.by("host_id")
        self.assertEqual(told[-1][0], f"{len(by) - 50} others")
        self.assertEqual(len(told), 51)
        shown = {row[0] for row in told[:-1]}
        self.assertEqual(told[-1][1:2] + told[-1][3:], sums.of([d for d in sums.open if d["host_id"] not in shown]))
        self.assertEqual(sum(row[1] for row in told), len(sums.open))

    def test_hostile_names(self):
        path, db = self.database(len(HOSTILE) * 2)
        for table, key, columns in (("Q_KnowledgeBase", "QID", ("TITLE",)), ("Q_Host_List", "ID", ("DNS", "IP", "OS", "NETBIOS")),
                                    ("Q_Host_List_Detection_HOSTS", "ID", ("DNS", "IP", "OS"))):
            for i, (row,) in enumerate(db.execute(f"SELECT {key} FROM {table}").fetchall()):
                for column in columns:
                    db.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (HOSTILE[i % len(HOSTILE)], row))
        db.execute("UPDATE Q_KnowledgeBase SET CVE_LIST = ?", (json.dumps({"CVE": [{"ID": h} for h in HOSTILE[:3]]}),))
        db.execute("UPDATE qidflow_meta SET value = '<script>' WHERE name = 'database'")
        db.commit()
        db.close()
        page, made = self.export(path)
        self.assert_numbers(page, Sums(made))
        shown = {row[1] for row in page.rows("t-qids")} | {row[0] for row in page.rows("t-hosts")}
        for text in HOSTILE[:8]:
            self.assertIn(text.strip(), shown, "a name is shown as it is")
        self.assertIn("[U+202E]gpj.exe", shown)
        self.assertNotIn("\u202e", page.source)
        self.assertNotIn("x" * 500, page.source)
        self.assertLess(len(page.source), 200_000)

    def test_empty(self):
        """No run yet, and a subscription without hosts."""
        path, db = self.database(1)
        for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('qidflow_meta')").fetchall():
            db.execute(f'DELETE FROM "{name}"')
        db.commit()
        db.close()
        page, made = self.export(path)
        self.assertEqual(page.tiles()["Open"], 0)
        self.assertEqual(page.rows("t-severity", "Open"), [0] * 6)
        self.assertIn("None.", page.source)
        self.assertIn("A run was loading, or none was complete", page.source)
        self.assertEqual(rows(made, "SELECT count(*) FROM vulnerabilities")[0][0], 0)
        self.assert_colours(page)

    def assert_colours(self, page):
        """The worse, the more it stands out of the paper; on the dark one, where that is light, a pale one is not what is urgent."""
        schemes = page.colours()
        self.assertEqual(len(schemes), 3)
        for scheme in schemes:
            self.assertEqual(scheme, sorted(scheme, key=lambda c: -c[0]))
        self.assertEqual(schemes[1], sorted(schemes[1], key=lambda c: -c[1]))
        self.assertGreater(schemes[1][-1][0], 3)

    def test_a_damaged_snapshot_before(self):
        sim, data = self.simulator(10, limit=4), self.data()
        self.run_qidflow(sim, data, settings=SETTINGS)
        with (data.latest / "vulnerabilities.sqlite").open("r+b") as f:
            size = f.seek(0, 2)
            for at in range(32768, size, 32768):  # all pages but the first
                f.seek(at)
                f.write(b"\xff" * 4096)
        time.sleep(1.1)
        run = self.run_qidflow(sim, data, settings=SETTINGS)
        page = self.page(data.latest)
        self.assert_numbers(page, Sums(data.db))
        self.assertIn("The snapshot before could not be read", page.source)
        self.assertNotIn("t-changes", page.tables)
        self.assertRegex(run.err, r"ERROR .*vulnerabilities\.sqlite.* is damaged")

    def test_an_odd_page_before(self):
        """What stands in the page before is of anybody's hand: it may cost the trend, never the snapshot."""
        sim, data = self.simulator(10, limit=4), self.data()
        self.run_qidflow(sim, data, settings=SETTINGS)
        before = data.latest.resolve()
        kept = self.temp / "kept"
        shutil.copytree(before, kept)
        begins, ends = '<script type="application/json" id="qidflow-sums">', "</script>"
        odd = ["", "x", begins, begins + "{" + ends, begins + '{"points":7}' + ends, begins + '{"points":[1,null,[],{"as_of":"x"}]}' + ends,
               begins + '{"points":[{"as_of":"2020-01-02 03:04:05","open":"<b>","run":1e400}]}' + ends,
               begins + '{"points":[{"as_of":"2999-01-02 03:04:05","open":7}]}' + ends]
        for text in odd:
            (before / "report.html").write_text(text)
            self.next_run(sim, data, **{"publish.keep": 20})
            page = self.page(data.latest)
            self.assert_numbers(page, Sums(data.db))
            self.assertLessEqual(len(page.points()), 2, text)
            self.assertIn("t-changes", page.tables)
            shutil.rmtree(data.latest.resolve())  # the odd one is the newest again


if __name__ == "__main__":
    unittest.main()
