/* test_store_parts.c -- hosts in parts: staged, put together, and swapped in whole or not at all. */
#include "store_world.h"
#include "ceilings.h"
#include <inttypes.h>
#include <sys/resource.h>

static void assert_no_parts(void)
{
	assert_int_equal(ask("SELECT count(*) FROM qidflow_part"), 0);
}

static void test_in_order(void **state)
{
	(void)state;
	assert_int_equal(apply(7, 1, 1, "1/1/old"), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 2, 1, false, "1/100/a,2/101/b"), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 2, 2, false, "3/102/c"), STORE_DONE);
	assert_host(7, "1/1/old");
	world_again(); /* a restart between the parts */
	assert_int_equal(apply_last(7, 1, 2, 3, false, "4/103/d"), STORE_DONE);
	assert_host(7, "1/100/a,2/101/b,3/102/c,4/103/d");
	assert_no_parts();
	assert_marked(7, false);
	assert_int_equal(
	    apply_part(7, 1, 2, 1, false, "1/100/a,2/101/b"), STORE_IGNORED); /* all of it twice */
	assert_no_parts();
	assert_marked(7, true); /* until its last message comes too */
	assert_int_equal(apply_last(7, 1, 2, 3, false, "4/103/d"), STORE_DONE);
	assert_host(7, "1/100/a,2/101/b,3/102/c,4/103/d");
	assert_marked(7, false);
}

static void test_continued(void **state)
{
	(void)state;
	assert_int_equal(apply_part(7, 1, 1, 1, false, "1/100/a,2/101/one "), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 1, 2, true, "-//two "), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 1, 3, false, ""), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 1, 4, true, "-//three,3/102"), STORE_DONE);
	assert_int_equal(apply_last(7, 1, 1, 5, true, "-//late,4/103"), STORE_DONE);
	assert_host(7, "1/100/a,2/101/one two three,3/102/late,4/103");

	/* Fields that come after the text are those of the last piece; a list is in one of them. */
	Qidflow__V1__HostDetections *m = make_set(8, 1, 1, "-//end");
	Qidflow__V1__QdsFactor factor = QIDFLOW__V1__QDS_FACTOR__INIT, *factors[] = {&factor};
	Qidflow__V1__Detection *d = m->detection_list[0];
	m->has_part = m->has_parts = m->has_continued = 1;
	m->part = m->parts = 2;
	m->continued = 1;
	m->os = "Linux";
	d->has_severity = 1;
	d->severity = 4;
	d->status = "New";
	factor.name = "EPSS";
	factor.value = "0.5";
	d->qds_factors = factors;
	d->n_qds_factors = 1;
	assert_int_equal(apply_part(8, 1, 1, 1, false, "1/100/begin "), STORE_DONE);
	assert_int_equal(store_set(world.store, m), STORE_DONE);
	assert_host(8, "1/100/begin end");
	assert_text("SELECT SEVERITY || STATUS || QDS_FACTORS FROM Q_Host_List_Detection_QIDS WHERE ID = 8",
	    "4New{\"QDS_FACTOR\":[{\"NAME\":\"EPSS\",\"VALUE\":\"0.5\"}]}");
	assert_text("SELECT OS FROM Q_Host_List_Detection_HOSTS WHERE ID = 8", "Linux");
}

/* A zombie's parts of an older and a newer set come in between. */
static void test_interleaved(void **state)
{
	(void)state;
	assert_int_equal(apply_part(7, 1, 5, 1, false, "1/100"), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 4, 1, false, "9/900"), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 6, 1, false, "8/800"), STORE_DONE);
	assert_int_equal(apply_part(8, 1, 5, 1, false, "7/700"), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 5, 2, false, "2/101"), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 4, 2, false, "9/901"), STORE_DONE);
	assert_int_equal(apply_last(7, 1, 5, 3, false, "3/102"), STORE_DONE);
	assert_host(7, "1/100,2/101,3/102");
	assert_int_equal(apply_last(7, 1, 4, 3, false, "9/902"), STORE_IGNORED);
	assert_host(7, "1/100,2/101,3/102");
	assert_marked(7, true);
	assert_int_equal(apply_last(7, 1, 6, 2, false, "8/801"), STORE_DONE); /* its own part was kept */
	assert_host(7, "8/800,8/801");
	assert_marked(7, false);
	assert_int_equal(apply_last(8, 1, 5, 2, false, "7/701"), STORE_DONE);
	assert_host(8, "7/700,7/701");
	assert_no_parts();
}

static void test_missing(void **state)
{
	(void)state;
	assert_int_equal(apply(7, 1, 1, "1/1"), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 2, 1, false, "1/100"), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 2, 3, false, "3/102"), STORE_DONE);
	assert_int_equal(apply_last(7, 1, 2, 4, false, "4/103"), STORE_IGNORED);
	assert_host(7, "1/1");
	assert_marked(7, true);
	assert_said("host 7: a set was ignored because parts of it are missing");
	assert_int_equal(apply(7, 1, 3, "1/2"), STORE_DONE);
	assert_host(7, "1/2");
	assert_marked(7, false);
	assert_no_parts();

	assert_int_equal(
	    apply_last(9, 1, 1, 2, false, "1/1"), STORE_IGNORED); /* of a host that was never seen */
	assert_host(9, "");
	assert_marked(9, true);
	assert_int_equal(apply_part(9, 1, 1, 1, false, "1/0"), STORE_DONE);
	assert_int_equal(apply_last(9, 1, 1, 2, false, "1/1"), STORE_DONE); /* the whole of it after all */
	assert_host(9, "1/0,1/1");
	assert_marked(9, false);
}

static void test_same_part_twice(void **state)
{
	(void)state;
	assert_int_equal(apply_part(7, 1, 1, 1, false, "1/100/x"), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 1, 1, false, "1/100/x"), STORE_DONE);
	assert_int_equal(apply_last(7, 1, 1, 2, true, "-//y"), STORE_DONE);
	assert_host(7, "1/100/xy");
}

static void test_goes_on_with_nothing(void **state)
{
	(void)state;
	assert_int_equal(apply(7, 1, 1, "1/1/kept"), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 2, 1, true, "-//text"), STORE_DONE);
	assert_int_equal(apply_last(7, 1, 2, 2, false, "2/2"), STORE_IGNORED);
	assert_host(7, "1/1/kept");
	assert_marked(7, true);
	Qidflow__V1__HostDetections *m = make_set(7, 1, 3, "-//end");
	m->has_continued = m->continued = 1;
	assert_int_equal(store_set(world.store, m), STORE_IGNORED);
	assert_host(7, "1/1/kept");
	assert_int_equal(apply(8, 1, 3, "1/1"), STORE_DONE); /* others are as if nothing had been */
	assert_host(8, "1/1");
	assert_int_equal(apply(7, 1, 4, "1/1/new"), STORE_DONE);
	assert_host(7, "1/1/new");
}

static void test_empty_parts(void **state)
{
	(void)state;
	assert_int_equal(apply(7, 1, 1, "1/1"), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 2, 1, false, ""), STORE_DONE);
	assert_int_equal(apply_last(7, 1, 2, 2, false, ""), STORE_DONE);
	assert_host(7, "");
	assert_int_equal(apply_last(7, 1, 3, 1, false, "1/2"), STORE_DONE); /* one part is no part */
	assert_host(7, "1/2");
}

static void test_purge_drops_parts(void **state)
{
	(void)state;
	assert_int_equal(apply_part(7, 1, 2, 1, false, "1/100"), STORE_DONE);
	assert_int_equal(store_purge_detections(world.store, 7, (struct set_name){1, 3}), STORE_DONE);
	assert_no_parts();
	assert_int_equal(apply_part(7, 1, 2, 1, false, "1/100"), STORE_DONE);
	assert_no_parts();
}

/* A text of 8 MB in 10 parts; one over the ceiling in 80. */
static void test_big_text(void **state)
{
	enum { PIECE = 800 * 1000 };
	char *text = malloc(PIECE + 16);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', PIECE + 8);
	memcpy(text, "1/100/", 6);
	text[PIECE + 6] = '\0';
	assert_int_equal(apply_part(7, 1, 1, 1, false, text), STORE_DONE);
	memcpy(text, "-//", 3);
	text[PIECE + 3] = '\0';
	for (unsigned i = 2; i < 10; i++)
		assert_int_equal(apply_part(7, 1, 1, i, true, text), STORE_DONE);
	assert_int_equal(apply_last(7, 1, 1, 10, true, text), STORE_DONE);
	assert_int_equal(ask("SELECT length(RESULTS) FROM Q_Host_List_Detection_QIDS"), 10 * PIECE);

	for (unsigned i = 2; i <= CEILING_VALUE_BYTES / PIECE + 2; i++) {
		arena_reset(world.arena);
		assert_int_equal(apply_part(7, 1, 2, i, true, text), STORE_DONE);
	}
	assert_int_equal(apply_part(7, 1, 2, 1, false, "1/100"), STORE_DONE);
	assert_int_equal(apply_last(7, 1, 2, CEILING_VALUE_BYTES / PIECE + 3, false, ""), STORE_IGNORED);
	assert_said("a value of it is larger than any may be");
	assert_int_equal(ask("SELECT length(RESULTS) FROM Q_Host_List_Detection_QIDS"), 10 * PIECE);
	free(text);
}

/* More detections than a host can have, over many parts: refused, and nothing of it is there. */
static void test_too_many_detections(void **state)
{
	enum { PIECE = 40000, PARTS = CEILING_HOST_DETECTIONS / PIECE + 1 };
	char *text = malloc(PIECE * 4 + 1), *at = text;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < PIECE; i++)
		at = stpcpy(at, "-/1,");
	assert_int_equal(apply(7, 1, 1, "1/1"), STORE_DONE);
	for (unsigned i = 1; i < PARTS; i++) {
		arena_reset(world.arena);
		assert_int_equal(apply_part(7, 1, 2, i, false, text), STORE_DONE);
	}
	assert_int_equal(apply_last(7, 1, 2, PARTS, false, text), STORE_IGNORED);
	assert_said("it has more detections than a host can have here");
	assert_host(7, "1/1");
	assert_marked(7, true);
	free(text);
}

/* ---- what is over */

/* Those that became so since the last call, as "host/run.number/last …", in their order. */
static void assert_stale(const char *text)
{
	const struct stale_parts *stale;
	size_t n = store_stale_take(world.store, &stale), used = 0;
	char told[512] = "";

	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(told + used, sizeof(told) - used,
		    "%s%" PRIu64 "/%" PRIu64 ".%" PRIu64 "/%u", i ? " " : "", stale[i].host, stale[i].set.run,
		    stale[i].set.number, stale[i].last);
	assert_string_equal(told, text);
}

static void drop_parts(uint64_t id, uint64_t run, uint64_t number, uint64_t last)
{
	for (uint64_t part = 1; part <= last; part++)
		assert_int_equal(
		    store_drop_part(world.store, id, (struct set_name){run, number}, part), STORE_DONE);
}

static void test_a_newer_set_ends_parts(void **state)
{
	(void)state;
	assert_int_equal(apply_part(7, 1, 2, 1, false, "1/1"), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 2, 2, false, "2/2"), STORE_DONE);
	assert_int_equal(apply_last(7, 1, 2, 3, false, "3/3"), STORE_DONE);
	assert_stale(""); /* whoever reads the topic anew needs them */
	assert_int_equal(apply(8, 1, 3, "1/1"), STORE_DONE);
	assert_stale("");
	assert_int_equal(apply_part(7, 1, 4, 1, false, "1/1"), STORE_DONE);
	assert_int_equal(apply(7, 1, 3, "1/1"), STORE_DONE);
	assert_stale("7/1.2/2"); /* those of 1.4 wait */
	assert_int_equal(ask("SELECT count(*) FROM qidflow_part"), 1);
	assert_stale("");
	world_again(); /* and a restart tells again what has no tombstones yet */
	assert_stale("");
	assert_true(store_stale_again(world.store));
	assert_stale("7/1.2/2");
	drop_parts(7, 1, 2, 1);
	assert_true(store_stale_again(world.store));
	assert_stale("7/1.2/2");
	drop_parts(7, 1, 2, 2);
	assert_true(store_stale_again(world.store));
	assert_stale("");
	assert_int_equal(apply_last(7, 1, 4, 2, false, "9/9"), STORE_DONE);
	assert_host(7, "1/1,9/9");
	assert_stale("");
	assert_int_equal(ask("SELECT count(*) FROM qidflow_part_set"), 1);
}

/* A zombie's parts of a set that is over: also those that come after the tombstones of the first of them. */
static void test_late_parts_are_stale_at_once(void **state)
{
	(void)state;
	assert_int_equal(apply_part(7, 1, 2, 1, false, "1/1"), STORE_DONE);
	assert_int_equal(apply(7, 1, 3, "1/1"), STORE_DONE);
	assert_stale("7/1.2/1");
	drop_parts(7, 1, 2, 1);
	assert_int_equal(apply_part(7, 1, 2, 2, false, "2/2"), STORE_DONE);
	assert_stale("7/1.2/2");
	assert_no_parts();
	assert_int_equal(apply_last(7, 1, 2, 3, false, "3/3"), STORE_IGNORED);
	assert_stale("");
	drop_parts(7, 1, 2, 2);
	assert_int_equal(ask("SELECT count(*) FROM qidflow_part_set"), 0);
}

/* A zombie's part between the tombstones of its set: it stands in the topic after them, and so it is told again, by a restart too. */
static void test_a_part_between_tombstones(void **state)
{
	(void)state;
	for (unsigned part = 1; part <= 3; part++)
		assert_int_equal(apply_part(7, 1, 2, part, false, "1/1"), STORE_DONE);
	assert_int_equal(apply(7, 1, 3, "1/1"), STORE_DONE);
	assert_stale("7/1.2/3");
	drop_parts(7, 1, 2, 2);
	assert_int_equal(apply_part(7, 1, 2, 1, false, "1/1"), STORE_DONE);
	assert_stale("7/1.2/3");
	assert_int_equal(store_drop_part(world.store, 7, (struct set_name){1, 2}, 3), STORE_DONE);
	world_again();
	assert_true(store_stale_again(world.store));
	assert_stale("7/1.2/3");
	drop_parts(7, 1, 2, 3);
	assert_int_equal(ask("SELECT count(*) FROM qidflow_part_set"), 0);

	/* who reads the compacted topic finds the part, and only the later tombstones */
	assert_int_equal(apply_part(7, 1, 2, 1, false, "1/1"), STORE_DONE);
	assert_stale("7/1.2/1");
	assert_int_equal(store_drop_part(world.store, 7, (struct set_name){1, 2}, 2), STORE_DONE);
	assert_int_equal(store_drop_part(world.store, 7, (struct set_name){1, 2}, 3), STORE_DONE);
	assert_true(store_stale_again(world.store));
	assert_stale("7/1.2/1");
	drop_parts(7, 1, 2, 1);
	assert_true(store_stale_again(world.store));
	assert_stale("");
}

static void test_a_purge_ends_parts(void **state)
{
	(void)state;
	assert_int_equal(apply_part(7, 1, 2, 1, false, "1/1"), STORE_DONE);
	assert_int_equal(apply_last(7, 1, 2, 2, false, "2/2"), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 3, 1, false, "1/1"), STORE_DONE);
	assert_int_equal(store_purge_detections(world.store, 7, (struct set_name){1, 9}), STORE_DONE);
	assert_stale("7/1.2/1 7/1.3/1");
	assert_no_parts();
}

static void test_a_complete_run_ends_parts(void **state)
{
	(void)state;
	assert_int_equal(apply_part(7, 1, 2, 1, false, "1/1"), STORE_DONE); /* applied */
	assert_int_equal(apply_last(7, 1, 2, 2, false, "2/2"), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 4, 1, false, "1/1"), STORE_DONE); /* never whole */
	assert_int_equal(apply_part(8, 1, 4, 3, false, "1/1"), STORE_DONE); /* of a host without a set */
	assert_int_equal(apply_part(7, 2, 5, 1, false, "1/1"), STORE_DONE); /* of the next run */
	assert_true(store_end_parts(world.store, 1));
	assert_stale("7/1.4/1 8/1.4/3");
	assert_int_equal(ask("SELECT count(*) FROM qidflow_part"), 1);
	assert_true(store_end_parts(world.store, 1));
	assert_stale("");
	assert_int_equal(apply_last(7, 2, 5, 2, false, "5/5"), STORE_DONE);
	assert_host(7, "1/1,5/5");
	assert_stale("7/1.2/1");
}

/* A tombstone takes the part away for all who read the topic later: so for us too. */
static void test_a_part_that_is_gone(void **state)
{
	(void)state;
	assert_int_equal(apply_part(7, 1, 2, 1, false, "1/1"), STORE_DONE);
	assert_int_equal(apply_part(7, 1, 2, 2, false, "2/2"), STORE_DONE);
	drop_parts(7, 1, 2, 1);
	drop_parts(9, 9, 9, 9);
	assert_int_equal(apply_last(7, 1, 2, 3, false, "3/3"), STORE_IGNORED);
	assert_marked(7, true);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    IN_WORLD(test_in_order),
	    IN_WORLD(test_continued),
	    IN_WORLD(test_interleaved),
	    IN_WORLD(test_missing),
	    IN_WORLD(test_same_part_twice),
	    IN_WORLD(test_goes_on_with_nothing),
	    IN_WORLD(test_empty_parts),
	    IN_WORLD(test_purge_drops_parts),
	    IN_WORLD(test_a_newer_set_ends_parts),
	    IN_WORLD(test_late_parts_are_stale_at_once),
	    IN_WORLD(test_a_part_between_tombstones),
	    IN_WORLD(test_a_purge_ends_parts),
	    IN_WORLD(test_a_complete_run_ends_parts),
	    IN_WORLD(test_a_part_that_is_gone),
	    IN_WORLD(test_big_text),
	    IN_WORLD(test_too_many_detections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
