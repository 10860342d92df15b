"""The interop tests of the RPC: transmission-remote drives the daemon."""
import os
import subprocess

from cases import case
from clients import shoal_binary
from lab import Lab
from payload import Payload
from wait import wait_until

ADDRESS = "127.0.0.1:9091"


class Daemon:
    def __init__(self, host):
        self.host = host
        self.downloads = host.mkdir("downloads")
        self.process = host.run("daemon", [
            shoal_binary(), "daemon", "--state", host.mkdir("state"), "--download-dir",
            self.downloads, "--no-dht", "--rpc", ADDRESS, "--no-rpc-auth"])
        wait_until(lambda: "RPC on" in self.process.err(), 10, "the RPC listens",
                   alive=[self.process])

    def remote(self, *arguments):
        p = subprocess.run(["nsenter", f"--net=/run/netns/{self.host.name}", "--",
                            "transmission-remote", ADDRESS, *arguments],
                           capture_output=True, text=True, timeout=20)
        assert p.returncode == 0, f"{arguments}: {p.stdout}{p.stderr}"
        return p.stdout


@case
def transmission_remote_drives_the_daemon():
    with Lab(1) as lab:
        payload = Payload(lab.dir, "album", {"a/one": 300000, "two": 70000})
        daemon = Daemon(lab.hosts[0])
        subprocess.run(["cp", "-r", os.path.join(payload.dir, "album"), daemon.downloads],
                       check=True)
        assert "success" in daemon.remote("-a", payload.torrent)
        assert "success" in daemon.remote("-a", "magnet:?xt=urn:btih:" + "12" * 20 + "&dn=other")
        wait_until(lambda: "100%" in daemon.remote("-l"), 20, "what is there is checked")
        assert "other" in daemon.remote("-l")
        assert payload.info_hash in daemon.remote("-t1", "-i")
        assert "album/a/one" in daemon.remote("-t1", "-f")
        daemon.remote("-t1", "-ip")
        daemon.remote("-t1", "-it")
        daemon.remote("-t1", "-L", "tv,hd")
        assert "tv, hd" in daemon.remote("-t1", "-i")
        daemon.remote("-t1", "-ph", "0")
        assert "High" in daemon.remote("-t1", "-f")
        daemon.remote("-t1", "-v")
        daemon.remote("-t1", "-S")
        assert "Stopped" in daemon.remote("-l")
        beside = os.path.join(daemon.downloads, "album", "mine")
        with open(beside, "w"):
            pass
        daemon.remote("-t1", "--remove-and-delete")
        assert os.listdir(os.path.join(daemon.downloads, "album")) == ["mine"]
        assert "album" not in daemon.remote("-l")
        assert daemon.process.stop() == 0
