/* slots.pml -- batches, slots and leaders: who may call, how often, and that nobody waits for ever.
 *
 * Two slots, each a log whose head is the committed position, with "done, generation, begun" in the commit's metadata. What a
 * call brings is not looked at here (host.pml). A fetcher is one process a slot. A slot may move (MOVES) at any moment: the
 * new owner finds what the commit says; the old one is a zombie, whose commits are refused, but whose last Report still
 * comes at any later time, or never: FETCHED, or that it lives and has let the batch go.
 *
 * The leader may be taken over (TAKES) at any moment: with progress.db (MEMORY), without it (FORGET), or either. The old
 * one wakes up late: a Batch that it had stored comes once more, or (FORGET: it has a memory of its own) it gives one more
 * number and sends that. LATE=0: it does not wake up.
 *
 * Properties: a number is called at most once; at most LIMIT calls at once but for those of frozen processes; a Report
 * is counted for the batch it was sent for; nobody is charged for what no fetcher did, nor, once all is read, for one that
 * lives and said so; where nothing can move, the run is complete; where a slot has once answered a leader, no Batch of an older one is called.
 *
 * NO_...: a rule off (README.md). */
#define BMAX 12 /* batches 1 .. 11 */
#define ALL 3   /* two units of work */

chan slot0 = [6] of { byte, byte }; /* batch, generation */
chan slot1 = [6] of { byte, byte };
chan reports = [4] of { byte, byte, byte }; /* kind, batch, highest */
chan zombies = [4] of { byte, byte };
#define ENDED 1
#define FETCHED 2
#define LOST 3
#define LETGO 4 /* LOST by the zombie that had begun it: it lives */

/* ---- batches: what their messages say */
byte ids, num[BMAX], runof[BMAX], mask[BMAX];
bit at[BMAX], called[BMAX], dead[BMAX], late[BMAX]; /* slot; its fetcher died over it; sent by a leader that was frozen */
bit lives[BMAX], charged[BMAX]; /* its fetcher lives, and that is not read yet; LOST counts against it all the same */

/* ---- the group's commits, and what a scan of the slot sees last */
byte done[2], dgen[2], begun[2], last[2];
bit calling[2];
byte what[2];

/* ---- progress.db */
#define SENT 1
#define OVER 2    /* the call is over, the slot is taken */
#define CLOSED 3
byte st[BMAX], number, want = ALL, gen = 1, runs = 1;
bit foreign[BMAX], complete, fenced[2]; /* fenced: this slot has answered this leader */
byte got;

/* ---- failures to come */
byte moves = MOVES, takes = TAKES;
byte late_batch, late_gen, late_number, late_run, late_more, late_more_gen;

#define OUT(b) (st[b] == SENT || st[b] == OVER)
#define EACH(C) (C(1) + C(2) + C(3) + C(4) + C(5) + C(6) + C(7) + C(8) + C(9) + C(10) + C(11))
#define IS_SENT(b) (st[b] == SENT)
#define ON0(b) (OUT(b) && !at[b])
#define ON1(b) (OUT(b) && at[b])
#define ANY_OUT(b) OUT(b)
#define GONE(b) (OUT(b) && last[at[b]] != b)
#define COUNTED(s) (calling[s] && !late[what[s]])

inline produce(batch, in_gen) {
	if
	:: !at[batch] -> slot0!batch, in_gen
	:: at[batch] -> slot1!batch, in_gen
	fi;
	last[at[batch]] = batch
}
inline new_batch(new_number, new_run, in_slot, units) {
	ids++;
	assert(ids < BMAX);
	num[ids] = new_number; runof[ids] = new_run; at[ids] = in_slot; mask[ids] = units
}

/* ================================================= the fetcher that holds slot s */
#define MOVED moves > 0 -> moves--
inline over() { calling[s] = 0; what[s] = 0; b = 0; g = 0 }
inline commit() {
	q?_, _;
	begun[s] = 0;
	if :: num[b] > done[s] -> done[s] = num[b] :: else fi;
	if :: g > dgen[s] -> dgen[s] = g :: else fi;
	over()
}

proctype Fetcher(bit s; chan q) {
	byte b, g;
idle:
end1:
	atomic { q?<b, g>;
		if
		:: !NO_GEN && g < dgen[s] -> q?_, _; begun[s] = 0; over(); goto idle
		:: (NO_GEN || g >= dgen[s]) && !NO_SKIP && num[b] <= done[s] ->
			if
			:: NO_LOST -> q?_, _; over(); goto idle
			:: !NO_LOST -> goto passed
			fi
		:: else -> if
			:: !NO_BEGUN && begun[s] == num[b] -> goto lost
			:: else -> begun[s] = num[b]
			fi
		fi;
		assert(!called[b]);
		assert(!late[b] || !fenced[s]);
		called[b] = 1; calling[s] = 1; what[s] = b;
		assert(COUNTED(0) + COUNTED(1) <= LIMIT) }
	if /* the call */
	:: atomic { MOVED; dead[b] = 1; if :: zombies!FETCHED, b :: WORDS -> zombies!LETGO, b; lives[b] = 1 :: skip fi; over(); goto idle }
	:: atomic { nfull(reports) -> calling[s] = 0; reports!ENDED, b, 0 }
	fi;
#if NO_ORDER
	atomic { q?_, _; begun[s] = 0; done[s] = num[b]; dgen[s] = g }
	if
	:: atomic { MOVED; over(); goto idle }
	:: atomic { nfull(reports) -> reports!FETCHED, b, 0; over(); goto idle }
	fi;
#endif
	if /* all is delivered */
	:: atomic { MOVED; dead[b] = 1; if :: zombies!FETCHED, b :: WORDS -> zombies!LETGO, b; lives[b] = 1 :: skip fi; over(); goto idle }
	:: atomic { nfull(reports) -> reports!FETCHED, b, 0 }
	fi;
	if
	:: atomic { MOVED; over(); goto idle }
	:: atomic { commit(); goto idle }
	fi;
lost: /* somebody began it */
	if
	:: atomic { MOVED; if :: zombies!LOST, b :: skip fi; over(); goto idle }
	:: atomic { nfull(reports) -> reports!LOST, b, 0 }
	fi;
	if
	:: atomic { MOVED; over(); goto idle }
	:: atomic { commit(); goto idle }
	fi;
passed: /* its number is not above the slot's */
	if
	:: atomic { MOVED; over(); goto idle }
	:: atomic { nfull(reports) -> reports!LOST, b, (NO_HIGHEST -> 0 : done[s]) }
	fi;
	if
	:: atomic { MOVED; over(); goto idle }
	:: atomic { commit(); goto idle }
	fi
}

/* ================================================= the leader */
inline raise_number() {
	if :: last[0] && num[last[0]] > number -> number = num[last[0]] :: else fi;
	if :: last[1] && num[last[1]] > number -> number = num[last[1]] :: else fi
}
inline resume() { /* what is not its slot's last message is sent again */
	for (i : 1 .. ids) {
		if :: !NO_RESEND && GONE(i) -> produce(i, gen) :: else fi
	}
	i = 0
}
inline adopt(slot) { /* what stands in a slot and is nobody's: its answer says when it is over */
	if
	:: !NO_ADOPT && last[slot] -> i = last[slot]; st[i] = SENT; foreign[i] = 1; produce(i, gen); i = 0
	:: else
	fi
}
inline forget() {
	if :: LATE && !complete -> late_more = 1; late_number = number + 1; late_run = runs; late_more_gen = gen - 1 :: else fi;
	for (i : 1 .. ids) { st[i] = 0; foreign[i] = 0; charged[i] = 0; lives[i] = 0 }
	i = 0;
	if :: late_batch && last[at[late_batch]] != late_batch -> late[late_batch] = 1 :: else fi;
	runs++; number = 0; want = ALL; got = 0;
	do :: reports?_, _, _ :: empty(reports) -> break od; /* it reads on from the end */
	adopt(0); adopt(1);
	raise_number()
}
inline take_over() {
	takes--; gen++; fenced[0] = 0; fenced[1] = 0;
	if
	:: MEMORY -> raise_number(); resume()
	:: FORGET -> forget()
	fi;
	n = 0; s = 0
}

proctype Leader() {
	byte kind, b, high, i, n, c;
	bit s;
end2:
	do
	:: atomic { reports?kind, b, high ->
		c = 0;
		for (i : 1 .. ids) {
			if
			:: OUT(i) && num[i] == num[b] && (NO_RUN || runof[i] == runof[b]) -> c = i
			:: else
			fi
		}
		i = 0;
		if :: c && !foreign[c] -> fenced[at[c]] = 1 :: else fi;
		if
		:: c && kind == ENDED && st[c] == SENT -> assert(c == b); st[c] = OVER
		:: c && kind == FETCHED -> assert(c == b); st[c] = CLOSED;
			if :: !foreign[c] -> got = got | mask[c] :: else fi
		:: c && (kind == LOST || kind == LETGO) -> assert(c == b); st[c] = CLOSED;
			if
			:: foreign[c]
			:: !foreign[c] -> want = want | mask[c]; assert(high || dead[c]);
				if :: !high && lives[b] && (kind == LOST || NO_LETGO) -> charged[b] = 1 :: else fi;
				if :: high > number -> number = high :: else fi
			fi
		:: !c && kind == LETGO && !NO_WORD -> charged[b] = 0
		:: else
		fi;
		if :: kind == LETGO -> assert(!charged[b]); lives[b] = 0 :: else fi;
		kind = 0; b = 0; high = 0; c = 0 }
	:: atomic { want && (NO_PERMIT || EACH(IS_SENT) < LIMIT) && !(EACH(ON0) && EACH(ON1)) ->
		if :: !EACH(ON0) -> s = 0 :: !EACH(ON1) -> s = 1 fi;
		number++;
		n = (want == ALL && SPLIT -> 1 : want);
		new_batch(number, runs, s, n);
		want = want & ~n; n = ids; st[n] = SENT }
		if
		:: atomic { produce(n, gen); n = 0; s = 0 }
		:: atomic { takes -> if :: LATE && MEMORY && !late_batch -> late_batch = n; late_gen = gen :: skip fi; take_over() }
		fi
	:: atomic { !want && !(EACH(ANY_OUT)) && !complete -> assert(got == ALL); complete = 1 }
	:: atomic { takes && !complete && ids -> take_over() }
	od
}

/* ================================================= what comes late */
proctype Late() {
	byte kind, b;
end3:
	do
	:: atomic { nempty(zombies) && nfull(reports) -> zombies?kind, b; reports!kind, b, 0; kind = 0; b = 0 }
	:: atomic { late_batch -> produce(late_batch, late_gen); late_batch = 0 }
	:: atomic { late_more -> late_more = 0;
		if :: new_batch(late_number, late_run, 0, 1) :: new_batch(late_number, late_run, 1, 1) fi;
		late[ids] = 1; produce(ids, late_more_gen) }
	od
}

proctype Judge() {
end4:
	atomic { timeout -> assert(complete) }
}

init { atomic { run Fetcher(0, slot0); run Fetcher(1, slot1); run Leader(); run Late(); run Judge() } }
