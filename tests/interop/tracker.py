"""A minimal HTTP tracker on the lab's bridge, for clients that take no peer
address on their command line."""
import http.server
import socket
import struct
import threading
import urllib.parse

from lab import GATEWAY
from payload import bencode


class Tracker:
    def __init__(self):
        self.swarms = {}
        self.lock = threading.Lock()
        tracker = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                query = urllib.parse.parse_qs(self.path.partition("?")[2], encoding="latin-1")
                body = tracker.announce(self.client_address[0],
                                        {k: v[0] for k, v in query.items()})
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((GATEWAY, 0), Handler)
        self.url = f"http://{GATEWAY}:{self.server.server_address[1]}/announce"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, info_hash, address):
        host, _, port = address.rpartition(":")
        with self.lock:
            self.swarms.setdefault(bytes.fromhex(info_hash), {})[(host, int(port))] = True

    def announce(self, host, query):
        info_hash = query["info_hash"].encode("latin-1")
        me = (host, int(query.get("port", "0")))
        with self.lock:
            swarm = self.swarms.setdefault(info_hash, {})
            if query.get("event") == "stopped":
                swarm.pop(me, None)
            else:
                swarm[me] = True
            others = [p for p in swarm if p != me]
        compact = b"".join(socket.inet_aton(h) + struct.pack(">H", p) for h, p in others)
        return bencode({"interval": 5, "min interval": 3, "complete": 0, "incomplete": 0,
                        "peers": compact})
