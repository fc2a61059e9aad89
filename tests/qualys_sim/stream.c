/* stream.c -- a long answer on its way: pieces of the body, packed by gzip where that was agreed, no faster than the
 * bandwidth, broken where a fault says so.
 *
 * The library calls stream_read on the connection's own thread whenever it can send; sleeping there is the pacing. */
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "answer.h"
#include "call.h"

#define PIECE_BYTES (256 * 1024)

struct stream {
	struct call *call;
	struct answer *answer;
	enum answer_end end; /* of what is held */
	const char *held;    /* in answer->out or in packed */
	size_t held_bytes;
	bool gzip;
	struct isal_zstream packer;
	uint8_t *level_buffer;
	struct text_buffer packed;
	double started;
	uint64_t sent_bytes, xml_bytes;
};

static void pack(struct stream *s)
{
	struct isal_zstream *z = &s->packer;
	z->next_in = (uint8_t *)s->answer->out.bytes;
	z->avail_in = (uint32_t)s->answer->out.length;
	bool last = s->end == ANSWER_DONE && s->answer->fault != FAULT_TRUNCGZIP;
	z->end_of_stream = last;
	z->flush = s->end == ANSWER_GOES_ON ? NO_FLUSH : SYNC_FLUSH;
	s->packed.length = 0;
	do {
		text_buffer_grow(&s->packed, PIECE_BYTES);
		z->next_out = (uint8_t *)s->packed.bytes + s->packed.length;
		z->avail_out = PIECE_BYTES;
		if (isal_deflate(z) != COMP_OK)
			abort();
		s->packed.length += PIECE_BYTES - z->avail_out;
	} while (z->avail_out == 0 || z->avail_in);
}

static void fill(struct stream *s)
{
	struct answer *a = s->answer;
	a->out.length = 0;
	s->end = ANSWER_GOES_ON;
	while (s->end == ANSWER_GOES_ON && a->out.length < PIECE_BYTES)
		s->end = answer_more(a);
	s->xml_bytes += a->out.length;
	s->held = a->out.bytes;
	s->held_bytes = a->out.length;
	if (s->gzip) {
		pack(s);
		s->held = s->packed.bytes;
		s->held_bytes = s->packed.length;
	}
}

static ssize_t end_with_reset(struct stream *s)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	call_release(s->call);
	setsockopt(call_socket(s->call), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* The most that may go out now; sleeps until some may. 0: the client is gone. */
static size_t pace(struct stream *s, size_t wanted)
{
	uint64_t bandwidth = s->call->sim->options.bandwidth;
	if (bandwidth == 0)
		return wanted;
	size_t most = (size_t)(bandwidth / 20 ? bandwidth / 20 : 1);
	double due = s->started + (double)s->sent_bytes / (double)bandwidth, now = limits_clock();
	if (due > now && !call_sleep(s->call, due - now))
		return 0;
	return wanted < most ? wanted : most;
}

static ssize_t stream_read(void *arg, uint64_t position, char *buffer, size_t room)
{
	struct stream *s = arg;
	(void)position;
	if (sim_refuses(s->call->sim))
		return end_with_reset(s);
	while (s->held_bytes == 0) {
		if (s->end == ANSWER_PAUSE && !call_sleep(s->call, 1))
			return MHD_CONTENT_READER_END_WITH_ERROR;
		if (s->end == ANSWER_RESET)
			return end_with_reset(s);
		if (s->end == ANSWER_DONE) {
			call_release(s->call);
			return MHD_CONTENT_READER_END_OF_STREAM;
		}
		fill(s);
	}
	size_t n = pace(s, s->held_bytes < room ? s->held_bytes : room);
	if (n == 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	memcpy(buffer, s->held, n);
	s->held += n;
	s->held_bytes -= n;
	s->sent_bytes += n;
	return (ssize_t)n;
}

static bool wants_gzip(const struct call *c)
{
	const char *accepts = MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, "Accept-Encoding");
	return c->sim->options.gzip && accepts && strstr(accepts, "gzip");
}

static void start_gzip(struct stream *s)
{
	s->gzip = true;
	isal_deflate_init(&s->packer);
	s->packer.level = 1;
	s->packer.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
	s->packer.level_buf = s->level_buffer = sim_alloc(ISAL_DEF_LVL1_DEFAULT);
	s->packer.gzip_flag = IGZIP_GZIP;
}

enum MHD_Result stream_send(struct call *c, struct request *r)
{
	struct stream *s = sim_alloc(sizeof(*s));
	s->call = c;
	s->started = limits_clock();
	s->answer = answer_open(&c->sim->world, c->sim->pool, r, c->fault, c->chance);
	c->stream = s;
	struct MHD_Response *response =
	    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_BYTES, stream_read, s, NULL);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "application/xml");
	reply_put_headers(c, response);
	if (wants_gzip(c)) {
		start_gzip(s);
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	}
	enum MHD_Result result = MHD_queue_response(c->connection, 200, response);
	MHD_destroy_response(response);
	return result;
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	stats_bytes(&s->call->sim->stats, s->call->api, s->xml_bytes, s->sent_bytes);
	answer_close(s->answer);
	free(s->level_buffer);
	text_buffer_free(&s->packed);
	free(s);
}
