/* tests/unit/utp_packet_test.c: the header of BEP 29, and refusing a SYN. */
#include <criterion/criterion.h>

#include "proto/utp_packet.h"

static const uint8_t syn[UTP_HEADER_SIZE] = {
	0x41, 0, 0x12, 0x34, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 1, 0, 0,
};

Test(utp_packet, reads_and_writes_the_header)
{
	struct utp_packet p;
	uint8_t again[UTP_HEADER_SIZE];
	cr_assert(utp_packet_read(&p, bytes_of(syn, sizeof syn)));
	cr_assert_eq(p.type, UTP_SYN);
	cr_assert_eq(p.connection_id, 0x1234);
	cr_assert_eq(p.timestamp, 0x01020304);
	cr_assert_eq(p.window, 0x100000);
	cr_assert_eq(p.seq, 1);
	utp_packet_write(&p, again);
	cr_assert_arr_eq(again, syn, sizeof syn);
}

Test(utp_packet, refuses_what_is_no_packet)
{
	struct utp_packet p;
	uint8_t bad[UTP_HEADER_SIZE];
	for (size_t size = 0; size < sizeof syn; size++)
		cr_assert_not(utp_packet_read(&p, bytes_of(syn, size)));
	for (unsigned first = 0; first < 256; first++) {
		memcpy(bad, syn, sizeof bad);
		bad[0] = (uint8_t)first;
		const bool good = (first & 15) == UTP_VERSION && first >> 4 < UTP_TYPES;
		cr_assert_eq(utp_packet_read(&p, bytes_of(bad, sizeof bad)), good);
	}
}

Test(utp_packet, only_a_syn_is_refused_by_one_reset)
{
	uint8_t out[UTP_HEADER_SIZE], again[UTP_HEADER_SIZE], other[UTP_HEADER_SIZE];
	struct utp_packet p;
	cr_assert(utp_refusal(bytes_of(syn, sizeof syn), out));
	cr_assert(utp_packet_read(&p, bytes_of(out, sizeof out)));
	cr_assert_eq(p.type, UTP_RESET);
	cr_assert_eq(p.connection_id, 0x1234);
	cr_assert_eq(p.ack, 1);
	cr_assert_not(utp_refusal(bytes_of(out, sizeof out), again), "a reset gets no answer");
	for (unsigned type = 0; type < UTP_SYN; type++) {
		memcpy(other, syn, sizeof other);
		other[0] = (uint8_t)(type << 4 | UTP_VERSION);
		cr_assert_not(utp_refusal(bytes_of(other, sizeof other), out));
	}
}
