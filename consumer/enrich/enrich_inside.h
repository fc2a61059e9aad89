/* enrich_inside.h -- what the files of enrich share. Only enrich*.c include it. */
#ifndef ENRICH_INSIDE_H
#define ENRICH_INSIDE_H
#include "csv_file.h"
#include "enrich.h"
#include "enrich_list.h"
#include "enrich_settings.h"

enum { ENRICH_NOTE = 600, ENRICH_TURNED = 300 };
struct enrich_state { /* a row of qidflow_enrich */
	bool loaded;  /* has been, once */
	char state[16], error[CSV_WHY], fingerprint[1024], sha256[CSV_SHA256], loaded_at[32], bad_lines[512],
	    resolved[128];
	struct csv_stamp stamp; /* all 0: not known for sure */
	int64_t rows, duplicates, bad, keyless, matched, of, unused;
	char
	    turned[ENRICH_TURNED]; /* columns that were numbers and are text now, with values that are none */
	char note[ENRICH_NOTE];    /* what is to be known of what was loaded just now; not kept */
};

struct enrich {
	const struct config *config;
	struct db *db;
	const char *schema; /* main; temp: of a trial */
	const struct enrich_run *run;
	const struct enrich_list *before; /* what the views of `db` show */
};

/* enrich_state.c. All: false: logged. */
bool enrich_state_make(struct enrich *e); /* the table */
bool enrich_state_read(struct enrich *e, const char *name, struct enrich_state *ret);
bool enrich_state_write(
    struct enrich *e, const struct enrich_settings *s, int position, const struct enrich_state *st);
bool enrich_state_write_matches(struct enrich *e, const char *name, const struct enrich_state *st);
bool enrich_state_write_columns(
    struct enrich *e, const struct enrich_settings *s, const struct enrich_column *columns, int n);
bool enrich_state_forget_others(struct enrich *e); /* sources that no setting names: with their tables */

/* enrich_columns.c: the names that columns of this file get. false: ret_why says why they cannot be, or, where it is "",
 * logged. */
struct enrich_chosen {
	int key, n;                         /* column of the key; how many others */
	int from[ENRICH_ALL_COLUMNS];       /* columns of the file */
	bool as_number[ENRICH_ALL_COLUMNS]; /* whatever its form (numbers) */
	struct enrich_column columns[ENRICH_ALL_COLUMNS];
};
bool enrich_columns_note(struct db *d); /* before any table goes: which names are taken */
bool enrich_columns_choose(struct enrich *e, const struct enrich_settings *s, const struct csv_file *f,
    struct enrich_chosen *ret, char ret_why[static CSV_WHY]);

/* enrich_source.c: reads its file into its table, if that is not what stands there. What is wrong with the file comes into
 * `st`, and nothing else changes. false: logged, or stop was requested. */
bool enrich_source_load(struct enrich *e, const struct enrich_settings *s, struct enrich_state *st);
/* enrich_due_look.c: what is wrong with the columns of due.earlier, in all that was loaded; "": nothing. false: logged. */
enum { DUE_WHY = ENRICH_TEXT };
bool enrich_due_look(struct enrich *e, const struct enrich_due *due, char ret_why[static DUE_WHY]);
/* enrich_resolve.c: values of hosts or QIDs, if they or the source (`anew`) changed. false: as above. */
bool enrich_resolve(struct enrich *e, const char *name, struct enrich_state *st, bool anew);
#endif
