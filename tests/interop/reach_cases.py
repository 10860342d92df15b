"""The interop tests of reaching peers: trackers of every kind without a DHT,
and encryption demanded by either side."""
import os
import shutil
import ssl
import subprocess
import urllib.parse
import urllib.request

from cases import case
from clients import Aria2, Libtorrent, Shoal, Transmission
from lab import GATEWAY, Lab
from payload import Payload
from tracker import Tracker
from wait import wait_until

SIZE = 4 << 20
LISTEN = 6969
NOBODY = f"http://{GATEWAY}:1/announce"


# ---- trackers ----------------------------------------------------------------
class SecureTracker(Tracker):
    """Behind a certificate that nobody knows but who is given it."""

    def __init__(self, directory):
        super().__init__()
        self.certificate = os.path.join(directory, "tracker.pem")
        key = os.path.join(directory, "tracker.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-keyout", key, "-out", self.certificate, "-subj", "/CN=tracker",
                        "-addext", f"subjectAltName=IP:{GATEWAY}"],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = self.url.replace("http:", "https:")


def by_tracker(urls, seed_kind=Shoal, leecher_kind=Shoal, magnet=False, seconds=60, **options):
    with Lab(2) as lab:
        payload = Payload(lab.dir, "payload", SIZE, trackers=urls(lab))
        run_swarm(lab.hosts, payload, seed_kind, leecher_kind, magnet, seconds, **options)


def run_swarm(hosts, payload, seed_kind, leecher_kind, magnet=False, seconds=60, urls=()):
    def alone(kind):
        return ["--no-dht"] if kind is Shoal else []

    seed_kind(hosts[0]).seed(payload, *alone(seed_kind))
    what = payload.torrent if not magnet else payload.magnet + "".join(
        "&tr=" + urllib.parse.quote(url, safe="") for url in urls)
    leecher = leecher_kind(hosts[1]).get(what, *alone(leecher_kind))
    leecher.wait_done(seconds)
    leecher.assert_equal(payload)


@case
def tracker_tells_shoal_of_shoal():
    by_tracker(lambda lab: [Tracker().url])


@case
def tracker_tells_shoal_of_libtorrent():
    by_tracker(lambda lab: [Tracker().url], seed_kind=Libtorrent)


@case
def tracker_tells_libtorrent_of_shoal():
    by_tracker(lambda lab: [Tracker().url], leecher_kind=Libtorrent)


@case
def tracker_tells_aria2_of_shoal():
    by_tracker(lambda lab: [Tracker().url], leecher_kind=Aria2)


@case
def tracker_tells_shoal_of_transmission():
    by_tracker(lambda lab: [Tracker().url], seed_kind=Transmission)


@case
def dead_tiers_come_before_a_live_one():
    by_tracker(lambda lab: [NOBODY, f"udp://{GATEWAY}:1/announce", "http://no.such.name/announce",
                            Tracker().url])


@case
def tracker_of_a_magnet():
    with Lab(2) as lab:
        urls = [Tracker().url]
        payload = Payload(lab.dir, "payload", SIZE, trackers=urls)
        run_swarm(lab.hosts, payload, Shoal, Shoal, magnet=True, urls=[NOBODY, *urls])


@case
def tracker_behind_tls_with_its_certificate_only():
    with Lab(3) as lab:
        tracker = SecureTracker(lab.dir)
        payload = Payload(lab.dir, "payload", SIZE, trackers=[tracker.url])
        trust = ["--no-dht", "--tls-ca", tracker.certificate]
        Shoal(lab.hosts[0]).seed(payload, *trust)
        stranger = Shoal(lab.hosts[1]).get(payload.torrent, "--no-dht", "--timeout", "6")
        leecher = Shoal(lab.hosts[2]).get(payload.torrent, *trust)
        leecher.wait_done(60)
        leecher.assert_equal(payload)
        assert stranger.process.wait_code(30) == 7, stranger.process.err()


@case
def leaving_is_told_and_takes_no_time():
    with Lab(2) as lab:
        tracker = Tracker()
        payload = Payload(lab.dir, "payload", SIZE, trackers=[tracker.url])
        seed = Shoal(lab.hosts[0]).seed(payload, "--no-dht")
        swarm = tracker.swarms
        key = bytes.fromhex(payload.info_hash)
        wait_until(lambda: swarm.get(key), 20, "the seed has announced")
        seed.process.popen.terminate()
        assert seed.process.wait_code(3) == 0
        assert not swarm[key], "the tracker was not told"


class OpenTracker:
    """HTTP and UDP on one port of a host."""

    def __init__(self, host, payload):
        self.address = f"{host.address}:{LISTEN}"
        allowed, config = host.path("allowed"), host.path("opentracker.conf")
        with open(allowed, "w") as f:
            f.write(payload.info_hash + "\n")
        with open(config, "w") as f:
            f.write(f"listen.tcp_udp {self.address}\naccess.whitelist {allowed}\n"
                    "tracker.user nobody\n")
        # It gives up root before it reads the list.
        subprocess.run(["chmod", "-R", "a+rX", host.lab.dir], check=True)
        self.process = host.run("opentracker", ["opentracker", "-f", config])
        self.hash = "".join(f"%{payload.info_hash[i:i + 2]}" for i in range(0, 40, 2))
        wait_until(self.scrape, 10, "opentracker answers", alive=[self.process])

    def scrape(self):
        try:
            with urllib.request.urlopen(f"http://{self.address}/scrape?info_hash={self.hash}",
                                        timeout=5) as answer:
                return answer.read()
        except OSError:
            return None


def by_opentracker(scheme):
    with Lab(3) as lab:
        url = f"{scheme}://{lab.hosts[0].address}:{LISTEN}/announce"
        payload = Payload(lab.dir, "payload", SIZE, trackers=[url])
        tracker = OpenTracker(lab.hosts[0], payload)
        run_swarm(lab.hosts[1:], payload, Shoal, Shoal)
        wait_until(lambda: b"8:completei2e10:downloadedi1e" in tracker.scrape(), 10,
                   f"the tracker counts two seeds and one download ({tracker.scrape()})")


if shutil.which("opentracker") or os.environ.get("CI"):
    @case
    def opentracker_by_http():
        by_opentracker("http")

    @case
    def opentracker_by_udp():
        by_opentracker("udp")


# ---- encryption --------------------------------------------------------------
REQUIRED, BOTH, OFF = "0", "1", "2"  # of lt_driver.py


def encrypted(seed_kind, seed_options, leecher_kind, leecher_options):
    with Lab(2) as lab:
        payload = Payload(lab.dir, "payload", SIZE)
        seed = seed_kind(lab.hosts[0]).seed(payload, *seed_options)
        leecher = leecher_kind(lab.hosts[1]).get(payload.torrent, *leecher_options, peers=[seed])
        leecher.wait_done(60)
        leecher.assert_equal(payload)


@case
def shoal_gets_from_libtorrent_that_requires_encryption():
    encrypted(Libtorrent, ["--encryption", REQUIRED], Shoal, [])


@case
def shoal_that_requires_encryption_gets_from_libtorrent():
    encrypted(Libtorrent, ["--encryption", BOTH], Shoal, ["--encryption", "require"])


@case
def shoal_that_prefers_encryption_gets_from_libtorrent_without():
    encrypted(Libtorrent, ["--encryption", OFF], Shoal, ["--encryption", "prefer"])


@case
def libtorrent_that_requires_encryption_gets_from_shoal():
    encrypted(Shoal, [], Libtorrent, ["--encryption", REQUIRED])


@case
def libtorrent_gets_from_shoal_that_requires_encryption():
    encrypted(Shoal, ["--encryption", "require"], Libtorrent, ["--encryption", BOTH])


@case
def libtorrent_without_encryption_gets_from_shoal_that_prefers_it():
    encrypted(Shoal, ["--encryption", "prefer"], Libtorrent, ["--encryption", OFF])


@case
def shoal_gets_from_transmission_that_requires_encryption():
    with Lab(2) as lab:
        payload = Payload(lab.dir, "payload", SIZE)
        seed = Transmission(lab.hosts[0], encryption=2).seed(payload)
        leecher = Shoal(lab.hosts[1]).get(payload.torrent, peers=[seed])
        leecher.wait_done(60)
        leecher.assert_equal(payload)


@case
def shoal_gets_from_aria2_that_requires_encryption():
    encrypted(Aria2, ["--bt-require-crypto=true", "--bt-min-crypto-level=arc4"], Shoal, [])
