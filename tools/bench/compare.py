"""One seed to one leecher over a veth pair: shoal beside the other clients.

What is measured begins when the first MiB has arrived and ends when the
leecher says that it has everything: MiB/s, CPU seconds per GiB of the seed's
and of the leecher's process, and the most memory each had.
"""
import os
import shutil
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/interop"))
import clients  # noqa: E402
from lab import Lab, sh  # noqa: E402
from payload import Payload  # noqa: E402
from tracker import Tracker  # noqa: E402
from wait import wait_until  # noqa: E402

KINDS = {"shoal": clients.Shoal, "libtorrent": clients.Libtorrent,
         "transmission": clients.Transmission, "aria2": clients.Aria2,
         "rtorrent": clients.Rtorrent}
PROGRAM = {"libtorrent": None, "transmission": "transmission-daemon", "aria2": "aria2c",
           "rtorrent": "rtorrent"}
MIB = 1 << 20
GIB = 1 << 30
# The direct link between the two hosts, beside the bridge.
SEED_ADDRESS, LEECH_ADDRESS = "10.78.1.1", "10.78.2.1"


def available(name):
    if name == "shoal":
        return os.path.exists(clients.shoal_binary())
    return PROGRAM[name] is None or shutil.which(PROGRAM[name]) is not None


def room(size):
    """A directory for so many bytes, in memory where there is enough of it."""
    with open("/proc/meminfo") as f:
        free = next(int(line.split()[1]) << 10 for line in f if line.startswith("MemAvailable"))
    shm = os.statvfs("/dev/shm")
    if min(free // 2, shm.f_bavail * shm.f_frsize) > size:
        return "/dev/shm"
    return tempfile.gettempdir()


def link(seed_host, leech_host):
    """A veth pair from host to host: no bridge in the path that is measured."""
    sh("ip", "link", "add", "direct0", "netns", seed_host.name, "type", "veth",
       "peer", "name", "direct0", "netns", leech_host.name)
    for host, address in ((seed_host, SEED_ADDRESS), (leech_host, LEECH_ADDRESS)):
        sh("ip", "-n", host.name, "addr", "add", f"{address}/16", "dev", "direct0")
        sh("ip", "-n", host.name, "link", "set", "direct0", "up")


def received(host):
    with open(f"/proc/{host.lab.anchor.pid}/net/dev") as f:
        for line in f:
            if line.strip().startswith("direct0:"):
                return int(line.split(":")[1].split()[0])
    return 0


def start_leecher(leecher, payload, contact, tracked):
    """Clients that take an address get it; the others ask a tracker."""
    if isinstance(leecher, clients.Shoal):
        return leecher.get(payload.torrent, peers=[contact])
    if isinstance(leecher, clients.Libtorrent):
        return leecher.get(payload.torrent, "--setting", "enable_outgoing_utp=false",
                           peers=[contact])
    return leecher.get(tracked)


def one(pair, payload, directory, seconds):
    """One transfer in a fresh lab."""
    seed_name, leech_name = pair
    with Lab(2, directory) as lab:
        link(*lab.hosts)
        seed = KINDS[seed_name](lab.hosts[0])
        leecher = KINDS[leech_name](lab.hosts[1])
        # A process that only holds the leecher's namespace open, to read its counters.
        lab.anchor = lab.hosts[1].run("anchor", ["tail", "-f", "/dev/null"])
        contact = f"{SEED_ADDRESS}:{seed.port}"
        tracker = Tracker()
        tracker.add(payload.info_hash, contact)
        tracked = payload.write_torrent(os.path.join(lab.dir, "tracked.torrent"), [tracker.url])
        seed.seed(payload)
        start_leecher(leecher, payload, contact, tracked)
        wait_until(lambda: received(lab.hosts[1]) > MIB, seconds, "the first MiB arrives",
                   alive=[leecher.process, seed.process])
        begin, first = time.time(), received(lab.hosts[1])
        cpu = [p.process.cpu_seconds() for p in (seed, leecher)]
        done = leecher.wait_done(seconds)
        end = done["time"] if isinstance(done, dict) and "time" in done else time.time()
        used = [p.process.cpu_seconds() - before for p, before in zip((seed, leecher), cpu)]
        memory = [p.process.memory_kib() for p in (seed, leecher)]
        leecher.assert_equal(payload)
        share = (payload.size - first) / GIB
        return {"seed": seed_name, "leech": leech_name, "seconds": end - begin,
                "mib_per_s": share * 1024 / max(end - begin, 1e-3),
                "seed_cpu_s_per_gib": used[0] / share, "leech_cpu_s_per_gib": used[1] / share,
                "seed_peak_mib": memory[0] / 1024, "leech_peak_mib": memory[1] / 1024}


FIGURES = ("mib_per_s", "leech_cpu_s_per_gib", "seed_cpu_s_per_gib", "leech_peak_mib",
           "seed_peak_mib")


def compare(names, size, rounds, piece_size, seconds, extra_pairs=()):
    """Interleaved (A B C A B C); the median of each figure of each pair."""
    directory = tempfile.mkdtemp(prefix="shoal-bench-", dir=room(3 * size))
    pairs = [(n, n) for n in names] + list(extra_pairs)
    runs = []
    try:
        payload = Payload(directory, "payload", size, piece_size, shared=True)
        for number in range(rounds):
            for pair in pairs:
                try:
                    result = one(pair, payload, directory, seconds)
                except Exception as error:
                    result = {"seed": pair[0], "leech": pair[1], "error": str(error)}
                result["round"] = number
                runs.append(result)
                print(f"# {number + 1}/{rounds} {pair[0]} -> {pair[1]}: " +
                      (f"{result['mib_per_s']:.0f} MiB/s" if "error" not in result
                       else result["error"]), file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    medians = []
    for pair in pairs:
        good = [r for r in runs if (r["seed"], r["leech"]) == pair and "error" not in r]
        row = {"seed": pair[0], "leech": pair[1], "runs": len(good)}
        for figure in FIGURES if good else ():
            row[figure] = statistics.median(r[figure] for r in good)
        medians.append(row)
    return {"size": size, "rounds": rounds, "medians": medians, "runs": runs,
            "ratios": ratios(medians)}


def ratios(medians):
    """shoal beside the best of the others, figure by figure."""
    rows = {r["seed"]: r for r in medians if r["seed"] == r["leech"] and r["runs"]}
    ours = rows.pop("shoal", None)
    if not ours or not rows:
        return {}
    return {"throughput_of_fastest": ours["mib_per_s"] / max(r["mib_per_s"] for r in rows.values()),
            **{f"{side}_cpu_of_thriftiest": ours[f"{side}_cpu_s_per_gib"] /
               min(r[f"{side}_cpu_s_per_gib"] for r in rows.values())
               for side in ("leech", "seed")}}


def table(result):
    lines = [f"one seed, one leecher, {result['size'] // MIB} MiB, median of "
             f"{result['rounds']} interleaved runs", "",
             f"{'seed -> leecher':<30} {'MiB/s':>7}  {'CPU-s/GiB':>17}  {'peak MiB':>15}",
             f"{'':<30} {'':>7}  {'leech':>8} {'seed':>8}  {'leech':>7} {'seed':>7}"]
    for row in result["medians"]:
        name = f"{row['seed']} -> {row['leech']}"
        if not row["runs"]:
            lines.append(f"{name:<30} no run finished")
            continue
        lines.append(f"{name:<30} {row['mib_per_s']:>7.0f}  {row['leech_cpu_s_per_gib']:>8.2f} "
                     f"{row['seed_cpu_s_per_gib']:>8.2f}  {row['leech_peak_mib']:>7.0f} "
                     f"{row['seed_peak_mib']:>7.0f}")
    if result["ratios"]:
        r = result["ratios"]
        lines += ["", f"shoal: {r['throughput_of_fastest']:.2f} x the throughput of the fastest "
                  f"other; CPU per GiB of the thriftiest other: leech "
                  f"{r['leech_cpu_of_thriftiest']:.2f} x, seed {r['seed_cpu_of_thriftiest']:.2f} x"]
    return "\n".join(lines)
