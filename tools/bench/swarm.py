"""A swarm on kernel-shaped access links: one seed, N leechers, HTB both ways.

The bound is max(F/us, F/dmin, N F/(us + sum ui)); efficiency is the bound by
the time of the last finisher. Every leecher starts at once and stays.
"""
import os
import shutil
import statistics
import sys
import tempfile
import time

from compare import KINDS, room
from lab import Lab
from payload import Payload
from tracker import Tracker
import clients
from wait import wait_until

MIB = 1 << 20


def uplink_bytes(host):
    """What left the host, as its side of the bridge counted."""
    with open("/proc/net/dev") as f:
        for line in f:
            if line.strip().startswith(host.bridge_side + ":"):
                return int(line.split(":")[1].split()[0])
    return 0


def start(kind, host, payload, tracked, seed_address, everybody):
    """Every leecher knows the seed; the rest it learns from tracker or peer exchange."""
    client = KINDS[kind](host)
    if kind == "shoal":
        return client.get(payload.torrent, peers=everybody)
    if kind == "libtorrent":
        return client.get(tracked, peers=[seed_address])
    return client.get(tracked)


def run_swarm(leecher_kinds, seed_kind, size, piece_size, seed_up, peer_up, peer_down, seconds):
    count = len(leecher_kinds)
    directory = tempfile.mkdtemp(prefix="shoal-swarm-", dir=room((count + 2) * size))
    try:
        payload = Payload(directory, "payload", size, piece_size, shared=True)
        with Lab(count + 1, directory) as lab:
            tracker = Tracker()
            tracked = payload.write_torrent(os.path.join(lab.dir, "t.torrent"), [tracker.url])
            lab.hosts[0].shape(up=seed_up, down=peer_down)
            for host in lab.hosts[1:]:
                host.shape(up=peer_up, down=peer_down)
            seed = KINDS[seed_kind](lab.hosts[0])
            if seed_kind == "shoal":
                seed.seed(payload)
            else:
                seeding = Payload.__new__(Payload)
                seeding.__dict__.update(payload.__dict__, torrent=tracked)
                seed.seed(seeding)
            address = f"{lab.hosts[0].address}:{seed.port}"
            tracker.add(payload.info_hash, address)
            everybody = [address] + [f"{h.address}:{KINDS[k].port}"
                                     for h, k in zip(lab.hosts[1:], leecher_kinds)]
            for contact in everybody[1:]:
                tracker.add(payload.info_hash, contact)
            sent = uplink_bytes(lab.hosts[0])
            begin = time.time()
            leechers = [start(k, h, payload, tracked, address,
                              [a for a in everybody if not a.startswith(h.address + ":")])
                        for k, h in zip(leecher_kinds, lab.hosts[1:])]
            finished = {}

            def poll():
                for i, leecher in enumerate(leechers):
                    if i not in finished:
                        try:
                            done = leecher.wait_done(0)
                        except AssertionError as error:
                            if leecher.process.ended():
                                raise RuntimeError(str(error)) from error
                            continue
                        finished[i] = (done["time"] if isinstance(done, dict) and "time" in done
                                       else time.time()) - begin
                return len(finished) == count
            wait_until(poll, seconds, "everybody has everything")
            copies = (uplink_bytes(lab.hosts[0]) - sent) / size
            for leecher in leechers:
                leecher.assert_equal(payload)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    bound = max(size / seed_up, size / peer_down, count * size / (seed_up + count * peer_up))
    last = max(finished.values())
    return {"leechers": count, "size": size, "seed_up": seed_up, "peer_up": peer_up,
            "bound_s": bound, "last_s": last, "mean_s": statistics.mean(finished.values()),
            "efficiency": bound / last, "seed_copies": copies,
            "finished_s": [round(finished[i], 2) for i in range(count)], "kinds": leecher_kinds}


def swarms(kinds, size, count, rounds, piece_size, seed_up, peer_up, peer_down, seconds):
    """Interleaved runs of each kind; "mixed" alternates all the others."""
    real = [k for k in kinds if k != "mixed"]
    results = []
    for number in range(rounds):
        for kind in kinds:
            leechers = [real[i % len(real)] for i in range(count)] if kind == "mixed" \
                else [kind] * count
            try:
                result = run_swarm(leechers, leechers[0], size, piece_size, seed_up, peer_up,
                                   peer_down, seconds)
            except Exception as error:
                result = {"error": str(error)}
            result.update(swarm=kind, round=number)
            results.append(result)
            print(f"# {number + 1}/{rounds} {kind}: " +
                  (result.get("error") or f"efficiency {result['efficiency']:.3f}, last "
                   f"{result['last_s']:.1f} s of bound {result['bound_s']:.1f} s, seed sent "
                   f"{result['seed_copies']:.2f} copies"), file=sys.stderr, flush=True)
    return results


def table(kinds, results):
    lines = [f"{'swarm':<14} {'runs':>4} {'bound s':>8} {'last s':>8} {'mean s':>8} "
             f"{'efficiency':>10} {'seed copies':>11}"]
    for kind in kinds:
        good = [r for r in results if r["swarm"] == kind and "error" not in r]
        if not good:
            lines.append(f"{kind:<14} no run finished")
            continue
        m = {f: statistics.median(r[f] for r in good)
             for f in ("bound_s", "last_s", "mean_s", "efficiency", "seed_copies")}
        lines.append(f"{kind:<14} {len(good):>4} {m['bound_s']:>8.1f} {m['last_s']:>8.1f} "
                     f"{m['mean_s']:>8.1f} {m['efficiency']:>10.3f} {m['seed_copies']:>11.2f}")
    return "\n".join(lines)
