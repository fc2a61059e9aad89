/* distribute.h -- the seam between the core, which knows when what is sent and what became of it, and the types of targets.
 *
 * A type is a struct distribute_ops and a line in distribute_types[]. The core (send.c) calls send() in a thread of the
 * target's own until the snapshot is there, with pauses between; it keeps state, logs, and holds the snapshot's folder: whole,
 * it does not change, and publish.keep does not remove it before the call ends. Only one process sends to a target at a time. */
#ifndef DISTRIBUTE_H
#define DISTRIBUTE_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct db;

enum distribute_end {
	DISTRIBUTE_SENT, /* the target holds the snapshot, whole */
	DISTRIBUTE_RETRY, /* may work in a while: a network, a server that restarts, a full disk, no time left */
	DISTRIBUTE_REFUSED, /* will not, before somebody changes something: credentials, a bucket that is missing */
	DISTRIBUTE_STOPPED /* distribute_is_over() by a stop; the next start goes on */
};

enum { DISTRIBUTE_WHY = 512 };

struct distribute_job {
	const struct config *config;
	const char *name;     /* "share" of [distribute.share] */
	const char *folder;   /* DATA/publish/20261124T030000Z, absolute or as DATA is given */
	const char *snapshot; /* "20261124T030000Z" */
	struct db *
	    state; /* DATA/distribute/share.db: tables of the type's own, named by it ("s3_part"); this thread's alone */
	int64_t deadline_ms; /* clock_ms(): end before it, with RETRY */
	atomic_bool *stop;   /* end soon, with STOPPED */
	char why
	    [DISTRIBUTE_WHY]; /* of what is not SENT: what failed and the remedy, no secrets. distribute_say() */
	char how
	    [DISTRIBUTE_WHY]; /* of what is SENT, for log and status, e.g. "3 of 7 files, the rest was there"; may be empty */
	uint64_t bytes; /* that went over the wire or to the share */
};

struct distribute_ops {
	const char *type; /* as in distribute.*.type */
	/* What the settings point at, without secrets: "s3://bucket/prefix at https://…". When it changes, what was sent
	 * before counts no more. free() it. NULL: a setting is missing or wrong, ret_why says which. */
	char *(*describe)(const struct config *c, const char *name, char ret_why[static DISTRIBUTE_WHY]);
	/* For `qidflow check`: reachable, credentials, room, without leaving anything there. ret_text: what was found, or what is
	 * wrong and the remedy. */
	bool (*check)(const struct distribute_job *job,
	    char ret_text[static DISTRIBUTE_WHY]); /* folder, snapshot, state: NULL */
	enum distribute_end (*send)(struct distribute_job *job);
};
extern const struct distribute_ops *const distribute_types[]; /* ends with NULL */
extern const struct distribute_ops distribute_command, distribute_directory,
    distribute_s3; /* distribute_postgresql */

/* Writes job->why, logs nothing (the core does, once), and is `end`, so that a function that cannot go on ends with it. */
__attribute__((format(printf, 3, 4))) enum distribute_end distribute_say(
    struct distribute_job *job, enum distribute_end end, const char *format, ...);
/* A stop was requested (of the process, or by *stop), or there is no time left. Ask it between any two things that may take
 * longer than 100 ms, and let no call block for longer without a time-out. stop_fd() of stop.h wakes a poll(). */
bool distribute_is_over(const struct distribute_job *job);
/* For the end of what was cut short by it: STOPPED, or RETRY with "no time left (distribute.share.timeout)". */
enum distribute_end distribute_over(struct distribute_job *job);
/* "distribute.share.timeout" as config_text() and config_number() take it; good until this thread's next call. */
const char *distribute_setting(const char *name, const char *setting);
#endif
