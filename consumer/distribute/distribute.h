/* distribute.h -- the seam between the core, which knows when what is sent, and the types of targets.
 *
 * A type is a struct distribute_ops and a line in distribute_types[]. The core (send.c) calls send() in a thread of the
 * target's own until the snapshot is there, with pauses between; it keeps state, logs, and holds the snapshot's folder: whole,
 * unchanged, not removed by publish.keep before the call ends. One process at a time sends to a target. */
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
	DISTRIBUTE_REFUSED, /* will not, before somebody changes something: credentials, a missing bucket */
	DISTRIBUTE_STOPPED  /* distribute_is_over() by a stop; the next start goes on */
};

enum { DISTRIBUTE_WHY = 512, DISTRIBUTE_SUM = 65 };

struct distribute_job {
	const struct config *config;
	const char *name;     /* "share" of [distribute.share] */
	const char *folder;   /* DATA/publish/20261124T030000Z */
	const char *snapshot; /* "20261124T030000Z" */
	const char *sum; /* SHA-256 of its manifest.json, in hex: two of the same name need not be the same */
	char settings[DISTRIBUTE_SUM]; /* sum of ops->settings as they are now; "": there are none */
	bool again;                    /* by --again: what the state says of the target counts for nothing */
	struct db *state; /* DATA/distribute/share.db: tables of the type's own, named by it ("s3_part") */
	int lock;         /* of DATA/distribute/share.lock; a child that inherits it keeps others away, too */
	int hold;         /* of `folder`; a child that inherits it keeps publish.keep away from it, too */
	int64_t deadline_ms; /* clock_ms(): end before it, with RETRY */
	atomic_bool *stop;   /* end soon, with STOPPED */
	char why
	    [DISTRIBUTE_WHY]; /* where not SENT: what failed and the remedy, no secrets; distribute_say() */
	char how
	    [DISTRIBUTE_WHY]; /* where SENT, for log and status: "3 of 7 files, the rest was there"; or "" */
	bool doubtful;        /* of check(): how is a warning */
	uint64_t bytes;       /* that went over the wire or to the share */
};

struct distribute_ops {
	const char *type; /* as in distribute.*.type */
	/* What the settings point at, without secrets: "s3://bucket/prefix at https://…". When it changes, what was sent
	 * before counts no more. free() it. NULL: a setting is missing or wrong, ret_why says which. */
	char *(*describe)(const struct config *c, const char *name, char ret_why[static DISTRIBUTE_WHY]);
	/* Those that change what lies there ("files"), NULL-ended: a snapshot that was sent with others is sent again. NULL: none. */
	const char *const *settings;
	/* For `qidflow check`: reachable, credentials, room; leaves nothing there. folder, snapshot, sum, state: NULL.
	 * true: job->how says what was found; false: job->why what is wrong, and the remedy. */
	bool (*check)(struct distribute_job *job);
	/* Asked where the state says that it was sent: is it there still? Cheap. SENT: *ret_holds, and where it is false job->why says
	 * what is missing; who may not look believes the state. NULL: it cannot be asked. */
	enum distribute_end (*holds)(struct distribute_job *job, bool *ret_holds);
	enum distribute_end (*send)(struct distribute_job *job);
};
extern const struct distribute_ops *const distribute_types[]; /* ends with NULL */

/* Writes job->why and is `end`; logs nothing, which the core does, once. */
__attribute__((format(printf, 3, 4))) enum distribute_end distribute_say(
    struct distribute_job *job, enum distribute_end end, const char *format, ...);
/* A stop was requested, or no time is left. Ask it between any two things that may take longer than 100 ms, and let no
 * call block for longer without a time-out. stop_fd() of stop.h wakes a poll(). */
bool distribute_is_over(const struct distribute_job *job);
enum distribute_end distribute_over(struct distribute_job *job); /* of what was cut short by it */
/* "distribute.share.timeout", for config_text() and others; good until this thread's next eighth call. */
const char *distribute_setting(const char *name, const char *setting);
#endif
