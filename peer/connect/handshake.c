/* peer/connect/handshake.c: bare (BEP 3) and encrypted (MSE/PE) openings as
 * one machine of steps.
 *
 * A step names how many bytes it needs; they are gathered in `in`, decrypted
 * on the way once there are keys, and the step's function looks at them and
 * chooses the next. Three things are not gathered: padding is counted off
 * (`left`), the sync pattern behind padding of unknown length is searched
 * byte by byte, and a bare handshake is compared as it comes, so an alien is
 * told at its first wrong byte.
 *
 * Invariant: a step never needs more than the shortest legal continuation, so
 * nothing behind the handshake is ever taken. What a peer gets to see does not
 * depend on why it failed: the output is dropped, and the owner closes. */
#include "peer/connect/handshake.h"

#include <assert.h>

enum step {
	STEP_DETECT,  /* responder: bare or encrypted? */
	STEP_OPENING, /* BEP 3 up to the info-hash */
	STEP_PEER_ID, /* and the rest of it */
	STEP_DH,      /* the other end's public key */
	STEP_SYNC,    /* search */
	STEP_SKEY,    /* responder: the masked name of a torrent */
	STEP_PROVIDE, /* responder: VC, crypto_provide, len PadC */
	STEP_PAYLOAD, /* responder: len IA */
	STEP_SELECT,  /* initiator: crypto_select, len PadD */
	STEPS,
};

static const uint8_t step_sizes[STEPS] = {
    [STEP_DETECT] = HANDSHAKE_NAME,
    [STEP_OPENING] = HANDSHAKE_OPENING,
    [STEP_PEER_ID] = HANDSHAKE_SIZE,
    [STEP_DH] = MSE_KEY_SIZE,
    [STEP_SKEY] = SHA1_SIZE,
    [STEP_PROVIDE] = MSE_VC_SIZE + 4 + 2,
    [STEP_PAYLOAD] = 2,
    [STEP_SELECT] = 4 + 2,
};

bool handshake_attempt(enum encryption_policy policy, unsigned attempt, bool *encrypted)
{
	bool first = policy == ENCRYPTION_PREFERRED || policy == ENCRYPTION_REQUIRED;
	bool both = policy == ENCRYPTION_ALLOWED || policy == ENCRYPTION_PREFERRED;

	*encrypted = first != (attempt > 0);
	return attempt == 0 || (attempt == 1 && both);
}

static void fail(struct handshaker *h, enum handshake_failure failure, const char *reason)
{
	h->state = HANDSHAKE_FAILED;
	h->failure = failure;
	h->reason = reason;
	h->out_used = 0;
	h->out_sent = 0;
}

/* A step that keeps what is in `in` continues the one before it. */
static void continue_step(struct handshaker *h, enum step step)
{
	h->step = (uint8_t)step;
	h->need = step_sizes[step];
}

static void begin_step(struct handshaker *h, enum step step)
{
	continue_step(h, step);
	h->in_used = 0;
}

/* Room for size more bytes of output. */
static uint8_t *reserve(struct handshaker *h, size_t size)
{
	uint8_t *at;

	if (h->out_sent > 0) {
		memmove(h->out, h->out + h->out_sent, h->out_used - h->out_sent);
		h->out_used -= h->out_sent;
		h->out_sent = 0;
	}
	assert(size <= sizeof(h->out) - h->out_used);
	at = h->out + h->out_used;
	h->out_used += size;
	return at;
}

static void say_key(struct handshaker *h)
{
	uint32_t pad = rng_below(h->rng, MSE_PAD_MAX + 1);

	rng_fill(h->rng, h->secret, sizeof(h->secret));
	mse_public_key(h->secret, reserve(h, MSE_KEY_SIZE));
	rng_fill(h->rng, reserve(h, pad), pad);
}

static void say_handshake(struct handshaker *h)
{
	uint8_t *at = reserve(h, HANDSHAKE_SIZE);

	handshake_write(&h->own, at);
	if (h->encrypted)
		mse_stream_encrypt(&h->stream, at, at, HANDSHAKE_SIZE);
}

/* VC, provide or select, and padding: zeroes, which are told to be ignored.
 * ia: len IA follows. */
static void say_crypto(struct handshaker *h, uint32_t crypto, bool ia)
{
	uint8_t all[MSE_VC_SIZE + 4 + 2 + MSE_PAD_MAX + 2] = {0};
	uint32_t pad = rng_below(h->rng, MSE_PAD_MAX + 1);
	struct writer w;

	writer_init(&w, all, sizeof(all));
	write_u64(&w, 0);
	write_u32(&w, crypto);
	write_u16(&w, (uint16_t)pad);
	w.used += pad;
	if (ia)
		write_u16(&w, HANDSHAKE_SIZE);
	mse_stream_encrypt(&h->stream, all, reserve(h, w.used), w.used);
}

static void init(struct handshaker *h, enum encryption_policy policy, struct rng *rng)
{
	memset(h, 0, sizeof(*h));
	h->policy = policy;
	h->rng = rng;
}

void handshaker_init_initiator(struct handshaker *h, const struct handshake *own,
			       enum encryption_policy policy, bool encrypted,
			       struct rng *rng)
{
	assert(encrypted ? policy != ENCRYPTION_OFF : policy != ENCRYPTION_REQUIRED);
	init(h, policy, rng);
	h->initiator = true;
	h->own = *own;
	h->encrypted = encrypted;
	begin_step(h, encrypted ? STEP_DH : STEP_OPENING);
	if (encrypted)
		say_key(h);
	else
		say_handshake(h);
}

void handshaker_init_responder(struct handshaker *h, enum encryption_policy policy,
			       struct rng *rng)
{
	init(h, policy, rng);
	begin_step(h, STEP_DETECT);
}

/* ---- BEP 3 ---- */

/* Called as the bytes come: is this still a bare handshake? */
static void on_name(struct handshaker *h)
{
	if (handshake_may_begin(bytes_of(h->in, h->in_used)))
		return;
	if (h->step != STEP_DETECT)
		fail(h, HANDSHAKE_ALIEN, "not a BitTorrent handshake");
	else if (h->policy == ENCRYPTION_OFF)
		fail(h, HANDSHAKE_POLICY,
		     "neither a BitTorrent handshake nor encryption we allow");
	else
		continue_step(h, STEP_DH);
}

static void on_detect(struct handshaker *h)
{
	if (h->policy == ENCRYPTION_REQUIRED)
		fail(h, HANDSHAKE_POLICY, "unencrypted, and encryption is required");
	else
		continue_step(h, STEP_OPENING);
}

static void on_opening(struct handshaker *h)
{
	handshake_read_opening(&h->peer, bytes_of(h->in, h->in_used));
	if ((h->initiator || h->keyed) &&
	    memcmp(h->peer.info_hash, h->own.info_hash, SHA1_SIZE) != 0) {
		fail(h, HANDSHAKE_WRONG_TORRENT, "handshake for another torrent");
		return;
	}
	continue_step(h, STEP_PEER_ID);
	if (!h->initiator)
		h->state = HANDSHAKE_ASKS_TORRENT;
}

static void on_peer_id(struct handshaker *h)
{
	handshake_read(&h->peer, bytes_of(h->in, h->in_used));
	if (memcmp(h->peer.peer_id, h->own.peer_id, PEER_ID_SIZE) == 0)
		fail(h, HANDSHAKE_OURSELVES, "connected to ourselves");
	else
		h->state = HANDSHAKE_DONE;
}

void handshaker_accept(struct handshaker *h, const struct handshake *own)
{
	assert(h->state == HANDSHAKE_ASKS_TORRENT);
	assert(memcmp(own->info_hash, h->peer.info_hash, SHA1_SIZE) == 0);
	h->own = *own;
	h->state = HANDSHAKE_READING;
	say_handshake(h);
}

void handshaker_refuse(struct handshaker *h, const char *reason)
{
	assert(h->state == HANDSHAKE_ASKS_TORRENT || h->state == HANDSHAKE_ASKS_KEY);
	fail(h, HANDSHAKE_REFUSED, reason);
}

/* ---- MSE/PE ---- */

static void begin_sync(struct handshaker *h, size_t sync_size)
{
	begin_step(h, STEP_SYNC);
	h->sync_size = sync_size;
	h->need = MSE_PAD_MAX + sync_size;
}

/* What we offer. To prefer encryption means to offer nothing else: who cannot
 * is asked again in the clear. */
static uint32_t provided(enum encryption_policy policy)
{
	return policy == ENCRYPTION_ALLOWED ? MSE_PLAIN | MSE_RC4 : MSE_RC4;
}

/* What we choose of an offer; 0: nothing. When both ends merely allow it, the
 * plain stream saves both the work. */
static uint32_t selected(enum encryption_policy policy, uint32_t offer)
{
	if ((offer & MSE_PLAIN) && (policy == ENCRYPTION_ALLOWED || !(offer & MSE_RC4)))
		return policy == ENCRYPTION_REQUIRED ? 0 : MSE_PLAIN;
	return offer & MSE_RC4;
}

static void say_torrent(struct handshaker *h)
{
	uint8_t mask[SHA1_SIZE], skey[SHA1_SIZE], *at = reserve(h, 2 * SHA1_SIZE);
	size_t i;

	mse_sync_hash(h->shared, at);
	mse_mask_hash(h->shared, mask);
	mse_skey_hash(h->own.info_hash, skey);
	for (i = 0; i < SHA1_SIZE; i++)
		at[SHA1_SIZE + i] = mask[i] ^ skey[i];
	mse_stream_init(&h->stream, h->shared, h->own.info_hash, true);
	say_crypto(h, provided(h->policy), true);
}

static void on_dh(struct handshaker *h)
{
	static const uint8_t zeroes[MSE_VC_SIZE];
	struct rc4 ahead;

	h->encrypted = true;
	if (!h->initiator)
		say_key(h);
	if (!mse_shared_secret(h->secret, h->in, h->shared)) {
		fail(h, HANDSHAKE_ALIEN, "encryption: impossible public key");
		return;
	}
	if (!h->initiator) {
		mse_sync_hash(h->shared, h->sync);
		begin_sync(h, SHA1_SIZE);
		return;
	}
	say_torrent(h);
	say_handshake(h);
	/* What comes is in the clear until VC, which is zeroes under their key. */
	ahead = h->stream.in;
	rc4_apply(&ahead, zeroes, h->sync, sizeof(zeroes));
	begin_sync(h, MSE_VC_SIZE);
}

static void on_sync(struct handshaker *h)
{
	if (!h->initiator) {
		begin_step(h, STEP_SKEY);
		return;
	}
	rc4_skip(&h->stream.in, MSE_VC_SIZE);
	h->keyed = true;
	begin_step(h, STEP_SELECT);
}

static void on_skey(struct handshaker *h)
{
	size_t i;

	mse_mask_hash(h->shared, h->skey_hash);
	for (i = 0; i < SHA1_SIZE; i++)
		h->skey_hash[i] ^= h->in[i];
	h->state = HANDSHAKE_ASKS_KEY;
}

void handshaker_set_key(struct handshaker *h, const uint8_t info_hash[SHA1_SIZE])
{
	assert(h->state == HANDSHAKE_ASKS_KEY);
	memcpy(h->own.info_hash, info_hash, SHA1_SIZE);
	mse_stream_init(&h->stream, h->shared, info_hash, false);
	h->keyed = true;
	h->state = HANDSHAKE_READING;
	begin_step(h, STEP_PROVIDE);
}

/* Drop the padding, then `next`. */
static void begin_pad(struct handshaker *h, uint32_t pad, enum step next)
{
	begin_step(h, next);
	h->left = pad;
	if (pad > MSE_PAD_MAX)
		fail(h, HANDSHAKE_ALIEN, "encryption: padding too long");
}

/* From now on as agreed, but for in_left bytes of theirs. */
static void switch_stream(struct handshaker *h, uint32_t in_left)
{
	h->stream.encrypted = h->selected == MSE_RC4;
	h->stream.in_left = h->stream.encrypted ? 0 : in_left;
}

static void on_provide(struct handshaker *h)
{
	struct reader r;
	uint64_t vc;

	reader_init(&r, bytes_of(h->in, h->in_used));
	vc = read_u64(&r);
	h->selected = selected(h->policy, read_u32(&r));
	if (vc != 0)
		fail(h, HANDSHAKE_ALIEN, "encryption: wrong key");
	else if (h->selected == 0)
		fail(h, HANDSHAKE_POLICY, "encryption: nothing offered that we allow");
	else
		begin_pad(h, read_u16(&r), STEP_PAYLOAD);
}

static void on_payload(struct handshaker *h)
{
	uint32_t payload = (uint32_t)(h->in[0] << 8 | h->in[1]);

	say_crypto(h, h->selected, false);
	switch_stream(h, payload);
	begin_step(h, STEP_OPENING);
}

static void on_select(struct handshaker *h)
{
	struct reader r;
	uint16_t pad;

	reader_init(&r, bytes_of(h->in, h->in_used));
	h->selected = read_u32(&r);
	pad = read_u16(&r);
	if (h->selected != MSE_PLAIN && h->selected != MSE_RC4)
		fail(h, HANDSHAKE_ALIEN, "encryption: not one method selected");
	else if (!(h->selected & provided(h->policy)))
		fail(h, HANDSHAKE_POLICY,
		     "encryption: a method selected that we did not offer");
	else
		begin_pad(h, pad, STEP_OPENING);
	switch_stream(h, pad);
}

/* ---- bytes in and out ---- */

static void on_step(struct handshaker *h)
{
	switch ((enum step)h->step) {
	case STEP_DETECT:
		on_detect(h);
		break;
	case STEP_OPENING:
		on_opening(h);
		break;
	case STEP_PEER_ID:
		on_peer_id(h);
		break;
	case STEP_DH:
		on_dh(h);
		break;
	case STEP_SYNC:
		fail(h, HANDSHAKE_ALIEN, "encryption: no end of the padding");
		break;
	case STEP_SKEY:
		on_skey(h);
		break;
	case STEP_PROVIDE:
		on_provide(h);
		break;
	case STEP_PAYLOAD:
		on_payload(h);
		break;
	case STEP_SELECT:
		on_select(h);
		break;
	case STEPS:
		assert(false);
	}
}

static size_t take_pad(struct handshaker *h, struct bytes bytes)
{
	uint8_t waste[MSE_PAD_MAX];
	size_t size = bytes.size < h->left ? bytes.size : h->left;

	mse_stream_decrypt(&h->stream, bytes.data, waste, size);
	h->left -= size;
	return size;
}

/* One byte at a time: the bytes behind the pattern are another step's. */
static size_t take_sync(struct handshaker *h, struct bytes bytes)
{
	h->in[h->in_used++] = bytes.data[0];
	if (h->in_used >= h->sync_size &&
	    memcmp(h->in + h->in_used - h->sync_size, h->sync, h->sync_size) == 0)
		on_sync(h);
	else if (h->in_used == h->need)
		on_step(h);
	return 1;
}

static size_t take_step(struct handshaker *h, struct bytes bytes)
{
	size_t missing = h->need - h->in_used;
	size_t size = bytes.size < missing ? bytes.size : missing;

	if (h->keyed)
		mse_stream_decrypt(&h->stream, bytes.data, h->in + h->in_used, size);
	else
		memcpy(h->in + h->in_used, bytes.data, size);
	h->in_used += size;
	if (h->step == STEP_DETECT || h->step == STEP_OPENING)
		on_name(h);
	if (h->state == HANDSHAKE_READING && h->in_used == h->need)
		on_step(h);
	return size;
}

bool handshaker_on_bytes(struct handshaker *h, struct bytes bytes, size_t *used)
{
	size_t at = 0;

	while (h->state == HANDSHAKE_READING && at < bytes.size) {
		struct bytes rest = bytes_of(bytes.data + at, bytes.size - at);

		if (h->left > 0)
			at += take_pad(h, rest);
		else if (h->step == STEP_SYNC)
			at += take_sync(h, rest);
		else
			at += take_step(h, rest);
	}
	*used = at;
	return h->state != HANDSHAKE_FAILED;
}

size_t handshaker_output(struct handshaker *h, uint8_t *out, size_t max)
{
	size_t size = h->out_used - h->out_sent;

	if (size > max)
		size = max;
	if (size > 0)
		memcpy(out, h->out + h->out_sent, size);
	h->out_sent += size;
	return size;
}

void handshaker_deinit(struct handshaker *h)
{
	mse_wipe(h->secret, sizeof(h->secret));
	mse_wipe(h->shared, sizeof(h->shared));
}
