/* host.pml -- one host's rows, from the API through a compacted topic into the database, over several runs.
 *
 * A number names one fetch (it is called at most once: slots.pml), one empty set, one purge or one row of Host List. What a fetch
 * read goes out in two steps, a part and the message with the plain key (PARTS=0: the latter alone). A fetch may be LOST at any
 * moment (ZOMBIES); what it had handed over still comes, at any later time, whole, with holes, or not at all.
 * The topic as compaction leaves it: the last message of each key. The loader's transaction is one message.
 *
 * The leader crashes (CRASHES) at any moment, also between choosing a number and sending under it, and goes on with progress.db
 * (MEMORY) or without (FORGET); what the old one had in hand comes late (it was frozen) or never. The loader crashes (LCRASHES)
 * between commit and Report, or was frozen there: then its Report comes late, after those of the one that took over.
 * The API changes its mind CHANGES times: not listed, listed without detections, two different sets.
 *
 * Properties: rows never go back to an older set; from COMPLETE to the next run's start the rows are what the API said at or after
 * the run's start; whenever the loader has read all and no mark stands, a rebuild from the topic gives what the database holds;
 * where nothing can move, all RUNS are complete, no mark stands and no part of another set is left on the topic.
 *
 * NO_...: a rule off (README.md). LIST: with the topic of Host List. */
#define NMAX 22 /* numbers 1 .. 21: never reached, asserted */
#define GONE 0  /* truth: not listed */
#define BARE 1  /* listed, no detections */
#define VALUE(t) ((t) >= 2 -> (t) : 0)

/* ---- the API */
byte truth = 2, right = 4; /* right: bits, what the rows may be once this run is complete */
byte changes = CHANGES;

/* ---- numbers */
#define FETCH 1
#define EMPTY 2
#define PURGE 3
#define ROW 4
byte kind[NMAX], rows[NMAX], next[NMAX]; /* rows: the set's; next step to be delivered: 0 part, 1 plain key, 2 none left */
bit lost[NMAX];                          /* its producer is gone: each step comes, or never */
byte number;

/* ---- topics, compacted */
chan detections = [2] of { byte, byte }; /* number, step; 2: tombstone of a part */
chan hosts = [2] of { byte };
byte last, last_row, end, row_end;
bit part[NMAX];
/* qidflow.reports, as two: what stands between is never assumed */
chan accounts = [1] of { byte, byte, byte, byte }; /* who, number, end, rows */
chan told = [1] of { byte, byte, byte, byte, byte, byte }; /* who, generation, position, that of hosts, FLAGS, stale */
#define R_FETCHED 1
#define R_LOST 2
#define R_FIRST 3
#define R_LOADER 4
#define F_MARK 1
#define F_KNOWN 2
#define F_DETECTED 4

/* ---- progress.db */
#define START 0
#define FETCHING 1
#define CLOSING 2
#define LOADING 3
#define COMPLETE 4
byte phase, runs = 1, sent, must, row_must, gen = 1;
bit want = 1, want_row = LIST, left_out, unsure;
/* ---- the leader's memory */
byte passed, row_passed, telling;
bit known, detected, marked, listed = 1, unnamed; /* unnamed: Host List did not name it when it was asked */

/* ---- database */
byte db, db_row, pos, row_pos;
bit staged[NMAX], stale[NMAX], mark, row_mark;
byte heard = 1;              /* generation read on qidflow.runs */
/* ---- the loader's memory */
byte first_for; /* first_for: generation that it has been told for */
bit tell, caught_up, new_mark;
byte late_gen, late_pos, late_row, late_flags, late_any;

byte zombies = ZOMBIES, crashes = CRASHES, lcrashes = LCRASHES;
byte calling;                /* the fetch under way */
bit due, row_due;            /* a mark that the leader has been told of stands */

#define MARKED (mark || row_mark)
#define FLAGS(m) ((m -> F_MARK : 0) | ((db && kind[db] != PURGE) || (db_row && kind[db_row] == ROW) -> F_KNOWN : 0) | (rows[db] -> F_DETECTED : 0))
#define ANY(C) (C(1) || C(2) || C(3) || C(4) || C(5) || C(6) || C(7) || C(8) || C(9) || C(10) || C(11) || C(12) || C(13) || \
	C(14) || C(15) || C(16) || C(17) || C(18) || C(19) || C(20) || C(21))
#define STALE(n) stale[n]
#define LITTER(n) (part[n] && n != db)
#define HAS_PARTS(n) (PARTS && kind[n] == FETCH)

inline rebuild() {
	assert(nempty(detections) || mark || (last == db && (!HAS_PARTS(db) || part[db])));
	assert(nempty(hosts) || row_mark || last_row == db_row)
}
inline judge_rows() { assert(phase != COMPLETE || (right >> rows[db]) & 1) }

/* ================================================= leader */
inline new_number(what) {
	number++;
	assert(number < NMAX);
	kind[number] = what
}
inline send_plain(n) { /* an empty set or a tombstone */
	detections!n, 1; next[n] = 2; end++; last = n; must = end
}
inline send_row(n) { hosts!n; row_end++; last_row = n; row_must = row_end }

inline crash() {
	crashes--; gen++;
	passed = 0; row_passed = 0; marked = 0; known = 0; detected = 0; listed = 1; telling = 0; unnamed = 0;
	if
	:: MEMORY -> phase = START; want_row = LIST
	:: FORGET -> phase = START; want_row = LIST; want = 1; sent = 0; left_out = 0; must = 0; row_must = 0; runs++;
		unsure = !NO_UNACCOUNTED; right = 1 << VALUE(truth)
	fi
}
inline take_mark() { /* who is asked, or answered, because of a mark */
	marked = 0;
	if
	:: phase >= CLOSING && !listed && !NO_PURGE_MARKED -> telling = PURGE
	:: phase < CLOSING || listed || NO_PURGE_MARKED -> want = 1; want_row = (LIST && !NO_LIST_AGAIN); unsure = (NO_ANSWER -> unsure : 1); phase = FETCHING
	fi
}

proctype Leader() {
	byte who, a, p, q, f, s;
end1:
	do
	:: atomic { (phase != START || NO_FIRST_FIRST) && nempty(accounts) -> accounts?who, a, p, f;
		if
		:: who == R_FETCHED && sent == a -> sent = 0; must = p;
			if
			:: f -> detected = 1; left_out = 0
			:: !f && (detected || unsure) -> left_out = 1
			:: else
			fi
		:: who == R_LOST && sent == a -> sent = 0; want = 1; unsure = (NO_LOST_UNSURE -> unsure : 1)
		:: else /* not outstanding */
		fi;
		who = 0; a = 0; p = 0; f = 0 }
	:: atomic { told?who, a, p, q, f, s ->
		if
		:: a >= gen || NO_GENERATION ->
			if
			:: NO_MAX -> passed = p; row_passed = q
			:: !NO_MAX -> if :: p > passed -> passed = p :: else fi; if :: q > row_passed -> row_passed = q :: else fi
			fi;
			if :: f & F_MARK && phase != COMPLETE -> marked = 1; due = mark; row_due = row_mark :: else fi;
			if :: who == R_FIRST && (f & F_KNOWN) -> known = 1 :: else fi;
			if :: who == R_FIRST && (f & F_DETECTED) -> detected = 1 :: else fi;
			if :: who == R_FIRST && phase == START -> phase = FETCHING :: else fi;
			if :: s && part[s] -> part[s] = 0; detections!s, 2; end++; rebuild() :: else fi
		:: else
		fi;
		who = 0; a = 0; p = 0; q = 0; f = 0; s = 0 }
	:: atomic { phase == FETCHING && want_row ->
		want_row = 0;
		if
		:: truth != GONE -> new_number(ROW); telling = ROW; unnamed = 0
		:: else -> unnamed = 1
		fi }
	:: atomic { telling == ROW && nfull(hosts) -> telling = 0; send_row(number) }
	:: atomic { phase == FETCHING && want && !sent && !telling -> want = 0; new_number(FETCH); sent = number; next[number] = 3 }
	:: atomic { phase == FETCHING && !want && !want_row && !sent && !telling -> phase = CLOSING; listed = (truth != GONE);
		if
		:: listed && unnamed && !NO_LIST_UNNAMED -> want_row = 1; phase = FETCHING
		:: !listed && (known || (unsure && !NO_PURGE_MARKED)) -> telling = PURGE
		:: listed && (!unnamed || NO_LIST_UNNAMED) && left_out -> telling = EMPTY
		:: listed && (!unnamed || NO_LIST_UNNAMED) && !left_out || !listed && !known && !(unsure && !NO_PURGE_MARKED) -> phase = LOADING; left_out = 0
		fi }
	:: atomic { telling >= EMPTY && telling <= PURGE -> new_number(telling);
		next[number] = 1;
		telling = telling + 8 }
	:: atomic { telling >= 8 && nfull(detections) && (!LIST || telling != PURGE + 8 || nfull(hosts)) ->
		if :: LIST && telling == PURGE + 8 -> send_row(number) :: else fi;
		send_plain(number); telling = 0; unsure = 0; left_out = 0; phase = LOADING }
	:: atomic { marked && phase == LOADING && !telling && passed >= must && row_passed >= row_must -> take_mark() }
	:: atomic { phase == LOADING && !marked && !telling && passed >= must && row_passed >= row_must -> phase = COMPLETE; unsure = 0; judge_rows(); assert(!due && !row_due) }
	:: atomic { phase == COMPLETE && runs < RUNS -> runs++; gen++; phase = START; want = 1; want_row = LIST; right = 1 << VALUE(truth); detected = 0; known = 0; must = 0; row_must = 0;
		passed = 0; row_passed = 0 }
	:: atomic { crashes && phase != COMPLETE && (gen == first_for || sent || telling) ->
		if
		:: telling >= 8 -> lost[number] = 1        /* it was frozen: comes late, or never */
		:: telling == ROW -> lost[number] = 1; next[number] = 1
		:: else
		fi;
		crash() }
	od
}

/* ================================================= fetcher */
proctype Fetcher() {
end2:
	do
	:: atomic { sent && next[sent] == 3 && !calling -> calling = sent; rows[sent] = VALUE(truth);
		next[sent] = (rows[sent] == 0 -> 2 : (PARTS -> 0 : 1)) }
	:: atomic { calling && next[calling] == 2 && nfull(accounts) -> accounts!R_FETCHED, calling, end, rows[calling]; calling = 0 }
	:: atomic { calling && zombies && nfull(accounts) -> zombies--; accounts!R_LOST, calling, 0, 0; lost[calling] = 1; calling = 0 }
	:: atomic { calling && sent != calling && next[calling] == 2 -> calling = 0 } /* nobody waits for it */
	od
}

/* ================================================= what is on its way */
#define STEP(n) :: atomic { next[n] < 2 && kind[n] == FETCH && nfull(detections) -> \
		detections!n, next[n]; end++; if :: next[n] == 0 -> part[n] = 1 :: else -> last = n fi; next[n] = next[n] + 1 } \
	:: atomic { next[n] < 2 && kind[n] == FETCH && lost[n] -> next[n] = next[n] + 1 } \
	:: atomic { lost[n] && kind[n] >= EMPTY && next[n] == 1 && (kind[n] == ROW || nfull(detections)) && (kind[n] == EMPTY || !LIST || nfull(hosts)) -> \
		next[n] = 2; \
		if :: LIST && kind[n] != EMPTY -> hosts!n; row_end++; last_row = n :: else fi; \
		if :: kind[n] != ROW -> detections!n, 1; end++; last = n :: else fi } \
	:: atomic { lost[n] && kind[n] >= EMPTY && next[n] == 1 -> next[n] = 2 }
proctype Net() {
end3:
	do
	STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7) STEP(8) STEP(9) STEP(10) STEP(11) STEP(12) STEP(13) STEP(14)
	STEP(15) STEP(16) STEP(17) STEP(18) STEP(19) STEP(20) STEP(21)
	od
}

/* ================================================= loader */
inline apply(n) {
	assert(n > db);
	if :: HAS_PARTS(db) && !NO_STALE -> stale[db] = 1 :: else fi;
	for (i : 1 .. n) {
		if :: staged[i] -> staged[i] = 0; stale[i] = (i < n && !NO_STALE) :: else fi
	}
	i = 0;
	db = n; mark = 0; due = 0
}

proctype Loader() {
	byte n, k, i, s;
end4:
	do
	:: atomic { detections?n, k -> pos++;
		if
		:: k == 0 && n > db -> staged[n] = 1
		:: k == 0 && n <= db -> stale[n] = (!NO_STALE && !NO_STALE_LATE) /* a zombie's */
		:: k == 1 && n < db && !NO_NAMES -> if :: !NO_MARK -> mark = 1; new_mark = 1 :: else fi
		:: k == 1 && n > db && HAS_PARTS(n) && !staged[n] && !NO_WHOLE -> if :: !NO_MARK_PARTS -> mark = 1; new_mark = 1 :: else fi
		:: k == 1 && (n < db && NO_NAMES || n > db && (NO_WHOLE || !HAS_PARTS(n) || staged[n])) -> apply(n)
		:: k == 2 -> stale[n] = 0
		fi;
		rebuild(); judge_rows();
		tell = 1; n = 0; k = 0 }
	:: atomic { hosts?n -> row_pos++;
		if
		:: n > db_row -> db_row = n; row_mark = 0; row_due = 0
		:: n < db_row -> if :: !NO_ROW_MARK -> row_mark = 1; new_mark = 1 :: else fi
		fi;
		rebuild(); tell = 1; n = 0 }
	:: atomic { !caught_up && empty(detections) && empty(hosts) -> caught_up = 1 }
	:: atomic { heard < gen -> heard = gen }
	:: atomic { caught_up && heard > first_for && (!NO_FIRST_AGAIN || first_for == 0) && nfull(told) -> first_for = heard;
		told!R_FIRST, heard, pos, row_pos, FLAGS(MARKED), 0; tell = 0; new_mark = 0 }
	:: atomic { first_for && tell && nfull(told) -> tell = 0;
		if :: ANY(STALE) -> s = 1; do :: stale[s] -> break :: !stale[s] -> s++ od :: else fi;
		told!R_LOADER, heard, pos, row_pos, FLAGS(new_mark), s; new_mark = 0;
		if :: NO_STALE_KEEP && s -> stale[s] = 0 :: else fi;
		s = 0 }
	:: atomic { first_for && !tell && ANY(STALE) && phase >= COMPLETE && empty(told) && empty(detections) -> tell = 1 } /* told again, in time */
	:: atomic { lcrashes && ((first_for && tell) || (caught_up && heard > first_for)) -> lcrashes--;
		if
		:: late_any = (heard > first_for -> R_FIRST : R_LOADER); late_gen = heard; late_pos = pos; late_row = row_pos;
			late_flags = FLAGS((heard > first_for -> MARKED : new_mark))
		:: skip
		fi;
		tell = 0; first_for = 0; caught_up = 0; new_mark = 0;
		if :: NO_MARK_KEEP -> mark = 0; row_mark = 0 :: else fi;
		for (i : 1 .. number) { if :: NO_STALE_KEEP -> stale[i] = 0 :: else fi }
		i = 0 }
	:: atomic { late_any && nfull(told) -> told!late_any, late_gen, late_pos, late_row, late_flags, 0; late_any = 0; late_gen = 0; late_pos = 0; late_row = 0; late_flags = 0 }
	od
}

proctype World() {
end5:
	do
	:: atomic { changes && number -> changes--;
		if :: truth != 0 -> truth = 0 :: truth != 1 -> truth = 1 :: truth != 2 -> truth = 2 :: truth != 3 -> truth = 3 fi;
		right = right | (1 << VALUE(truth)) }
	od
}

proctype Judge() {
end6:
	atomic { timeout -> assert(phase == COMPLETE && runs >= RUNS); rebuild(); assert(!(ANY(LITTER))) }
}

init { atomic { run Leader(); run Fetcher(); run Net(); run Loader(); run World(); run Judge() } }
