"""bench.py -- the tables of tests/bench/run.sh, one function each. All figures are of this machine in this minute; what
can be compared with other days are the ratios.

  stages   each stage alone, in one thread: libxml2 alone, XML to records, pack, unpack, store, CSV, JSON, gzip
  run      the whole `qidflow run` over the bare pipeline of the same parts (bare.c), plain and gzip, in turn
  memory   peak memory of `qidflow run`, with publishing, by the number of hosts
  growth   cost per detection in a large database over that in a small one, of new hosts and of 1 % of them again, in the
           order of ids as the API gives them; an incremental run over a full one
  api      wall time over the ideal when the API is what limits
  publish  `qidflow export` over VACUUM INTO, CSV, JSON and gzip of the same rows alone
  kafka    coordinator, one fetcher or four, and loader over a real broker, over the bare pipeline; the broker's CPU apart

A new table is a function table_<name>(bench)."""
import argparse
import collections
import os
import pathlib
import shutil
import statistics
import tempfile

import cluster
import measure

GOAL = "goal"


def say(*words):
    print(*words, flush=True)


def of_stage(lines, names):
    """Stage to its best round."""
    rounds = collections.defaultdict(list)
    for name, cpu, size, rows in lines:
        rounds[name].append((cpu, size, rows))
    return [(name, min(rounds[name])) for name in names]


def table_stages(bench):
    hosts = 400 if bench.quick else 1500
    xml = bench.folder / "answer.xml"
    with bench.simulator(hosts) as simulator:
        simulator.save_answer(xml)
    lines = [line for _ in range(3 if bench.quick else 7) for line in bench.stages("stages", xml, bench.folder)]
    xml_bytes = lines[0][2]
    detections = max(line[3] for line in lines if line[0] == "xml")
    best = dict(of_stage(lines, ("null", "xml", "pack", "unpack", "store", "csv", "json", "gzip")))
    say(f"stages alone, {xml_bytes / 1e6:.0f} MB of XML, {detections} detections, best of the rounds")
    say("  stage    MB/s of XML   detections/s   CPU s/GB   over null")
    for name, (cpu, _, _) in best.items():
        say(f"  {name:8} {xml_bytes / cpu / 1e6:11.0f} {detections / cpu:14.0f} {cpu / xml_bytes * 1e9:10.2f} "
            f"{cpu / best['null'][0]:11.2f}")
    xml.unlink()


def line_of_run(what, runs):
    best = min(runs, key=lambda r: r.cpu / r.gb)
    return (f"  {what:8} {best.cpu / best.gb:6.2f} CPU s/GB {1e6 * best.cpu / best.detections:6.1f} us/detection "
            f"{1e3 * best.gb / min(r.wall for r in runs):5.0f} MB/s {best.detections / min(r.wall for r in runs):8.0f} "
            f"detections/s  {max(r.peak_mib for r in runs):4.0f} MiB  wall over busiest thread "
            f"{measure.spread([r.wall / r.busiest for r in runs])}")


def compare_runs(bench, hosts, gzip):
    bare, ours = [], []
    with bench.simulator(hosts, *(["--gzip"] if gzip else [])) as simulator:
        for _ in range(3 if bench.quick else 9):
            bare.append(bench.bare(simulator.url, *(["gzip"] if gzip else [])))
            ours.append(bench.qidflow(simulator.url, "data", f"qualys.gzip={'yes' if gzip else 'no'}"))
    ratios = [(o.cpu / o.gb) / (b.cpu / b.gb) for b, o in zip(bare, ours)]
    best = min(o.cpu / o.gb for o in ours) / min(b.cpu / b.gb for b in bare)
    say(f"run, {'gzip' if gzip else 'plain'}, {hosts} hosts, {ours[0].detections} detections, {ours[0].gb:.3f} GB of XML")
    say(line_of_run("bare", bare))
    say(line_of_run("qidflow", ours))
    say(f"  CPU per GB over bare: {measure.spread(ratios)}, of the best of each {best:.2f}; {GOAL} 1.25. "
        f"Wall over the busiest thread: {GOAL} 1.3")


def table_run(bench):
    for gzip in (False, True):
        compare_runs(bench, 1000 if bench.quick else 3000, gzip)


def table_memory(bench):
    sizes = (500, 2000, 5000) if bench.quick else (2000, 20000, 200000)
    say("memory, all formats published")
    peaks = []
    for hosts in sizes:
        with bench.simulator(hosts, "--gzip") as simulator:
            run = bench.qidflow(simulator.url, "data", formats="sqlite,csv,json")
        peaks.append(run.peak_mib)
        say(f"  {hosts:7} hosts {run.detections:9} detections {run.peak_mib:6.1f} MiB, {run.cpu / run.gb:.2f} CPU s/GB, "
            f"{run.wall:.0f} s")
        shutil.rmtree(bench.folder / "data")
    say(f"  the largest over the first: {peaks[-1] / peaks[0]:.2f}; {GOAL} 1.10 and 96 MiB")


def table_growth(bench):
    """The store is the only stage that sees the size of the database; a whole run adds the same to both."""
    xml = bench.folder / "answer.xml"
    with bench.simulator(400) as simulator:
        simulator.save_answer(xml)
    small, large = (100000, 1000000) if bench.quick else (500000, 10000000)
    costs = collections.defaultdict(list)
    for name, cpu, _, rows in bench.stages("growth", xml, bench.folder, small, large):
        costs[name].append(cpu / rows * 1e6)
    xml.unlink()
    for old in bench.folder.glob("growth-*"):
        old.unlink()
    whole = incremental(bench)
    rest = whole - statistics.median(costs["full-small"])
    say(f"growth, {small} and {large} rows, in turn; the rest of a run takes {rest:.2f} us/detection")
    for what in ("full", "again"):
        pairs = list(zip(costs[f"{what}-small"], costs[f"{what}-large"]))
        say(f"  {'new hosts  ' if what == 'full' else 'hosts again'}: store {statistics.median(p[0] for p in pairs):.2f} and "
            f"{statistics.median(p[1] for p in pairs):.2f} us/detection, ratio {measure.spread([b / a for a, b in pairs])}; with "
            f"the rest {measure.spread([(b + rest) / (a + rest) for a, b in pairs])}; {GOAL} 1.15")


def incremental(bench):
    """A run of 1 % of the hosts over a full run's cost of as many detections. Tells the cost of a full run's detection."""
    hosts = 5000 if bench.quick else 40000
    ratios = []
    with bench.simulator(hosts) as simulator:
        full = bench.qidflow(simulator.url, "data", "qualys.gzip=no")
        cost = full.cpu / full.detections
        nothing = bench.qidflow(simulator.url, "data", "qualys.gzip=no", fresh=False)
        say(f"incremental, {hosts} hosts, {full.detections} detections: full {1e6 * cost:.2f} us/detection, "
            f"a run without a change {nothing.cpu:.3f} s")
        for _ in range(3):  # those of the last hour are asked for again, so each takes more
            simulator.get("/control/rescan?fraction=0.01")
            some = bench.qidflow(simulator.url, "data", "qualys.gzip=no", fresh=False)
            ratios.append((some.cpu - nothing.cpu) / some.detections / cost)
            say(f"  {some.detections} detections, {some.cpu:.3f} s: ratio {some.cpu / some.detections / cost:.2f}, "
                f"without that of no change {ratios[-1]:.2f}")
    say(f"  ratio {measure.spread(ratios)}; {GOAL} 1.2")
    shutil.rmtree(bench.folder / "data")
    return cost * 1e6


def ideal_wall(stats, limit, latency_s, bandwidth):
    """The first page of Host List, then detections with all slots busy, then the listing and the KnowledgeBase once more."""
    def seconds(api, calls):
        return latency_s * calls + stats[api]["bytes"] / bandwidth * calls / max(stats[api]["calls"], 1)
    work = stats["detections"]
    return ((latency_s * work["calls"] + work["bytes"] / bandwidth) / min(limit, work["calls"])
            + seconds("host_list", 2) + seconds("knowledge_base", 1))


def table_api(bench):
    hosts = 1200 if bench.quick else 6000
    say("API-bound: latency 2 s, 5 MB/s a call")
    for limit in ((4,) if bench.quick else (2, 4, 10)):
        with bench.simulator(hosts, "--limit", limit, "--latency-ms", 2000, "--bandwidth", 5000000) as simulator:
            run = bench.qidflow(simulator.url, "data", "qualys.gzip=no")
            stats = simulator.stats()
        ideal = ideal_wall(stats, limit, 2, 5e6)
        work = stats["detections"]
        alone = (2 * work["calls"] + work["bytes"] / 5e6) / limit
        say(f"  limit {limit:2}: {run.wall:6.1f} s, ideal {ideal:6.1f} s, ratio {run.wall / ideal:.2f}; {GOAL} 1.05. "
            f"{work['calls']} calls, mean at once {work['mean_at_once_while_work']:.2f}, "
            f"detections alone {work['work_seconds'] / alone:.2f} of {alone:.1f} s")


def table_publish(bench):
    hosts = 1000 if bench.quick else 6000
    with bench.simulator(hosts) as simulator:
        run = bench.qidflow(simulator.url, "data", "qualys.gzip=no")
    data, to = bench.folder / "data", bench.folder / "export"
    ratios, exports, parts = [], [], []
    rows = 0
    for _ in range(3 if bench.quick else 5):
        shutil.rmtree(to, ignore_errors=True)
        export = measure.Run([bench.binary, "export", "--data", data, "--to", to], bench.folder / "err")
        lines = bench.stages("parts", data / "qidflow.sqlite", bench.folder)
        rows = lines[0][3]
        exports.append(export)
        parts.append({name: cpu for name, cpu, _, _ in lines})
        ratios.append(export.cpu / sum(parts[-1].values()))
    best = min(parts, key=lambda p: sum(p.values()))
    least = min(exports, key=lambda e: e.cpu)
    say(f"publish: {run.detections} detections, {rows} rows in four lists")
    say("  parts alone: " + ", ".join(f"{name} {cpu:.2f} s" for name, cpu in best.items()) + f"; sum {sum(best.values()):.2f} s")
    say(f"  export {least.cpu:.2f} s of CPU, {least.cpu / run.detections * 1e6:.2f} s per million detections, {least.wall:.1f} s wall, "
        f"{max(e.peak_mib for e in exports):.0f} MiB")
    say(f"  export over the sum of its parts: {measure.spread(ratios)}; {GOAL} 1.3")
    shutil.rmtree(data)
    shutil.rmtree(to)


def table_kafka(bench):
    hosts, rounds = (1000, 2) if bench.quick else (4000, 4)
    with cluster.Broker(bench.folder) as broker:
        with bench.simulator(500, "--gzip", "--limit", 4) as simulator:
            cluster.ClusterRun(bench, broker, simulator.url, 1)
        with bench.simulator(hosts, "--gzip", "--limit", 4) as simulator:
            bare, runs = [], {1: [], 4: []}
            for _ in range(rounds):
                bare.append(bench.bare(simulator.url, "gzip"))
                for fetchers, done in runs.items():
                    done.append(cluster.ClusterRun(bench, broker, simulator.url, fetchers))
    say(f"kafka, gzip, {hosts} hosts, {runs[1][0].detections} detections, {runs[1][0].gb:.3f} GB of XML, CPU s/GB")
    best = min(b.cpu / b.gb for b in bare)
    say(f"  bare pipeline, one process, no broker: {best:.2f}")
    for fetchers, done in runs.items():
        run = min(done, key=lambda r: r.ours / r.gb)
        ratios = [(r.ours / r.gb) / (b.cpu / b.gb) for b, r in zip(bare, done)]
        say(f"  {fetchers} fetcher{'s' if fetchers > 1 else ' '}: coordinator {run.coordinator / run.gb:.2f}, fetchers "
            f"{run.fetchers / run.gb:.2f}, loader {run.loader / run.gb:.2f}: {run.ours / run.gb:.2f}, over bare "
            f"{measure.spread(ratios)}; broker {min(r.broker / r.gb for r in done):.2f}; "
            f"{1e3 * run.gb / min(r.wall for r in done):.0f} MB/s of XML, at most {max(r.peak_mib for r in done):.0f} MiB")


TABLES = {name[6:]: table for name, table in globals().items() if name.startswith("table_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--bin", type=pathlib.Path, help="another qidflow than that of the build")
    parser.add_argument("--quick", action="store_true", help="small sizes: a few minutes, rougher")
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="which: " + " ".join(TABLES) + "; default all")
    options = parser.parse_args()
    for name in options.tables:
        if name not in TABLES:
            parser.error(f"{name} is no table")
    say(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before we begin")
    with tempfile.TemporaryDirectory(prefix="qidflow-bench-") as folder:
        bench = measure.Bench(options.build, options.bin or options.build / "compose/qidflow", pathlib.Path(folder),
                              options.quick)
        for name in options.tables or TABLES:
            TABLES[name](bench)


main()
