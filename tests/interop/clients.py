"""The clients of a lab: shoal and the others, each with the same few verbs.

    seed(payload)             has everything, serves it
    get(what, trackers...)    downloads a magnet or .torrent
    wait_done(seconds)        until it has all of it
"""
import base64
import json
import os
import shutil
import urllib.error
import urllib.request

from wait import wait_until

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
HERE = os.path.dirname(os.path.abspath(__file__))


def shoal_binary():
    return os.path.abspath(os.environ.get("SHOAL") or
                           os.path.join(ROOT, os.environ.get("BUILD", "build"), "shoal"))


def addresses(nodes, port=None):
    """Clients or "host:port" texts as "host:port" texts."""
    return [n if isinstance(n, str) else f"{n.host.address}:{port or n.port}" for n in nodes]


class Client:
    port = 6881

    def __init__(self, host, dht=()):
        self.host, self.dht = host, addresses(dht)
        self.process = self.dir = None

    def address(self):
        return f"{self.host.address}:{self.port}"

    def data_of(self, payload):
        """A copy of the payload that is this host's own."""
        if payload.shared:
            self.dir = payload.dir
            return self.dir
        self.dir = self.host.path("data")
        if not os.path.exists(self.dir):
            shutil.copytree(payload.dir, self.dir)
        return self.dir

    def download_dir(self):
        self.dir = self.host.mkdir("download")
        return self.dir

    def assert_equal(self, payload):
        payload.assert_equal(self.dir)

    def _wait_file(self, name, seconds):
        """For a client that runs a command when it is ready or done."""
        path = self.host.path(name)
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path), seconds,
                   f"{self.name} is {name}", alive=[self.process])
        with open(path) as f:
            return {"time": float(f.read())}


class Shoal(Client):
    port = 7001
    name = "shoal"

    def arguments(self):
        bootstrap = [a for node in self.dht for a in ("--dht-bootstrap", node)]
        return ["--port", self.port, *bootstrap]

    def node(self):
        """Only a DHT node."""
        bootstrap = [a for node in self.dht for a in ("--bootstrap", node)]
        self.process = self.host.run("shoal", [shoal_binary(), "dht", "node", "--port", self.port,
                                               "--state", self.host.mkdir("state"), *bootstrap])
        return self

    def seed(self, payload, *options):
        self.process = self.host.run("shoal", [shoal_binary(), "seed", payload.torrent, "-d",
                                               self.data_of(payload), *self.arguments(),
                                               "--json", *options])
        self.process.wait_event("seeding", 60)
        return self

    def get(self, what, *options, peers=(), seed=True):
        contacts = [a for peer in addresses(peers) for a in ("--peer", peer)]
        self.process = self.host.run(
            "shoal", [shoal_binary(), "get", what, "-o", self.download_dir(), *self.arguments(),
                      "--no-default-routers", *contacts, *(["--seed"] if seed else []), "--json",
                      *options])
        return self

    def wait_done(self, seconds):
        return self.process.wait_event("done", seconds)


class Libtorrent(Client):
    name = "libtorrent"

    def _run(self, *arguments):
        nodes = [a for node in self.dht for a in ("--dht", node)]
        self.process = self.host.run("libtorrent", [
            "/usr/bin/python3", os.path.join(HERE, "lt_driver.py"), "--port", self.port, *nodes,
            *([] if self.dht else ["--dht-first"]), *arguments])
        return self

    def node(self):
        return self._run()

    def seed(self, payload, *options):
        self._run(payload.torrent, "--save", self.data_of(payload), *options)
        self.process.wait_event("done", 30)
        return self

    def get(self, what, *options, peers=()):
        contacts = [a for peer in addresses(peers) for a in ("--peer", peer)]
        return self._run(what, "--save", self.download_dir(), *contacts, *options)

    def wait_done(self, seconds):
        return self.process.wait_event("done", seconds)

    def uploaded(self):
        progress = self.process.events("progress")
        return progress[-1]["uploaded"] if progress else 0


class Transmission(Client):
    """Needs about a minute until its first DHT search."""
    port = 51413
    name = "transmission"

    def __init__(self, host, dht=(), encryption=1):
        super().__init__(host, dht)
        self.encryption, self.session_id, self.hash = encryption, "", None

    def start(self):
        config = self.host.mkdir("transmission")
        with open(os.path.join(config, "settings.json"), "w") as f:
            json.dump({
                "bind-address-ipv4": "0.0.0.0", "peer-port": self.port, "dht-enabled": True,
                "lpd-enabled": False, "pex-enabled": True, "port-forwarding-enabled": False,
                "utp-enabled": True, "encryption": self.encryption, "rpc-enabled": True,
                "rpc-port": 9091, "rpc-bind-address": "0.0.0.0", "rpc-whitelist-enabled": False,
                "rpc-host-whitelist-enabled": False, "rpc-authentication-required": False,
                "download-dir": self.download_dir(), "preallocation": 0, "message-level": 2,
                "speed-limit-up-enabled": False, "speed-limit-down-enabled": False,
                "ratio-limit-enabled": False, "peer-limit-per-torrent": 60,
                "upload-slots-per-torrent": 14, "cache-size-mb": 4}, f)
        with open(os.path.join(config, "dht.bootstrap"), "w") as f:
            f.writelines(node.replace(":", " ") + "\n" for node in self.dht)
        self.process = self.host.run("transmission", ["transmission-daemon", "-f", "-g", config])
        wait_until(lambda: self.rpc("session-get"), 20, "transmission answers RPC",
                   alive=[self.process])
        return self

    def rpc(self, method, **arguments):
        """The arguments of the answer, or None while nobody listens."""
        body = json.dumps({"method": method, "arguments": arguments}).encode()
        for _ in range(2):
            request = urllib.request.Request(
                f"http://{self.host.address}:9091/transmission/rpc", body,
                {"X-Transmission-Session-Id": self.session_id})
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    result = json.load(answer)
                assert result["result"] == "success", f"{method}: {result}"
                return result["arguments"] or True
            except urllib.error.HTTPError as error:
                if error.code != 409:
                    raise
                self.session_id = error.headers["X-Transmission-Session-Id"]
            except OSError:
                return None
        return None

    def _add(self, **arguments):
        added = self.rpc("torrent-add", paused=False, **arguments)
        assert added, "transmission did not answer torrent-add"
        self.hash = next(iter(added.values()))["hashString"]
        return self

    def seed(self, payload, *_):
        if not self.process:
            self.start()
        with open(payload.torrent, "rb") as f:
            self._add(metainfo=base64.b64encode(f.read()).decode(),
                      **{"download-dir": self.data_of(payload)})
        self.wait_done(30)
        return self

    def get(self, what, *_):
        if not self.process:
            self.start()
        if what.startswith("magnet:"):
            return self._add(filename=what)
        with open(what, "rb") as f:
            return self._add(metainfo=base64.b64encode(f.read()).decode())

    def assert_equal(self, payload):
        # Transmission 3.00 makes no file for an empty one.
        payload.assert_equal(self.dir, empty=False)

    def status(self):
        answer = self.rpc("torrent-get", ids=[self.hash], fields=[
            "percentDone", "metadataPercentComplete", "leftUntilDone", "peersConnected",
            "status", "errorString", "uploadedEver"])
        return answer["torrents"][0] if answer and answer["torrents"] else None

    def wait_done(self, seconds):
        def done():
            s = self.status()
            return s and s["metadataPercentComplete"] == 1 and s["leftUntilDone"] == 0 and \
                s["percentDone"] == 1
        try:
            return wait_until(done, seconds, "transmission has all of it", alive=[self.process])
        except AssertionError as error:
            raise AssertionError(f"{error}; last status {self.status()}") from error


class Aria2(Client):
    name = "aria2"

    def _run(self, what, directory, *options):
        common = ["aria2c", "--no-conf=true", f"--listen-port={self.port}", f"--dir={directory}",
                  "--bt-enable-lpd=false", "--seed-ratio=0.0", "--bt-tracker-interval=3",
                  "--file-allocation=none", "--enable-color=false", "--summary-interval=0",
                  "--console-log-level=notice", "--follow-torrent=mem",
                  "--bt-max-peers=100", "--bt-request-peer-speed-limit=0",
                  f"--on-bt-download-complete={self._done_script()}"]
        if self.dht:
            common += ["--enable-dht=true", f"--dht-listen-port={self.port}",
                       f"--dht-file-path={self.host.path('dht.dat')}",
                       *(f"--dht-entry-point={node}" for node in self.dht)]
        else:
            common += ["--enable-dht=false"]
        self.process = self.host.run("aria2", [*common, *options, what])
        return self

    def _done_script(self):
        path = self.host.path("on-done")
        with open(path, "w") as f:
            f.write(f"#!/bin/sh\ndate +%s.%N > {self.host.path('done')}\n")
        os.chmod(path, 0o755)
        return path

    def seed(self, payload, *options):
        return self._run(payload.torrent, self.data_of(payload), "--check-integrity=true",
                         "--bt-seed-unverified=true", *options)

    def get(self, what, *options):
        return self._run(what, self.download_dir(), *options)

    def wait_done(self, seconds):
        return self._wait_file("done", seconds)


class Rtorrent(Client):
    name = "rtorrent"

    def _run(self, torrent, directory):
        session = self.host.mkdir("session")
        rc = self.host.path("rtorrent.rc")
        with open(rc, "w") as f:
            f.write(f"""system.daemon.set = true
session.path.set = {session}
directory.default.set = {directory}
network.port_range.set = {self.port}-{self.port}
network.port_random.set = no
protocol.pex.set = no
protocol.encryption.set = allow_incoming
trackers.use_udp.set = no
dht.mode.set = disable
pieces.hash.on_completion.set = no
throttle.max_uploads.set = 50
method.set_key = event.download.hash_done,ready,"execute2={{sh,-c,date +%s.%N > {self.host.path("ready")}}}"
method.set_key = event.download.finished,done,"execute2={{sh,-c,date +%s.%N > {self.host.path("done")}}}"
schedule2 = load,0,0,"load.start={torrent}"
""")
        self.process = self.host.run("rtorrent", ["rtorrent", "-n", "-o", f"import={rc}"],
                                     env={"TERM": "dumb"})
        return self

    def seed(self, payload, *_):
        # It refuses a torrent without a tracker; nobody answers at this one.
        torrent = payload.write_torrent(self.host.path("seed.torrent"),
                                        [f"http://{self.host.address}:1/announce"])
        self._run(torrent, self.data_of(payload))
        self._wait_file("ready", 60)
        return self

    def get(self, what, *_):
        return self._run(what, self.download_dir())

    def wait_done(self, seconds):
        return self._wait_file("done", seconds)
