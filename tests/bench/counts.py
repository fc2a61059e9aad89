"""counts.py -- instructions of each stage on a fixed input, beside those of the commit before: a change that costs a
tenth is seen in the log, on any machine and at any load.

One run of bench_stages under callgrind; counted is what runs within the functions stage_<name>..., of the libraries too.
Fails only where it cannot count. --update writes counts.txt, which belongs into each commit that changes the table."""
import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

import measure

KEPT = pathlib.Path(__file__).parent / "counts.txt"
STAGES = ("null", "xml", "pack", "unpack", "store", "csv", "json", "gzip")
HOSTS = 25


def count(build, folder):
    """Stage to instructions, and how many detections there were."""
    xml, out = folder / "answer.xml", folder / "callgrind.out"
    with measure.Simulator(build, folder, HOSTS) as simulator:
        simulator.save_answer(xml)
    told = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
                           build / "tests/bench/bench_stages", "stages", xml, folder],
                          check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    detections = max(int(line.split()[3]) for line in told.stdout.splitlines())
    table = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", "--auto=no", out], check=True,
                           stdout=subprocess.PIPE, text=True).stdout
    counts = collections.Counter()
    for number, name in re.findall(r"^ *([\d,]+) .*?:stage_([a-z]+)", table, re.M):
        counts[name] += int(number.replace(",", ""))
    if set(counts) != set(STAGES):
        sys.exit(f"callgrind told of {sorted(counts)} instead of {sorted(STAGES)}")
    return counts, detections


def kept():
    if not KEPT.exists():
        return {}
    lines = [line.split() for line in KEPT.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {name: int(number) for name, number in lines}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--table", type=pathlib.Path, help="write the table there, too")
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qidflow-counts-") as folder:
        counts, detections = count(options.build, pathlib.Path(folder))
    before = kept()
    lines = [f"instructions of {detections} detections", "  stage       committed           now   change   a detection"]
    for name in STAGES:
        was, now = before.get(name), counts[name]
        change = f"{100 * (now - was) / was:+7.1f}%" if was else "     new"
        lines.append(f"  {name:8} {was or 0:12} {now:13} {change} {now / detections:13.0f}")
    print("\n".join(lines))
    if options.table:
        options.table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if options.update:
        KEPT.write_text("# counts.txt -- what counts.py --update wrote: stage, instructions (gcc 12 -O3, Debian 12)\n"
                        + "".join(f"{name} {counts[name]}\n" for name in STAGES), encoding="utf-8")


main()
