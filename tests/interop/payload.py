"""Files to share, .torrent files of them, and whether a copy is equal.

The .torrent files are written here, not by the program under test.
"""
import filecmp
import hashlib
import os
import random


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    pairs = sorted((k.encode() if isinstance(k, str) else k, v) for k, v in value.items())
    return b"d" + b"".join(bencode(k) + bencode(v) for k, v in pairs) + b"e"


class Payload:
    """Random content on disk under directory/name, and its .torrent."""

    def __init__(self, directory, name, files, piece_size=65536, seed=1, trackers=(),
                 shared=False):
        """files: a size for a single file, or {"a/b": size} for many. shared:
        seeds serve these files themselves, not a copy."""
        self.name, self.dir = name, os.path.join(directory, "payload")
        self.shared, self.info = shared, None
        os.makedirs(self.dir)
        rng = random.Random(seed)
        self.sizes = {name: files} if isinstance(files, int) else \
            {f"{name}/{path}": size for path, size in files.items()}
        self.size = sum(self.sizes.values())
        for path, size in self.sizes.items():
            full = os.path.join(self.dir, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "wb") as f:
                while size:
                    part = min(size, 1 << 22)
                    f.write(rng.randbytes(part))
                    size -= part
        info = {"name": name, "piece length": piece_size, "pieces": self._hashes(piece_size)}
        if isinstance(files, int):
            info["length"] = files
        else:
            info["files"] = [{"length": size, "path": path.split("/")}
                             for path, size in files.items()]
        self.info_hash = hashlib.sha1(bencode(info)).hexdigest()
        self.info = info
        self.torrent = self.write_torrent(os.path.join(directory, f"{name}.torrent"), trackers)
        self.magnet = f"magnet:?xt=urn:btih:{self.info_hash}&dn={name}"

    def write_torrent(self, path, trackers=()):
        top = {"info": self.info}
        if trackers:
            top["announce"] = trackers[0]
            top["announce-list"] = [[t] for t in trackers]
        with open(path, "wb") as f:
            f.write(bencode(top))
        return path

    def _hashes(self, piece_size):
        hashes, rest = [], b""
        for path in self.sizes:
            with open(os.path.join(self.dir, path), "rb") as f:
                while part := f.read(piece_size - len(rest)):
                    rest += part
                    if len(rest) == piece_size:
                        hashes.append(hashlib.sha1(rest).digest())
                        rest = b""
        if rest:
            hashes.append(hashlib.sha1(rest).digest())
        return b"".join(hashes)

    def assert_equal(self, directory, empty=True):
        """Every file is there and equal; empty: also the empty ones."""
        for path, size in self.sizes.items():
            if not size and not empty:
                continue
            copy = os.path.join(directory, path)
            assert os.path.isfile(copy), f"{copy} is missing"
            assert os.path.getsize(copy) == size, f"{copy}: {os.path.getsize(copy)} bytes, not {size}"
            assert filecmp.cmp(os.path.join(self.dir, path), copy, shallow=False), \
                f"{copy} differs"

    def assert_only(self, directory):
        """Nothing else lies in directory."""
        found = {os.path.relpath(os.path.join(top, f), directory)
                 for top, _, names in os.walk(directory) for f in names}
        assert found == set(self.sizes), f"also in {directory}: {sorted(found - set(self.sizes))}"
