#!/usr/bin/env python3
"""chaos.py -- kills, freezes and restarts whatever takes part in a run, over a real broker, and looks whether the database is
exact all the same.

    tests/broker/with.sh python3 tests/e2e/chaos.py [--rounds N] [--seed S] [--only EVENT[,EVENT…]] [--build DIR]

A round has a seed and follows from it. It is two runs with a change of the subscription between them, both under two to four
events (EVENTS below; in brackets: it came after the run's end). Afterwards, in each round: the database equals the
simulator's state, a rebuild from the topics gives the same one, and, where nothing of ASKS_AGAIN happened in a run, no host
that had been loaded was asked for again in it. Half of the rounds draw so that this is looked at, where the turn's event lets it.
"""
import argparse
import os
import random
import signal
import sys
import threading
import time
import unittest

import harness
from cluster import Broker, Cluster, ClusterCase, complete_run
from harness import rows, say, wait_until

HOSTS = 90
SESSION = 10  # seconds until the broker gives up a member that is silent
# Who asks again for what was loaded, and may: another memory leads, or a set of somebody who was given up came late.
ASKS_AGAIN = {"lose_progress", "old_coordinator_wakes_up", "freeze_fetcher", "freeze_big_host", "long_outage", "restart_broker",
              "stop_one_broker"}
# What an event is where its turn has come: never the form that the group does not notice.
IN_ITS_TURN = {"freeze_fetcher": "freeze_big_host", "freeze_loader": "freeze_loader_long"}


class Round:
    def __init__(self, case, seed, only=None):
        self.case, self.seed, self.only = case, seed, only
        self.dice = random.Random(seed)
        self.own_broker = None
        self.events, self.later, self.loaded, self.checked, self.before = [], [], {}, 0, 0
        self.data = case.data(f"coordinator{seed}")

    # ---- who takes part ----

    def open(self):
        self.sim = self.case.simulator(HOSTS, limit=3, latency_ms=900, seed=self.seed, big_host=1200, big_results=2_500_000,
                                       detections=10)
        self.plan = [self.choose(2 * self.seed), self.choose(2 * self.seed + 1)]
        self.nodes = 3 if "stop_one_broker" in self.plan[0] + self.plan[1] else 1
        bootstrap = None
        if self.nodes == 3 or {"restart_broker", "long_outage", "stop_one_broker"} & set(self.plan[0] + self.plan[1]):
            self.own_broker = Broker(self.nodes, *(("--min-isr", 2) if self.nodes == 3 else ()))
            bootstrap = self.own_broker.bootstrap
        self.cluster = Cluster(self.case, self.sim, bootstrap, data=f"loader{self.seed}",
                               settings={"batch.hosts": 3, "batch.hosts.most": 3, "topic.replication": 3 if self.nodes == 3 else 1, "log.level": "debug"})
        self.cluster.start(fetchers=3)
        self.coordinator = self.cluster.start_coordinator(data=self.data)

    def choose(self, turn):
        """Each event has its turn, so that any six rounds have all of them; the others are by chance."""
        if self.only:
            return list(self.only)
        own = EVENTS[turn % len(EVENTS)]
        # Which half it is changes with each six rounds, so that every event is once in it.
        quiet = own not in ASKS_AGAIN and (self.seed + (self.seed - 1) // 6) % 2 == 0
        others = [n for n in EVENTS if n != "stop_one_broker" and not (quiet and n in ASKS_AGAIN)]
        events = [self.dice.choice(others) for _ in range(self.dice.randint(1, 3))]
        if own == "freeze_fetcher":  # before the big host is loaded
            return [IN_ITS_TURN[own], *events]
        events.append(IN_ITS_TURN.get(own, own))
        self.dice.shuffle(events)
        return events

    def revive(self):
        """Whoever was killed is started again, as a service manager would."""
        for f in [f for f in self.cluster.fetchers if f.poll() is not None]:
            self.cluster.fetchers.remove(f)
        while len(self.cluster.fetchers) < 3:
            self.cluster.start_fetcher()
        if self.cluster.loader.poll() is not None:
            self.cluster.start_loader()

    # ---- moments ----

    def wait(self):
        """Until some more hosts were asked for, or a while."""
        asked = sum(self.sim.host_fetches().values()) + self.dice.uniform(0, HOSTS / 4)
        end = time.monotonic() + self.dice.uniform(0.2, 4)
        while self.coordinator.poll() is None and time.monotonic() < end and \
                sum(self.sim.host_fetches().values()) < asked:
            time.sleep(0.02)
        time.sleep(self.dice.uniform(0, 0.3))

    def note_loaded(self):
        asked = self.sim.host_fetches()
        for host in self.data.batches(after=self.before).get("LOADED", ()):
            self.loaded.setdefault(host, asked[host])

    def after(self, seconds, what):
        timer = threading.Timer(seconds, what)
        timer.start()
        self.later.append(timer)

    # ---- events ----

    def kill_fetcher(self):
        self.dice.choice(self.cluster.fetchers).kill()

    def kill_loader(self):
        self.cluster.loader.kill()
        self.cluster.loader.wait(20)

    def kill_coordinator(self):
        self.coordinator.kill()
        self.coordinator.wait(20)

    def freeze(self, process, seconds):
        process.kill(signal.SIGSTOP)
        self.after(seconds, lambda: process.kill(signal.SIGCONT))

    def freeze_fetcher(self):
        self.freeze(self.dice.choice(self.cluster.fetchers), self.dice.choice((3, SESSION + 4)))

    def freeze_big_host(self):
        """Whoever has the host of many parts in hand, for so long that its slot is another's when it goes on."""
        big = rows(self.sim.expect(), "SELECT ID FROM Q_Host_List_Detection_QIDS GROUP BY ID ORDER BY count(*) DESC")[0][0]

        def has_it():
            for ids, name in self.data.in_hand():
                if big in ids:
                    return [f for f in self.cluster.fetchers if f":{f.pid}:" in name and f.poll() is None]
            return []
        found = wait_until("the big host to be in the hands of a fetcher", has_it, 60)[0]
        time.sleep(self.dice.uniform(0.3, 1.3))  # from the middle of the call to the middle of its parts
        self.freeze(found, SESSION + 4)

    def freeze_loader_long(self):
        self.freeze(self.cluster.loader, SESSION + 4)

    def freeze_loader(self):
        self.freeze(self.cluster.loader, self.dice.choice((2, SESSION + 2)))

    def stutter_loader(self):
        loader, end = self.cluster.loader, time.monotonic() + 5
        while time.monotonic() < end:
            loader.kill(signal.SIGSTOP)
            time.sleep(0.4)
            loader.kill(signal.SIGCONT)
            time.sleep(0.05)

    def storm(self):
        for _ in range(6):
            self.cluster.start_fetcher()
            time.sleep(0.7)
            self.cluster.fetchers[0].kill(self.dice.choice((signal.SIGTERM, signal.SIGKILL)))
            self.cluster.fetchers.pop(0)
            time.sleep(0.3)

    def lose_progress(self):
        self.kill_coordinator()
        self.data.remove("progress.db")

    def old_coordinator_wakes_up(self):
        """It freezes; another one with a memory of its own takes over; then it wakes up and must not do any harm."""
        old = self.coordinator
        if old.poll() is not None:
            return
        old.kill(signal.SIGSTOP)
        self.data = self.case.data(f"{self.data.folder.name}b")
        self.coordinator = self.cluster.start_coordinator("--standby", data=self.data)
        wait_until("the second coordinator to lead", lambda: self.coordinator.poll() is not None or
                   "leads" in self.coordinator.err and self.data.batches(), 60)
        old.kill(signal.SIGCONT)
        ended = old.wait(60)
        if ended not in (0, 1):  # 0: its turn came again, and its new run was complete
            raise AssertionError(f"the old coordinator ended with {ended}\n{old.tail()}")

    def restart_broker(self):
        self.own_broker.script("restart")

    def long_outage(self):
        """Longer than the session: every member is out of its group when the broker comes back."""
        self.own_broker.script("kill")
        time.sleep(SESSION + 4)
        self.own_broker.script("restart")

    def stop_one_broker(self):
        node = self.dice.randint(1, 3)
        self.own_broker.script("kill", node)
        self.after(8, lambda: self.own_broker.script("restart", node))

    # ---- a round ----

    def settle(self):
        for timer in self.later:
            timer.join()
        self.later = []

    def finish_run(self):
        """Started again until it says that the run is complete."""
        for _ in range(8):
            self.revive()
            if self.coordinator.poll() is not None:
                if self.coordinator.ended == 0:
                    return
                self.coordinator = self.cluster.start_coordinator("--standby", data=self.data)
            end = time.monotonic() + 150
            while self.coordinator.poll() is None:
                self.revive()
                if time.monotonic() > end:
                    raise AssertionError("the run does not end\n" + self.coordinator.tail(30))
                time.sleep(0.1)
            if self.coordinator.ended not in (0, 1, -9):
                raise AssertionError(f"the coordinator ended with {self.coordinator.ended}\n{self.coordinator.tail(30)}")
        raise AssertionError(f"the run is not complete after eight starts\n{self.coordinator.tail(30)}")

    def one_run(self, events):
        self.loaded, self.before = {}, complete_run(self.cluster.data)
        for name in events:
            if name != "freeze_big_host":
                self.wait()
            self.note_loaded()
            self.events.append(name if self.coordinator.poll() is None else f"({name})")
            getattr(self, name)()
            self.revive()
            if self.coordinator.poll() is not None and self.coordinator.ended != 0:
                self.coordinator = self.cluster.start_coordinator("--standby", data=self.data)
        self.settle()
        self.finish_run()
        if not ASKS_AGAIN & set(events):
            self.case.assert_nothing_again(self.loaded, self.sim.host_fetches())
            self.checked += len(self.loaded)
        self.case.assert_exact(self.sim, self.cluster.data)

    def play(self):
        began = time.monotonic()
        self.open()
        self.one_run(self.plan[0])
        self.sim.control("remove", fraction=0.05)
        self.sim.control("rescan", fraction=1 if "freeze_big_host" in self.plan[1] else 0.4)
        self.sim.control("add", n=5)
        self.coordinator = self.cluster.start_coordinator("--standby", data=self.data)
        self.one_run(self.plan[1])
        self.case.assert_same(self.cluster.data, self.cluster.rebuild(f"rebuilt{self.seed}"))
        self.cluster.stop_all()
        return time.monotonic() - began

    def close(self):
        self.settle()
        for p in self.case.started:
            p.kill(signal.SIGCONT)
            p.kill()
        if self.own_broker:
            self.own_broker.close()


EVENTS = ("kill_fetcher", "kill_loader", "kill_coordinator", "freeze_fetcher", "freeze_loader", "stutter_loader", "storm",
          "lose_progress", "old_coordinator_wakes_up", "restart_broker", "long_outage", "stop_one_broker")


class Chaos(ClusterCase):
    def one(self, seed, only=None):
        game = Round(self, seed, only)
        try:
            seconds = game.play()
            say(f"seed {seed}: exact after {', '.join(game.events)} in {seconds:.0f} s; {game.checked} hosts had been loaded "
                "and were not asked for again")
        except AssertionError as e:
            said = "\n".join(f"--- {p.argv[1]} {p.pid}\n{p.tail(80)}" for p in self.started[-14:] if "qidflow" in p.argv[0])
            raise AssertionError(f"seed {seed}, events {game.plan}: {e}\n{said}") from None
        finally:
            game.close()


def rounds():
    """A test each in ctest: QIDFLOW_CHAOS_ROUNDS of them from QIDFLOW_CHAOS_SEED on."""
    first = int(os.environ.get("QIDFLOW_CHAOS_SEED", 1))
    for seed in range(first, first + int(os.environ.get("QIDFLOW_CHAOS_ROUNDS", 6))):
        only = os.environ.get("QIDFLOW_CHAOS_ONLY")
        setattr(Chaos, f"test_{seed:04}", lambda self, seed=seed: self.one(seed, only.split(",") if only else None))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds")
    parser.add_argument("--seed")
    parser.add_argument("--only")
    parser.add_argument("--build")
    options, rest = parser.parse_known_args()
    for name, value in (("CHAOS_ROUNDS", options.rounds), ("CHAOS_SEED", options.seed), ("CHAOS_ONLY", options.only)):
        if value:
            os.environ["QIDFLOW_" + name] = value
    if options.build:
        harness.BUILD = harness.Path(options.build)
    rounds()
    unittest.main(argv=[sys.argv[0], *rest])
