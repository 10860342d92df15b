/* tests/sim/dht_outsider.c: a host that speaks KRPC as a test tells it. */
#include "tests/sim/dht_outsider.h"

static void receive(void *owner, uint32_t host, const struct endpoint *from, struct bytes datagram)
{
	struct outsider *o = owner;
	const char *reason;
	struct krpc m;
	(void)host;
	o->got++;
	o->got_bytes += datagram.size;
	const bool query = krpc_decode(&m, datagram, &reason) && m.kind == KRPC_QUERY;
	if (query && o->serves) {
		const struct krpc reply = { .kind = KRPC_REPLY, .id = o->id, .transaction = m.transaction,
			                    .interval = -1, .total = -1 };
		uint8_t buffer[DATAGRAMS_SIZE_MAX];
		struct writer w;
		writer_init(&w, buffer, sizeof buffer);
		cr_assert(krpc_encode(&reply, &w));
		datagrams_send(dht_net_datagrams(o->sim->net), o->host, from, writer_bytes(&w));
	}
	if (query)
		return;
	o->last_size = datagram.size;
	memcpy(o->last, datagram.data, datagram.size);
	o->last_from = *from;
}

void outsider_join(struct outsider *o, struct sim *s, const struct endpoint *at)
{
	struct datagrams_host_config config = { .family = ENDPOINT_V4, .receive = receive, .owner = o };
	memset(o, 0, sizeof *o);
	if (at != NULL)
		config.endpoint = *at;
	o->sim = s;
	o->host = datagrams_add(dht_net_datagrams(s->net), &config);
	o->at = *datagrams_endpoint(dht_net_datagrams(s->net), o->host);
	sim_hash(0x10000 + o->host, o->id);
}

void outsider_send(struct outsider *o, uint32_t to, struct bytes datagram)
{
	o->sent++;
	o->sent_bytes += datagram.size;
	datagrams_send(dht_net_datagrams(o->sim->net), o->host, dht_net_at(o->sim->net, to), datagram);
}

static struct bytes encode(const struct krpc *m, uint8_t buffer[DATAGRAMS_SIZE_MAX])
{
	struct writer w;
	writer_init(&w, buffer, DATAGRAMS_SIZE_MAX);
	cr_assert(krpc_encode(m, &w));
	return writer_bytes(&w);
}

void outsider_say(struct outsider *o, uint32_t to, const struct krpc *m)
{
	uint8_t buffer[DATAGRAMS_SIZE_MAX];
	outsider_send(o, to, encode(m, buffer));
}

void outsider_say_as(struct outsider *o, const struct endpoint *source, uint32_t to,
                     const struct krpc *m)
{
	uint8_t buffer[DATAGRAMS_SIZE_MAX];
	const struct bytes datagram = encode(m, buffer);
	o->sent++;
	o->sent_bytes += datagram.size;
	datagrams_send_as(dht_net_datagrams(o->sim->net), o->host, source, dht_net_at(o->sim->net, to),
	                  datagram);
}

bool outsider_ask(struct outsider *o, uint32_t to, struct krpc *m, struct krpc *reply)
{
	const usec end = world_now(o->sim->world) + 10 * USEC_PER_SEC;
	const char *reason;
	m->kind = KRPC_QUERY;
	m->id = o->id;
	if (m->transaction.size == 0)
		m->transaction = bytes_of_text("ask");
	o->last_size = 0;
	outsider_say(o, to, m);
	while (o->last_size == 0 && world_step(o->sim->world, end))
		;
	return o->last_size != 0 && krpc_decode(reply, bytes_of(o->last, o->last_size), &reason) &&
	       reply->kind == KRPC_REPLY;
}

bool outsider_announce(struct outsider *o, uint32_t to, const uint8_t hash[DHT_ID_SIZE],
                       uint16_t port)
{
	uint8_t token[64];
	struct krpc get = { .method = KRPC_GET_PEERS, .target = hash }, reply;
	if (!outsider_ask(o, to, &get, &reply) || reply.token.size == 0 ||
	    reply.token.size > sizeof token)
		return false;
	const size_t size = reply.token.size;
	memcpy(token, reply.token.data, size);
	struct krpc announce = { .method = KRPC_ANNOUNCE_PEER, .target = hash, .has_port = true,
		                 .port = port, .token = bytes_of(token, size) };
	return outsider_ask(o, to, &announce, &reply);
}
