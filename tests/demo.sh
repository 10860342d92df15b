#!/usr/bin/env bash
# tests/demo.sh: a swarm on this machine, without a tracker: 20 DHT nodes, one
# seed, a magnet link, three peers that trade. Ends by comparing the files.
#
# Only loopback; every port is one that the kernel gives. Everything lives in a
# temporary directory and below this shell: at the end, however it comes, the
# script stops its own children and nothing else. Exit 0: all files are equal.
#
# BUILD (build), DEMO_NODES (20), DEMO_PEERS (3) and DEMO_MIB (64) may be given.
set -u
cd "$(dirname "$0")/.." || exit 1

SHOAL=$PWD/${BUILD:-build}/shoal
case ${BUILD:-build} in /*) SHOAL=$BUILD/shoal ;; esac
NODES=${DEMO_NODES:-20}
PEERS=${DEMO_PEERS:-3}
MIB=${DEMO_MIB:-64}
LIMIT=120 # seconds for a download
LAB=$(mktemp -d "${TMPDIR:-/tmp}/shoal-demo-XXXXXX") || exit 1
CHILDREN=()
BEGIN=${EPOCHREALTIME/[.,]/}

# The job table of this shell knows the children; their ids are not reused
# before they have been waited for.
finish() {
	local code=$?
	trap - EXIT INT TERM
	if [ ${#CHILDREN[@]} -gt 0 ]; then
		kill -TERM "${CHILDREN[@]}" 2>/dev/null
		wait "${CHILDREN[@]}" 2>/dev/null
	fi
	rm -rf "$LAB"
	exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
	echo "demo: FAILED: $1" >&2
	if [ $# -gt 1 ] && [ -s "$2" ]; then
		sed 's/^/    /' "$2" | tail -n 5 >&2
	fi
	exit 1
}

# run NAME COMMAND...: in the background, output to LAB/NAME.log and .err.
run() {
	local name=$1
	shift
	"$SHOAL" "$@" >"$LAB/$name.log" 2>"$LAB/$name.err" &
	CHILDREN+=($!)
}

# field FILE EVENT KEY: the value in the first such event; waits for it.
field() {
	local file=$1 event=$2 key=$3 until=$((SECONDS + LIMIT)) line
	while [ $SECONDS -le $until ]; do
		line=$(grep -m1 "\"event\": \"$event\"" "$file" 2>/dev/null)
		if [ -n "$line" ]; then
			sed -E "s/.*\"$key\": \"?([^,\"}]*).*/\1/" <<<"$line"
			return 0
		fi
		grep -q '"event": "error"' "$file" 2>/dev/null && return 1
		sleep 0.05
	done
	return 1
}

since_begin() {
	local now=${EPOCHREALTIME/[.,]/}
	printf '%5d.%d s' $(((now - BEGIN) / 1000000)) $(((now - BEGIN) / 100000 % 10))
}

tell() {
	echo "$(since_begin)  $*"
}

sum_field() { # KEY FILE...: of the last event that has it
	local key=$1 total=0 value file
	shift
	for file; do
		value=$(grep -o "\"$key\": [0-9]*" "$file" | tail -n 1 | grep -o '[0-9]*$')
		total=$((total + ${value:-0}))
	done
	echo "$total"
}

[ -x "$SHOAL" ] || fail "$SHOAL is not there; run make first"

# ---- something to share ----------------------------------------------------
mkdir -p "$LAB/source/shared/notes"
head -c $((MIB * 1048576)) /dev/urandom >"$LAB/source/shared/film.bin"
head -c 123457 /dev/urandom >"$LAB/source/shared/notes/cover.jpg"
echo "A shoal swims without a leader." >"$LAB/source/shared/notes/read me.txt"
: >"$LAB/source/shared/empty"
"$SHOAL" create "$LAB/source/shared" -o "$LAB/shared.torrent" >"$LAB/create.log" 2>"$LAB/create.err" ||
	fail "shoal create" "$LAB/create.err"
MAGNET=$(tail -n 1 "$LAB/create.log")
tell "content: 4 files, $MIB MiB"
tell "magnet:  $MAGNET"

# ---- the DHT ---------------------------------------------------------------
run node1 dht node --port 0 --no-default-routers --json
FIRST=$(field "$LAB/node1.log" listening port) || fail "the first DHT node" "$LAB/node1.err"
for ((i = 2; i <= NODES; i++)); do
	run "node$i" dht node --port 0 --bootstrap "127.0.0.1:$FIRST" --no-default-routers --json
done
for ((i = 2; i <= NODES; i++)); do
	LAST=$(field "$LAB/node$i.log" listening port) || fail "DHT node $i" "$LAB/node$i.err"
done
tell "DHT:     $NODES nodes on loopback, the first at port $FIRST; no tracker anywhere"

# ---- the seed --------------------------------------------------------------
# Its uplink is kept narrow, as at home: so the peers have something to trade.
run seed seed "$LAB/shared.torrent" -d "$LAB/source" --port 0 --up 24M \
	--dht-bootstrap "127.0.0.1:$FIRST" --no-default-routers --json
field "$LAB/seed.log" seeding name >/dev/null || fail "the seed" "$LAB/seed.err"
HASH=$(sed -E 's/.*urn:btih:([0-9a-f]{40}).*/\1/' <<<"$MAGNET")
for ((i = 0; i < 200; i++)); do # until the DHT answers the question everybody asks it
	FOUND=$("$SHOAL" dht peers "$HASH" --bootstrap "127.0.0.1:$LAST" --no-default-routers \
		--timeout 5 2>"$LAB/ask.err" | head -n 1)
	[ -n "$FOUND" ] && break
	sleep 0.05
done
[ -n "$FOUND" ] || fail "the DHT does not know the seed" "$LAB/ask.err"
tell "seed:    all pieces verified; the DHT answers: $FOUND has it"

# ---- the peers: they know the magnet link and one DHT node, not the seed ----
for ((i = 1; i <= PEERS; i++)); do
	run "peer$i" get "$MAGNET" -o "$LAB/peer$i" --seed --port 0 --timeout $LIMIT \
		--dht-bootstrap "127.0.0.1:$LAST" --no-default-routers --json
done
for ((i = 1; i <= PEERS; i++)); do
	field "$LAB/peer$i.log" metadata name >/dev/null ||
		fail "peer $i found no metadata" "$LAB/peer$i.err"
done
tell "peers:   $PEERS, each has the metadata from the swarm"
for ((i = 1; i <= PEERS; i++)); do
	took=$(field "$LAB/peer$i.log" "done" seconds) ||
		fail "peer $i did not finish" "$LAB/peer$i.err"
	tell "peer $i:  all verified, $took s after it started"
done

# ---- the proof -------------------------------------------------------------
for ((i = 1; i <= PEERS; i++)); do
	while IFS= read -r -d '' file; do
		cmp "$LAB/source/$file" "$LAB/peer$i/$file" || fail "peer $i: $file differs"
	done < <(cd "$LAB/source" && find shared -type f -print0)
	extra=$(diff -rq "$LAB/source" "$LAB/peer$i") || fail "peer $i: $extra"
done
tell "compare: every file of every peer equals the original"

# What each peer sent is in its last progress event: let one more be written.
sleep 1.2
traded=$(sum_field uploaded "$LAB"/peer*.log)
sent=$(sum_field uploaded "$LAB/seed.log")
tell "traffic: the seed sent $((sent / 1048576)) MiB, the peers $((traded / 1048576)) MiB to each other"
((traded > 0)) || fail "the peers did not trade" "$LAB/peer1.err"
tell "demo: PASSED"
