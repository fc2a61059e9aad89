#!/usr/bin/env python3
"""test_enrich.py -- a user's own files and SQL: joined as Python joins them, and never the end of a run."""
import csv
import gzip
import hashlib
import ipaddress
import itertools
import json
import random
import threading
import unittest

from harness import ROOT, Case, rows

SAMPLES = ROOT / "compose/examples/enrich"


class Enrich(Case):
    def source(self, name, match, lines, **more):
        """Settings of [enrich.NAME], with a file of these lines."""
        path = self.temp / f"{name}.csv"
        made = self.temp / f".{name}"
        made.write_text("".join(line + "\r\n" for line in lines))
        made.rename(path)
        return {f"enrich.{name}.file": path, f"enrich.{name}.match": match,
                **{f"enrich.{name}.{key}": value for key, value in more.items()}}

    def snapshot(self, data):
        return data.latest / "vulnerabilities.sqlite"

    def status(self, data):
        status = self.qidflow("status", None, data, "--json")
        self.assertEqual(status.wait(20), 0, status.err)
        return json.loads(status.out)

    def test_joined_as_python_joins(self):
        sim, data = self.simulator(80, no_traps=True), self.data()
        self.run_qidflow(sim, data, settings={"publish.formats": "none"})
        dice = random.Random(5)
        networks = {str(ipaddress.ip_network(f"10.0.0.{dice.randrange(80)}/{dice.choice((8, 25, 27, 28, 30, 32))}", False))
                    for _ in range(60)}
        cves = sorted({c[0] for c in rows(data.db, "SELECT CVE FROM Q_KnowledgeBase_CVE_LIST")})[::3]
        score = {cve: dice.randrange(1, 10**5) / 10**5 for cve in cves}
        settings = {
            **self.source("net", "network", ["# ours", "cidr,owner"] + [f'{n},"of {n}, us"' for n in sorted(networks)]),
            **self.source("epss", "cve", ["cve,epss"] + [f"{c},{s:.5f}" for c, s in score.items()], several="highest",
                          numbers="epss"),
            **self.source("tags", "tag", ["tag,team", "web,W", "prod,P", "DMZ,D"], several="all"),
            "due.severity5": 10}
        self.run_qidflow(sim, data, settings=settings)
        manifest = self.assert_published(data)
        sums = [hashlib.sha256(settings[f"enrich.{name}.file"].read_bytes()).hexdigest() for name in ("net", "epss", "tags")]
        self.assertEqual(manifest["enrich"], [
            {"name": name, "state": "good", "rows": n, "loaded_at": manifest["run"]["started_at"], "sha256": sha256}
            for name, n, sha256 in zip(("net", "epss", "tags"), (len(networks), len(score), 3), sums)])

        def owner(ip):
            holds = [n for n in map(ipaddress.ip_network, networks) if ipaddress.ip_address(ip) in n]
            return f"of {max(holds, key=lambda n: n.prefixlen)}, us" if holds else None
        of_qid = {}
        for qid, cve in rows(data.db, "SELECT QID, CVE FROM Q_KnowledgeBase_CVE_LIST"):
            of_qid[qid] = max(of_qid.get(qid, 0), score.get(cve, 0))
        teams = {"web": "W", "prod": "P", "DMZ": "D"}
        tags = {h["ID"]: {t.get("NAME") for t in json.loads(h["TAGS"] or '{"TAG":[]}')["TAG"]}
                for h in rows(data.db, "SELECT ID, TAGS FROM Q_Host_List")}
        found = rows(self.snapshot(data), "SELECT * FROM vulnerabilities")
        self.assertGreater(len(found), 500)
        for r in found:
            self.assertEqual(r["net_owner"], owner(r["ip"]), r["ip"])
            self.assertEqual(r["epss_epss"], of_qid.get(r["qid"], 0) or None, r["qid"])
            has = [t for name, t in teams.items() if name in tags[r["host_id"]]]
            self.assertEqual(json.loads(r["tags_team"] or "[]"), has, r["host_id"])
        self.assertGreater(len({r["net_owner"] for r in found}), 10)
        self.assertGreater(sum(r["epss_epss"] is not None for r in found), 50)
        self.assert_files(data, found)

    def assert_files(self, data, found):
        """CSV and JSON lines have them, too, and lists are JSON there."""
        with gzip.open(data.latest / "vulnerabilities.csv.gz", "rt", newline="") as f:
            lines = list(csv.DictReader(f))
        self.assertEqual([r["net_owner"] for r in lines], [r["net_owner"] or "" for r in found])
        self.assertEqual([r["overdue"] for r in lines], [str(r["overdue"]) for r in found])
        with gzip.open(data.latest / "hosts.jsonl.gz", "rt") as f:
            hosts = [json.loads(line) for line in f]
        self.assertTrue(any(isinstance(h.get("tags_team"), list) for h in hosts))
        with gzip.open(data.latest / "knowledgebase.jsonl.gz", "rt") as f:
            self.assertTrue(any(isinstance(json.loads(line).get("epss_epss"), float) for line in f))

    def test_broken_never_stops_a_run(self):
        sim, data = self.simulator(20, no_traps=True), self.data()
        settings = self.source("net", "network", ["net,owner", "10.0.0.0/8,Ops", "nonsense,Web", '10.0.0.0/16,"C"x', ",Net"])
        settings["due.earlier"] = "net_owner"
        run = self.run_qidflow(sim, data, settings=settings)
        self.assertEqual(self.status(data)["enrich"][0]["without_key"], 1)
        why = "net_owner: 1 values are no dates (YYYY-MM-DD), the first 'Ops' in line 2"
        self.assertIn(f"due.earlier: {why}: these set no date", run.err)
        self.assertEqual(self.status(data)["due_error"], why)
        self.assertIn("2 lines cannot be read: line 3 its key is not a network", run.err)
        for text, state, why in (("net;owner\n", "broken", "but a semicolon: set separator = semicolon"), ("", "broken", "it has no header"),
                                 (None, "missing", "No such file")):
            path = settings["enrich.net.file"]
            path.unlink() if text is None else path.write_text(text)
            run = self.run_qidflow(sim, data, settings=settings)
            self.assertIn(why, run.err)
            source = self.status(data)["enrich"][0]
            self.assertEqual((source["state"], source["rows"], source["matched"]), (state, 1, 20))
            self.assertEqual([(s["state"], s["rows"]) for s in self.assert_published(data)["enrich"]], [(state, 1)])
            self.assertIn(why, source["error"])
            self.assertEqual({r[0] for r in rows(self.snapshot(data), "SELECT net_owner FROM vulnerabilities")}, {"Ops"})
        check = self.qidflow("check", sim, data, settings=settings)
        self.assertEqual(check.wait(60), 1)
        self.assertIn("FAILED  enrich.net", check.out.decode())
        plain = self.qidflow("status", None, data)
        self.assertEqual(plain.wait(20), 0)
        self.assertIn("No such file or directory; what was loaded before stays", plain.out.decode())
        self.assertIn("due.earlier: net_owner: 1 values", plain.out.decode())
        self.assertIn("\n    1 rows without a key\n", plain.out.decode())
        run = self.run_qidflow(sim, data)  # by hand, without the settings: what was loaded stays, and snapshots have it
        self.assertIn("WARN  loader: the settings have neither [enrich.NAME] nor [due]", run.err)
        self.assertEqual({r[0] for r in rows(self.snapshot(data), "SELECT net_owner FROM vulnerabilities")}, {"Ops"})
        self.assertEqual(self.status(data)["enrich"][0]["state"], "kept")
        self.run_qidflow(sim, data, settings={"enrich.forget": "yes"})  # as if it had never been
        self.assertEqual(rows(data.db, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'qidflow_enrich%'")[0][0], 0)
        self.assert_exact(sim, data)

    def test_replaced_while_it_is_read(self):
        """All hosts have values of one file, whoever renames another to its name meanwhile; one that is written to stays out."""
        sim, data = self.simulator(40, no_traps=True), self.data()
        lines = [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(100_000)]
        random.Random(1).shuffle(lines)
        texts = ["ip,owner\n" + "".join(f"{ip},{owner}\n" for ip in lines) for owner in ("Ops", "Web", "Net")]
        path, over = self.temp / "own.csv", threading.Event()
        settings = {"enrich.own.file": path, "enrich.own.match": "ip", "publish.formats": "sqlite"}
        path.write_text(texts[0])

        def rename():
            for i in itertools.count():
                (self.temp / ".own.csv").write_text(texts[i % 2])
                (self.temp / ".own.csv").rename(path)
                if over.wait(0.01):
                    return

        def write_over():
            while not over.wait(0.01):
                with open(path, "r+") as f:
                    f.write(texts[2])

        for writer in (rename, write_over):
            over.clear()
            thread = threading.Thread(target=writer)
            thread.start()
            try:
                self.run_qidflow(sim, data, settings=settings)
            finally:
                over.set()
                thread.join()
            source = self.status(data)["enrich"][0]
            owners = {r[0] for r in rows(self.snapshot(data), "SELECT own_owner FROM vulnerabilities")}
            self.assertEqual((len(owners), source["rows"]), (1, len(lines)), owners)
            if source["state"] != "good":
                self.assertEqual((writer, owners & {"Net"}), (write_over, set()))
                self.assertIn("written to while it was read", source["error"])

    def test_sections_change(self):
        """Renamed, exchanged, with fewer and with more columns: what was taken goes, what is new comes, and the run goes on."""
        sim, data = self.simulator(20, no_traps=True), self.data()
        lines = ["net,owner,team", "10.0.0.0/8,Ops,Blue"]

        def columns(settings):
            self.run_qidflow(sim, data, settings=settings)
            names = {r[0] for r in rows(self.snapshot(data), "SELECT name FROM pragma_table_info('vulnerabilities')")}
            return sorted(n for n in names if n.startswith(("a_", "b_", "c_")))

        a, b, c = (self.source(n, "network", lines) for n in "abc")
        self.assertEqual(columns({**a, **b}), ["a_owner", "a_team", "b_owner", "b_team"])
        self.assertEqual(columns({**c, **b}), ["b_owner", "b_team", "c_owner", "c_team"])
        b = self.source("b", "network", ["net,owner,team,site", "10.0.0.0/8,Ops,Blue,Rome"])
        self.assertEqual(columns({**b, **c, "enrich.c.columns": "owner"}), ["b_owner", "b_site", "b_team", "c_owner"])
        self.assertEqual(columns({**a}), ["a_owner", "a_team"])
        self.assert_exact(sim, data)

    def test_check_of_sql(self):
        """Before there is any database: with the columns that the settings will give it, and the same rules."""
        sim, data = self.simulator(5, no_traps=True), self.data()
        own = self.temp / "own.sql"
        settings = {"publish.sql": own, "due.severity5": 3, "due.earlier": "kev_due kev_gone",
                    **self.source("kev", "cve", ["cve,due", "CVE-2023-1,soon"])}

        def check(text, status, *expected):
            own.write_text(text)
            process = self.qidflow("check", sim, data, settings=settings)
            self.assertEqual(process.wait(60), status, process.err)
            for line in expected:
                self.assertIn(line, process.out.decode())

        good = "CREATE VIEW mine AS SELECT kev_due, due FROM vulnerabilities;\nCREATE INDEX i ON Q_Host_List(OS);\n"
        check(good, 0, f"ok      publish.sql   : {own}\n",
              "warn    due.earlier   : kev_due: 1 values are no dates (YYYY-MM-DD), the first 'soon' in line 2; kev_gone: no source")
        check(good + "SELECT owner\nFROM mine;", 1, f"FAILED  publish.sql   : {own}, line 3: no such column: owner: SELECT")
        check(good + "SELECT * FROM qidflow_host;", 1, "line 3: no such table: qidflow_host")  # a snapshot has none
        check("DROP VIEW vulnerabilities", 1, "line 1: vulnerabilities stays as it is")
        check("CREATE TABLE n(a NOT NULL, b CHECK(b > 0));\nINSERT INTO n SELECT sum(ID), count(*) FROM Q_Host_List", 0,
              f"warn    publish.sql   : depends on rows, cannot be tried without them, nor what follows: {own}, line 2: NOT NULL")
        settings["enrich.kev.file"].unlink()
        check(good, 1, "warn    publish.sql   : not tried")
        own.unlink()
        self.assertFalse(data.db.exists())

    def test_sql_with_an_error(self):
        sim, data = self.simulator(20, no_traps=True), self.data()
        self.run_qidflow(sim, data)
        before = data.latest.resolve()
        own = self.temp / "own.sql"
        settings = {"publish.sql": own}
        own.write_text("CREATE TABLE mine AS SELECT count(*) AS n FROM vulnerabilities;\nSELECT m\nFROM mine;\n")
        run = self.run_qidflow(sim, data, status=3, settings=settings)
        self.assertIn("own.sql, line 2: no such column: m: SELECT m", run.err)
        self.assertEqual(data.latest.resolve(), before)
        self.assert_published(data)
        status = self.status(data)
        self.assertIn("line 2: no such column", status["publish_error"])
        self.assertEqual(status["publish_remedy"], "qidflow export")
        plain = self.qidflow("status", None, data)
        self.assertEqual(plain.wait(30), 0, plain.err)
        self.assertRegex(plain.out.decode(), "(?s)publish.sql: .*line 2.*\n +`qidflow export` publishes it")
        self.assertEqual([r["state"] for r in status["runs"]], ["COMPLETE", "COMPLETE"])
        self.assert_exact(sim, data)
        export = self.qidflow("export", None, data, settings=settings)
        self.assertEqual(export.wait(60), 1, export.err)
        self.assertEqual(data.latest.resolve(), before)
        own.write_text("CREATE TABLE mine AS SELECT count(*) AS n FROM vulnerabilities")
        export = self.qidflow("export", None, data, settings=settings)  # it is mended
        self.assertEqual(export.wait(60), 0, export.err)
        self.assertNotEqual(data.latest.resolve(), before)
        self.assertGreater(rows(self.snapshot(data), "SELECT n FROM mine")[0][0], 100)
        status = self.status(data)
        self.assertIsNone(status["publish_error"])
        self.assertIsNone(status["publish_remedy"])
        self.assertEqual(status["runs"][0]["published"], data.latest.resolve().name)
        self.run_qidflow(sim, data, settings=settings)

    def test_settings(self):
        data = self.data()
        sim = self.simulator(5)
        for settings, why in (({"publish.sql": "x", "publish.formats": "csv"}, "must have sqlite"),
                              ({"enrich.a.match": "tag"}, "enrich.a.file = FILE"),
                              ({"due.earlier": "kev_dueDate"}, "is no column of an [enrich.NAME]")):
            for command in ("run", "check", "export"):
                process = self.qidflow(command, sim, data, settings=settings)
                self.assertEqual(process.wait(60), 2, process.err)
                self.assertIn(why, process.err)

    def test_samples(self):
        """What is bundled joins what the demo's subscription has."""
        sim, data = self.simulator(300, no_traps=True, seed=1, qids=2000, detections=30), self.data()
        self.run_qidflow(sim, data, "--config", SAMPLES / "enrich.ini")  # its paths are relative to it
        sources = {s["name"]: s for s in self.status(data)["enrich"]}
        self.assertEqual(set(sources), {"application", "patching", "kev", "epss"})
        self.assertIsNone(self.status(data)["due_error"])
        for s in sources.values():
            self.assertEqual((s["state"], s["unreadable"], s["duplicates"]), ("good", 0, 0), s)
            self.assertGreater(s["matched"], 5, s)
        found = rows(self.snapshot(data), """
            SELECT patching_team, count(*) FROM vulnerabilities
            WHERE kev_dateAdded IS NOT NULL AND overdue AND epss_epss > 0.3 GROUP BY 1""")
        self.assertGreater(len(found), 3)


if __name__ == "__main__":
    unittest.main()
