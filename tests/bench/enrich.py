#!/usr/bin/env python3
"""enrich.py -- seconds and MB that sources cost a run: 100,000 networks, and 1,000,000 owners by DNS name.

    python3 -B tests/bench/enrich.py [BUILD]

A run against the simulator makes the database; then 200,000 hosts are put into it, and the same run is measured without a source
and with each. Nothing is published: what is measured is reading the file and finding each host's value.
"""
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402

HOSTS, NETWORKS, OWNERS = 200_000, 100_000, 1_000_000
if len(sys.argv) > 1:
    harness.BUILD = Path(sys.argv.pop()).resolve()


def fill(path):
    db = sqlite3.connect(path)
    db.execute(f"""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {HOSTS})
        INSERT INTO Q_Host_List(ID, IP, DNS, COMMENTS)
        SELECT i, '10.' || (i >> 16 & 255) || '.' || (i >> 8 & 255) || '.' || (i & 255), 'srv' || i || '.corp.example.com',
               hex(zeroblob(700)) FROM n""")
    db.execute("INSERT INTO qidflow_host(id, seq, list_run, list_number, listed) SELECT ID, 1000000 + ID, 1, 1, 1 FROM Q_Host_List "
               f"WHERE ID <= {HOSTS}")
    db.commit()
    db.close()


def write_networks(path):
    dice, seen = random.Random(3), set()
    with open(path, "w") as f:
        f.write("network,owner,team\n")
        while len(seen) < NETWORKS:
            length = dice.choice((8, 12, 16, 18, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30, 32))
            a = dice.getrandbits(18) | 10 << 24 if dice.random() < .7 else dice.getrandbits(32)
            a &= 0xffffffff << 32 - length & 0xffffffff
            if (a, length) not in seen:
                seen.add((a, length))
                f.write(f"{a >> 24}.{a >> 16 & 255}.{a >> 8 & 255}.{a & 255}/{length},Owner {a % 5000},Team {a % 97}\n")


def write_owners(path):
    with open(path, "w") as f:
        f.write("dns,owner,team,cost_centre\n")
        for i in range(OWNERS):
            f.write(f'srv{i}.corp.example.com,"Owner {i % 5000}, Division {i % 31}",Team {i % 97},{100000 + i % 9000}\n')


def high_water_kb(pid):
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


class Bench(harness.Case):
    def measure(self, what, settings):
        data = self.data(what.replace(" ", "-"))
        data.folder.mkdir()
        subprocess.run(["cp", self.made.db, data.db], check=True)
        sim = self.simulator(20, no_traps=True)
        run = self.qidflow("run", sim, data, settings={"publish.formats": "none", **settings})
        peak_kb = 0
        while run.poll() is None:  # wait4() would tell Python's own memory, where that was more
            peak_kb = max(peak_kb, high_water_kb(run.pid))
            time.sleep(0.02)
        self.assertEqual(run.ended, 3, run.tail())  # the simulator has none of these hosts, and they are not purged
        took = [line.split("INFO  loader: ")[1] for line in run.lines if "enrich." in line]
        harness.say(f"{what}: {run.seconds:.1f} s, {run.cpu:.2f} s of CPU, {peak_kb / 1000:.0f} MB; {' '.join(took)}")

    def test_it(self):
        self.made = self.data("made")
        self.run_qidflow(self.simulator(20, no_traps=True), self.made, settings={"publish.formats": "none"})
        fill(self.made.db)
        networks, owners = self.temp / "networks.csv", self.temp / "owners.csv"
        write_networks(networks)
        write_owners(owners)
        self.measure("without", {})
        self.measure("networks", {"enrich.net.file": networks, "enrich.net.match": "network"})
        self.measure("owners", {"enrich.own.file": owners, "enrich.own.match": "dns"})


if __name__ == "__main__":
    harness.unittest.main()
