"""The interop tests: each a function, run in a lab of its own."""
from clients import Aria2, Libtorrent, Shoal, Transmission, shoal_binary
from lab import Lab
from payload import Payload
from tracker import Tracker
from wait import wait_until

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def dht_nodes(lab, kind, count):
    """A small DHT on the first hosts. Transmission searches only when it knows
    more than eight nodes, four of them good."""
    first = kind(lab.hosts[0]).node()
    return [first] + [kind(h, [first]).node() for h in lab.hosts[1:count]]


# ---- shoal and one other client, by magnet through the DHT only ------------
FILES = {"first.bin": 3000001, "empty": 0, "sub/second.bin": 5, "sub/deep/third.bin": 2500000,
         "also-empty": 0, "last.txt": 70000}


def through_dht(node_kind, nodes, seed_kind, leecher_kind, seconds, files=8 << 20, torrent=False):
    """One seed, one leecher, and a DHT that is all they know of each other."""
    with Lab(nodes + 2) as lab:
        dht = dht_nodes(lab, node_kind, nodes)
        payload = Payload(lab.dir, "payload", files)
        seed_kind(lab.hosts[nodes], dht).seed(payload)
        leecher = leecher_kind(lab.hosts[nodes + 1], dht).get(
            payload.torrent if torrent else payload.magnet)
        leecher.wait_done(seconds)
        leecher.assert_equal(payload)


@case
def shoal_gets_from_shoal_through_dht():
    through_dht(Shoal, 3, Shoal, Shoal, 60)


@case
def shoal_gets_from_libtorrent_through_dht():
    through_dht(Shoal, 3, Libtorrent, Shoal, 60)


@case
def libtorrent_gets_from_shoal_through_dht():
    through_dht(Shoal, 3, Shoal, Libtorrent, 60)


@case
def shoal_gets_from_libtorrent_through_dht_of_libtorrent():
    through_dht(Libtorrent, 3, Libtorrent, Shoal, 60)


@case
def libtorrent_gets_from_shoal_through_dht_of_libtorrent():
    through_dht(Libtorrent, 3, Shoal, Libtorrent, 60)


@case
def shoal_gets_from_transmission_through_dht():
    through_dht(Shoal, 11, Transmission, Shoal, 200)


@case
def transmission_gets_from_shoal_through_dht():
    through_dht(Shoal, 11, Shoal, Transmission, 200)


@case
def shoal_gets_from_aria2_through_dht():
    through_dht(Shoal, 3, Aria2, Shoal, 120)


@case
def aria2_gets_from_shoal_through_dht():
    through_dht(Shoal, 3, Shoal, Aria2, 120, torrent=True)


@case
def shoal_gets_many_files_from_libtorrent():
    through_dht(Shoal, 3, Libtorrent, Shoal, 60, files=FILES)


@case
def libtorrent_gets_many_files_from_shoal():
    through_dht(Shoal, 3, Shoal, Libtorrent, 60, files=FILES)


@case
def transmission_gets_many_files_from_shoal():
    through_dht(Shoal, 11, Shoal, Transmission, 200, files=FILES)


# ---- shoal told whom to ask ------------------------------------------------
def by_peer(seed_kind, files=8 << 20, what="torrent", **seed_options):
    with Lab(2) as lab:
        payload = Payload(lab.dir, "payload", files)
        seed = seed_kind(lab.hosts[0], **seed_options).seed(payload)
        leecher = Shoal(lab.hosts[1]).get(getattr(payload, what), peers=[seed], seed=False)
        leecher.wait_done(60)
        assert leecher.process.wait_code(30) == 0
        leecher.assert_equal(payload)
        payload.assert_only(leecher.dir)


@case
def shoal_gets_from_aria2_by_peer():
    by_peer(Aria2)


@case
def shoal_gets_from_libtorrent_by_peer():
    by_peer(Libtorrent)


@case
def shoal_gets_magnet_from_libtorrent_by_peer():
    by_peer(Libtorrent, what="magnet")


@case
def shoal_gets_magnet_from_transmission_by_peer():
    by_peer(Transmission, what="magnet")


@case
def shoal_gets_many_files_from_aria2_by_peer():
    by_peer(Aria2, files=FILES)


@case
def shoal_gets_100_mib_from_libtorrent_by_peer():
    by_peer(Libtorrent, files=100 << 20)


@case
def libtorrent_gets_100_mib_from_shoal_by_peer():
    with Lab(2) as lab:
        payload = Payload(lab.dir, "payload", 100 << 20, piece_size=1 << 18)
        seed = Shoal(lab.hosts[0]).seed(payload)
        leecher = Libtorrent(lab.hosts[1], [seed]).get(payload.torrent, peers=[seed])
        leecher.wait_done(60)
        leecher.assert_equal(payload)


# ---- shoal's own ways in and out -------------------------------------------
@case
def created_torrent_is_what_libtorrent_reads():
    with Lab(3) as lab:
        payload = Payload(lab.dir, "payload", FILES, piece_size=1 << 18)
        host = lab.hosts[0]
        torrent = host.path("made.torrent")
        made = host.run("create", [shoal_binary(), "create", payload.dir + "/payload", "-o", torrent,
                                   "--piece-size", "256K"])
        assert made.wait_code(30) == 0, made.err()
        magnet = made.out().strip().splitlines()[-1]
        assert magnet.startswith("magnet:?xt=urn:btih:"), magnet
        # The other client seeds what was created; ours joins by the magnet printed.
        payload.torrent = torrent
        seed = Libtorrent(lab.hosts[1]).seed(payload)
        leecher = Shoal(lab.hosts[2]).get(magnet, peers=[seed], seed=False)
        assert leecher.process.wait_code(60) == 0, leecher.process.err()
        leecher.assert_equal(payload)


@case
def killed_download_goes_on_from_what_was_verified():
    with Lab(2) as lab:
        payload = Payload(lab.dir, "payload", 64 << 20)
        lab.hosts[0].shape(up=16 << 20)
        seed = Libtorrent(lab.hosts[0]).seed(payload)
        leecher = Shoal(lab.hosts[1]).get(payload.torrent, peers=[seed])
        wait_until(lambda: seed.uploaded() > payload.size // 2, 30, "half was sent",
                   alive=[leecher.process])
        leecher.process.kill()
        sent = seed.uploaded()
        leecher.get(payload.torrent, peers=[seed])
        leecher.wait_done(60)
        leecher.assert_equal(payload)
        again = seed.uploaded() - sent
        assert again < payload.size * 3 // 4, f"{again} bytes were fetched after the restart"


@case
def shoal_outlives_a_seed_that_leaves_and_returns():
    with Lab(3) as lab:
        payload = Payload(lab.dir, "payload", 32 << 20)
        lab.hosts[0].shape(up=8 << 20)
        seed = Libtorrent(lab.hosts[0]).seed(payload)
        leecher = Shoal(lab.hosts[1]).get(payload.torrent, peers=[seed])
        wait_until(lambda: seed.uploaded() > payload.size // 4, 30, "a quarter was sent",
                   alive=[leecher.process])
        seed.process.kill()
        seed.seed(payload)
        leecher.wait_done(120)
        leecher.assert_equal(payload)


# ---- everybody at once ------------------------------------------------------
@case
def mixed_swarm_finishes_with_every_file_equal():
    with Lab(18) as lab:
        dht = dht_nodes(lab, Shoal, 10)
        payload = Payload(lab.dir, "payload", {"a.bin": 20 << 20, "empty": 0, "b/c.bin": 12345678},
                          piece_size=1 << 17)
        hosts = lab.hosts[10:]
        for host in hosts:
            host.shape(up=4 << 20)
        Libtorrent(hosts[0], dht).seed(payload)
        Shoal(hosts[1], dht).seed(payload)
        leechers = [Transmission(hosts[2], dht).get(payload.magnet),
                    Shoal(hosts[3], dht).get(payload.magnet),
                    Libtorrent(hosts[4], dht).get(payload.magnet),
                    Aria2(hosts[5], dht).get(payload.torrent),
                    Shoal(hosts[6], dht).get(payload.magnet),
                    Libtorrent(hosts[7], dht).get(payload.magnet)]
        for leecher in leechers:
            leecher.wait_done(240)
            leecher.assert_equal(payload)


# ---- the lab itself: the others among themselves --------------------------
@case
def lab_libtorrent_gets_from_libtorrent_through_dht():
    with Lab(3) as lab:
        router = Libtorrent(lab.hosts[0]).node()
        router.process.wait_event("ready", 20)
        payload = Payload(lab.dir, "file.bin", 8 << 20)
        Libtorrent(lab.hosts[1], [router]).seed(payload)
        leecher = Libtorrent(lab.hosts[2], [router]).get(payload.magnet)
        leecher.wait_done(60)
        leecher.assert_equal(payload)


@case
def lab_transmission_gets_from_libtorrent_through_dht():
    with Lab(14) as lab:
        nodes = dht_nodes(lab, Libtorrent, 12)
        payload = Payload(lab.dir, "file.bin", 8 << 20)
        Libtorrent(lab.hosts[12], nodes).seed(payload)
        leecher = Transmission(lab.hosts[13], nodes).get(payload.magnet)
        leecher.wait_done(180)
        leecher.assert_equal(payload)


@case
def lab_aria2_gets_from_libtorrent_through_dht():
    with Lab(3) as lab:
        router = Libtorrent(lab.hosts[0]).node()
        router.process.wait_event("ready", 20)
        payload = Payload(lab.dir, "file.bin", 8 << 20)
        Libtorrent(lab.hosts[1], [router]).seed(payload)
        leecher = Aria2(lab.hosts[2], [router]).get(payload.torrent)
        leecher.wait_done(60)
        leecher.assert_equal(payload)


@case
def lab_libtorrent_gets_from_aria2_and_transmission_by_tracker():
    with Lab(3) as lab:
        payload = Payload(lab.dir, "dir", {"a": 3 << 20, "empty": 0, "b/c": 100001},
                          trackers=[Tracker().url])
        Aria2(lab.hosts[0]).seed(payload)
        Transmission(lab.hosts[1]).seed(payload)
        leecher = Libtorrent(lab.hosts[2]).get(payload.torrent)
        leecher.wait_done(60)
        leecher.assert_equal(payload)
