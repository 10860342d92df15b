"""A lab of hosts in network namespaces, joined by one bridge.

Host i has the address 10.77.i.1: a /24 of its own inside one /16, because DHT
nodes take one node of each /24. The bridge has 10.77.255.254 in the namespace
the runner itself lives in, so that it reaches every host (RPC, tracker).

The runner enters a mount, network and process namespace of its own first
(isolated()), so nothing can collide with another run, and all of it goes away
with the runner, however that ends.
"""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

from wait import wait_until

GATEWAY = "10.77.255.254"
NETMASK = 16
CONGESTION = "/proc/sys/net/ipv4/tcp_congestion_"
ALLOWED = "/proc/sys/net/ipv4/tcp_allowed_congestion_control"


def isolation():
    """The command that starts a program in namespaces of its own."""
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return command if os.geteuid() == 0 else command + ["--user", "--map-root-user"]


def isolated_works():
    """None, or why labs cannot be made here."""
    for tool in ("unshare", "nsenter", "ip", "tc"):
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            return f"needs {tool}"
    p = subprocess.run(isolation() + ["sh", "-c", "mount -t tmpfs none /run && mkdir /run/netns && "
                                      "PATH=$PATH:/usr/sbin:/sbin ip netns add x"],
                       capture_output=True, text=True)
    return None if p.returncode == 0 else "needs root"


def sh(*command):
    p = subprocess.run(command, capture_output=True, text=True)
    if p.returncode:
        raise RuntimeError(f"{' '.join(command)}: {p.stderr.strip()}")
    return p.stdout


class Process:
    """A program on a host; its output goes to files."""

    def __init__(self, host, name, command, cwd=None, env=None):
        self.name = f"{name}@{host.name}"
        base = os.path.join(host.lab.dir, f"{host.name}-{name}-{len(host.lab.processes)}")
        self.out_path, self.err_path = base + ".out", base + ".err"
        self.command = [str(c) for c in command]
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.popen = subprocess.Popen(["nsenter", f"--net=/run/netns/{host.name}", "--"]
                                          + self.command, stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=err, cwd=cwd or host.dir,
                                          env={**os.environ, "HOME": host.dir, **(env or {})})
        self.pid = self.popen.pid
        host.lab.processes.append(self)

    def ended(self):
        return self.popen.poll() is not None

    def code(self):
        return self.popen.poll()

    def out(self):
        with open(self.out_path, errors="replace") as f:
            return f.read()

    def err(self):
        with open(self.err_path, errors="replace") as f:
            return f.read()

    def events(self, kind=None):
        """The JSON objects on stdout so far (one a line), optionally of one kind."""
        found = []
        for line in self.out().splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and (kind is None or event.get("event") == kind):
                found.append(event)
        return found

    def wait_event(self, kind, seconds):
        return wait_until(lambda: self.events(kind), seconds, f"{self.name}: event {kind}",
                          alive=[self])[0]

    def wait_code(self, seconds):
        wait_until(self.ended, seconds, f"{self.name} ends")
        return self.code()

    def stop(self, seconds=10):
        """TERM, then KILL; the exit code."""
        if not self.ended():
            self.popen.terminate()
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.code()

    def kill(self):
        self.popen.kill()
        self.popen.wait()

    # ---- what it costs ----
    def cpu_seconds(self):
        """User + system time of all its threads."""
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_kib(self, field="VmHWM"):
        with open(f"/proc/{self.pid}/status") as f:
            for line in f:
                if line.startswith(field + ":"):
                    return int(line.split()[1])
        return 0


class Host:
    def __init__(self, lab, number):
        self.lab, self.number, self.name = lab, number, f"h{number}"
        self.address = f"10.77.{number}.1"
        self.dir = os.path.join(lab.dir, self.name)
        self.bridge_side = f"b{number}"
        os.mkdir(self.dir)
        sh("ip", "netns", "add", self.name)
        sh("ip", "link", "add", self.bridge_side, "type", "veth", "peer", "name", "eth0",
           "netns", self.name)
        sh("ip", "link", "set", self.bridge_side, "master", "br0", "up")
        for command in (f"addr add {self.address}/{NETMASK} dev eth0", "link set lo up",
                        "link set eth0 up", "route add default dev eth0"):
            sh("ip", "-n", self.name, *command.split())
        # The default of this machine may be another; other clients were measured on
        # cubic. A namespace may only choose what the machine allows (allow_cubic()).
        subprocess.run(["nsenter", f"--net=/run/netns/{self.name}", "sh", "-c",
                        f"echo cubic > {CONGESTION}control"], stderr=subprocess.DEVNULL)

    def run(self, name, command, **options):
        return Process(self, name, command, **options)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def mkdir(self, name):
        os.makedirs(self.path(name), exist_ok=True)
        return self.path(name)

    def shape(self, up=None, down=None):
        """Limit the access link, in bytes per second."""
        if up:
            self._htb(["-n", self.name], "eth0", up)
        if down:
            self._htb([], self.bridge_side, down)

    @staticmethod
    def _htb(where, device, rate):
        burst = max(int(rate / 50), 15000)
        sh("tc", *where, "qdisc", "add", "dev", device, "root", "handle", "1:", "htb",
           "default", "1")
        sh("tc", *where, "class", "add", "dev", device, "parent", "1:", "classid", "1:1", "htb",
           "rate", f"{int(rate) * 8}bit", "burst", str(burst), "cburst", str(burst))


class Lab:
    """with Lab(3) as lab: lab.hosts[0].run(...)"""

    def __init__(self, hosts, directory=None):
        self.dir = tempfile.mkdtemp(prefix="shoal-lab-", dir=directory)
        self.processes = []
        sh("ip", "link", "set", "lo", "up")
        sh("ip", "link", "add", "br0", "type", "bridge")
        sh("ip", "addr", "add", f"{GATEWAY}/{NETMASK}", "dev", "br0")
        sh("ip", "link", "set", "br0", "up")
        self.hosts = [Host(self, i + 1) for i in range(hosts)]

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for process in self.processes:
            if not process.ended():
                process.kill()
        if kind is not None:
            self.show_logs()
        for host in self.hosts:
            # The link first: a namespace takes its devices along only some time later.
            subprocess.run(["ip", "link", "del", host.bridge_side], stderr=subprocess.DEVNULL)
            subprocess.run(["ip", "netns", "del", host.name], stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "link", "del", "br0"], stderr=subprocess.DEVNULL)
        if os.environ.get("KEEP"):
            print(f"    kept: {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def show_logs(self, lines=25):
        for p in self.processes:
            print(f"--- {p.name} (exit code {p.code()}): {' '.join(p.command)}")
            for text in (p.out(), p.err()):
                # Of the progress only the last: it hides what happened.
                progress = [n for n in text.splitlines() if '"progress"' in n][-1:]
                for line in [n for n in text.splitlines() if '"progress"' not in n][-lines:] + \
                        progress:
                    print(f"    {line[:400]}")


@contextlib.contextmanager
def allow_cubic():
    """Around a benchmark, before its namespaces are made: let them use cubic."""
    with open(ALLOWED) as f:
        before = f.read()
    if os.geteuid() == 0 and "cubic" not in before.split():
        subprocess.run(["sh", "-c", f"echo {before.strip()} cubic > {ALLOWED}"],
                       stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        if os.geteuid() == 0 and "cubic" not in before.split():
            subprocess.run(["sh", "-c", f"echo {before.strip()} > {ALLOWED}"],
                           stderr=subprocess.DEVNULL)


def enter():
    """Called once in the isolated runner, before any Lab."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    sh("mount", "-t", "tmpfs", "none", "/run")
    os.mkdir("/run/netns")
    sys.stdout.reconfigure(line_buffering=True)
