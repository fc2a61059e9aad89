/* claims.pml -- what qidflow.runs decides: who has which generation and which run.
 *
 * LEADERS coordinators, each with a progress.db of its own, start at any moment, STARTS times each, and can be frozen between any
 * two steps (that is what interleaving is). qidflow.runs is an append-only log that each can read; nothing in it is compare-and-set,
 * so a claim is written and then read back.
 *
 * Properties: two coordinators never send Batches under one generation, nor under one run (two sets would have one name); a run is
 * taken up again only when no other run was started since.
 *
 * NO_BACK_LEADS, NO_BACK_STARTED: not read back; NO_OVERTAKEN: a run is resumed though others have led since. */
#define LOG 16
#define LEADS 1
#define STARTED 2
byte kind[LOG], gen[LOG], run_of[LOG], who[LOG], length;
byte sender_of_gen[LOG], sender_of_run[LOG]; /* 0: nobody yet */

inline append(k, g, r) {
	assert(length < LOG);
	kind[length] = k; gen[length] = g; run_of[length] = r; who[length] = me;
	length++
}
inline highest_generation() { /* of others' and one's own, and where the log ends */
	g = 0;
	for (i : 1 .. length) { if :: gen[i - 1] > g -> g = gen[i - 1] :: else fi }
	i = 0
}
inline highest_run() {
	r = 0;
	for (i : 1 .. length) { if :: run_of[i - 1] > r -> r = run_of[i - 1] :: else fi }
	i = 0
}
/* Somebody else leads by what stands from..to */
inline look(from, to) {
	seen = 0;
	for (i : from + 1 .. to) { if :: kind[i - 1] == LEADS && who[i - 1] != me && gen[i - 1] >= g -> seen = 1 :: else fi }
	i = 0
}

proctype Coordinator(byte me) {
	byte starts = STARTS, g, r, at, i, my_gen, my_run;
	bit seen, resumes;
idle:
	do
	:: starts == 0 -> goto out
	:: atomic { starts -> starts--; highest_generation();
		resumes = (my_run && (NO_OVERTAKEN || g == my_gen)); g++ }
claim:
		atomic { append(LEADS, g, 0); at = length - 1 }
		atomic { look(0, at);
			if
			:: !NO_BACK_LEADS && seen -> highest_generation(); resumes = 0; g++; goto claim
			:: else
			fi;
			look(at, length);
			if
			:: !NO_BACK_LEADS && seen -> goto idle /* another leads */
			:: else
			fi;
			my_gen = g;
			highest_run() }
		if
		:: atomic { resumes -> assert(my_run == r) } /* nobody has started one since; its STARTED stands */
		:: !resumes ->
			r++;
			atomic { append(STARTED, g, r); my_run = r; seen = 0 }
			atomic { look(at, length);
				if
				:: !NO_BACK_STARTED && seen -> my_run = 0; goto idle
				:: else
				fi }
		fi;
		atomic { assert(sender_of_gen[g] == 0 || sender_of_gen[g] == me); sender_of_gen[g] = me;
			assert(sender_of_run[my_run] == 0 || sender_of_run[my_run] == me); sender_of_run[my_run] = me }
	od;
out:
	skip
}

init { atomic { run Coordinator(1); run Coordinator(2); if :: LEADERS == 3 -> run Coordinator(3) :: else fi } }
