#!/usr/bin/python3
"""One libtorrent session with at most one torrent; JSON lines on stdout.

Runs under Debian's own python3, which has the bindings. Events: ready,
added, metadata, done, error, progress.
"""
import argparse
import json
import sys
import time
import warnings

import libtorrent as lt

warnings.simplefilter("ignore")  # session.status() is old, and says what we need


def say(event, **more):
    print(json.dumps({"event": event, "time": time.time(), **more}), flush=True)


def settings(options):
    chosen = {
        "listen_interfaces": f"0.0.0.0:{options.port}",
        "enable_dht": bool(options.dht or options.dht_first),
        "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
        "allow_multiple_connections_per_ip": True,
        "dht_restrict_routing_ips": False, "dht_restrict_search_ips": False,
        "dht_enforce_node_id": False, "dht_prefer_verified_node_ids": False,
        "dht_bootstrap_nodes": "", "dht_upload_rate_limit": 1000000,
        "in_enc_policy": options.encryption, "out_enc_policy": options.encryption,
        "connection_speed": 100, # errors, connections, status: more would cost time that is not the engine's
        "alert_mask": 0x1 | 0x20 | 0x40,
    }
    for text in options.setting:
        key, value = text.split("=", 1)
        chosen[key] = {"true": True, "false": False}.get(
            value, int(value) if value.lstrip("-").isdigit() else value)
    return chosen


def parameters(options):
    if options.what.startswith("magnet:"):
        p = lt.parse_magnet_uri(options.what)
    else:
        p = lt.add_torrent_params()
        p.ti = lt.torrent_info(options.what)
    p.save_path = options.save
    p.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    if options.seed_mode:
        p.flags |= lt.torrent_flags.seed_mode
    return p


def address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="?", default="")
    parser.add_argument("--save", default=".")
    parser.add_argument("--port", type=int, default=6881)
    parser.add_argument("--dht", action="append", default=[])
    parser.add_argument("--dht-first", action="store_true")
    parser.add_argument("--peer", action="append", default=[])
    parser.add_argument("--encryption", type=int, default=1)
    parser.add_argument("--setting", action="append", default=[])
    parser.add_argument("--seed-mode", action="store_true")
    options = parser.parse_args()

    session = lt.session(settings(options))
    for node in options.dht:
        session.add_dht_node(address(node))
    say("ready", version=lt.__version__)

    handle = None
    done = metadata = False
    announce_at = progress_at = 0.0
    begin = time.monotonic()
    while True:
        session.wait_for_alert(200)
        now = time.monotonic()
        for alert in session.pop_alerts():
            if isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert,
                                    lt.listen_failed_alert)):
                say("error", text=alert.message())
            elif isinstance(alert, (lt.peer_error_alert, lt.peer_disconnected_alert,
                                    lt.hash_failed_alert, lt.peer_ban_alert)):
                print(alert.message(), file=sys.stderr, flush=True)
        if handle is None:
            # A magnet added before the session knows a node misses its first search.
            if options.what and (not options.dht or session.status().dht_nodes > 0
                                 or now - begin > 10):
                handle = session.add_torrent(parameters(options))
                for peer in options.peer:
                    handle.connect_peer(address(peer))
                say("added")
            continue
        status = handle.status()
        if status.has_metadata and not metadata:
            metadata = True
            say("metadata")
        if status.is_seeding and not done:
            done = True
            say("done", downloaded=status.total_payload_download)
        if options.dht and now > announce_at and (status.num_peers == 0 or done):
            handle.force_dht_announce()
            announce_at = now + 3
        if now > progress_at:
            progress_at = now + 0.2
            say("progress", fraction=status.progress, peers=status.num_peers,
                state=str(status.state), uploaded=status.total_payload_upload,
                downloaded=status.total_payload_download, dht_nodes=session.status().dht_nodes if options.dht else 0)


if __name__ == "__main__":
    main()
