/* proto/utp_packet.c: the uTP packet header (BEP 29). */
#include "proto/utp_packet.h"

#include "proto/wire.h"

bool utp_packet_read(struct utp_packet *p, struct bytes datagram)
{
	struct reader r;
	reader_init(&r, datagram);
	const uint8_t first = read_u8(&r);
	if ((first & 0x0f) != UTP_VERSION || first >> 4 >= UTP_TYPES)
		return false;
	p->type = (enum utp_type)(first >> 4);
	p->extension = read_u8(&r);
	p->connection_id = read_u16(&r);
	p->timestamp = read_u32(&r);
	p->difference = read_u32(&r);
	p->window = read_u32(&r);
	p->seq = read_u16(&r);
	p->ack = read_u16(&r);
	return !r.failed;
}

void utp_packet_write(const struct utp_packet *p, uint8_t out[UTP_HEADER_SIZE])
{
	struct writer w;
	writer_init(&w, out, UTP_HEADER_SIZE);
	write_u8(&w, (uint8_t)(p->type << 4 | UTP_VERSION));
	write_u8(&w, p->extension);
	write_u16(&w, p->connection_id);
	write_u32(&w, p->timestamp);
	write_u32(&w, p->difference);
	write_u32(&w, p->window);
	write_u16(&w, p->seq);
	write_u16(&w, p->ack);
}

bool utp_refusal(struct bytes datagram, uint8_t out[UTP_HEADER_SIZE])
{
	struct utp_packet syn;
	if (!utp_packet_read(&syn, datagram) || syn.type != UTP_SYN)
		return false;
	const struct utp_packet reset = {
		.type = UTP_RESET,
		.connection_id = syn.connection_id,
		.ack = syn.seq,
	};
	utp_packet_write(&reset, out);
	return true;
}
