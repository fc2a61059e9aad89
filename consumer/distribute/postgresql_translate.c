/* postgresql_translate.c -- a SELECT of SQLite as one of PostgreSQL.
 *
 * Token by token: names in quotes are folded, a call of a function is translated with its arguments, everything else stays as it
 * is. A function that is not in the table below is refused, so nothing gets another meaning unseen. Two things differ in kind:
 * a comparison is a number in SQLite, so where it is a value it is made one; and dates are texts there and times here, so the
 * text that is later than any of them is 'infinity'. The functions qidflow_… are those of postgresql_views.c. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "buffer.h"
#include "postgresql_text.h"
#include "postgresql_view.h"
#include "xalloc.h"

enum { TOKENS_MOST = 1 << 16, NAME_MOST = 256, DEPTH_MOST = 64, SPAN_MOST = 1000000000 };
enum kind { WORD, NAME /* in quotes */, TEXT, NUMBER, SIGN };
struct token {
	enum kind kind;
	const char *at;
	size_t len;
};
struct translation {
	struct token *tokens;
	int n, depth;
	struct buffer *to;
	char *why;
};

static bool refuse(struct translation *t, const char *what, const struct token *k)
{
	if (!*t->why)
		snprintf(t->why, VIEW_WHY, "%s near \"%.*s\"", what, (int)(k->len < 40 ? k->len : 40), k->at);
	return false;
}

/* ---- tokens */

static size_t quoted_length(const char *s, char quote)
{
	size_t n = 1;

	for (; s[n]; n++)
		if (s[n] == quote && s[n + 1] == quote)
			n++;
		else if (s[n] == quote)
			return n + 1;
	return 0;
}

static size_t word_length(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_' || (unsigned char)s[n] >= 0x80)
		n++;
	return n;
}

static size_t sign_length(const char *s)
{
	static const char *const pairs[] = {"<>", "<=", ">=", "!=", "==", "||"};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (!strncmp(s, pairs[i], 2))
			return 2;
	return 1;
}

static struct token next(const char *s)
{
	if (*s == '"')
		return (struct token){NAME, s, quoted_length(s, '"')};
	if (*s == '\'')
		return (struct token){TEXT, s, quoted_length(s, '\'')};
	if (isdigit((unsigned char)*s))
		return (struct token){NUMBER, s, word_length(s)};
	if (word_length(s))
		return (struct token){WORD, s, word_length(s)};
	return (struct token){SIGN, s, sign_length(s)};
}

static bool read_tokens(struct translation *t, const char *sql)
{
	while (*(sql += strspn(sql, " \t\r\n"))) {
		struct token k = next(sql);

		if (!k.len || t->n == TOKENS_MOST || *sql == ';' || *sql == '[' || *sql == '`' ||
		    !strncmp(sql, "--", 2))
			return refuse(t, "is not SQL of ours", &(struct token){SIGN, sql, strlen(sql)});
		if ((t->n & (t->n - 1)) == 0)
			t->tokens = xrealloc(t->tokens, (size_t)(t->n ? 2 * t->n : 1) * sizeof(*t->tokens));
		t->tokens[t->n++] = k;
		sql += k.len;
	}
	return true;
}

static bool is_sign(const struct token *k, char c)
{
	return k->kind == SIGN && k->len == 1 && *k->at == c;
}

static bool is_word(const struct token *k, const char *word)
{
	return k->kind == WORD && k->len == strlen(word) && !strncasecmp(k->at, word, k->len);
}

static bool is_one_of(const struct token *k, const char *const *words)
{
	for (; *words; words++)
		if (is_word(k, *words))
			return true;
	return false;
}

/* ---- writing */

static bool add(struct translation *t, const char *text)
{
	return buffer_add_text(t->to, text) || refuse(t, "is too long", &t->tokens[0]);
}

static bool add_name(struct translation *t, const struct token *k)
{
	char name[NAME_MOST], folded[POSTGRESQL_NAME];
	size_t n = 0;

	for (size_t i = 1; i + 1 < k->len && n + 1 < sizeof(name); i++) {
		name[n++] = k->at[i];
		i += k->at[i] == '"'; /* doubled */
	}
	name[n] = '\0';
	return postgresql_add_name(t->to, postgresql_name(name, folded)) || refuse(t, "is too long", k);
}

static bool add_token(struct translation *t, const struct token *k)
{
	static const char no_space_before[] = ",.)", no_space_after[] = "(. ";
	char last = t->to->size ? t->to->data[t->to->size - 1] : '(';

	if (!strchr(no_space_after, last) && !(k->kind == SIGN && strchr(no_space_before, *k->at)) &&
	    !add(t, " "))
		return false;
	if (k->kind == NAME)
		return add_name(t, k);
	if (k->kind == TEXT && k->len == 6 && !strncmp(k->at, "'9999'", 6))
		return add(t, "'infinity'");
	return buffer_add(t->to, k->at, k->len) || refuse(t, "is too long", k);
}

/* ---- calls */

struct range {
	int from, to; /* tokens from..to - 1 */
};
enum { ARGUMENTS = 16 };
struct call {
	struct token name;
	struct range arguments[ARGUMENTS];
	int n, end; /* end: behind its ) */
};

static bool translate(struct translation *t, struct range r);

/* t->tokens[at] is its name. */
static bool read_call(struct translation *t, int at, int end, struct call *c)
{
	int depth = 0, from = at + 2;

	*c = (struct call){.name = t->tokens[at]};
	for (int i = at + 1; i < end; i++) {
		const struct token *k = &t->tokens[i];

		depth += is_sign(k, '(') - is_sign(k, ')');
		if (depth == 0 || (depth == 1 && is_sign(k, ','))) {
			if (c->n == ARGUMENTS)
				return refuse(t, "has too many arguments", &c->name);
			c->arguments[c->n++] = (struct range){from, i};
			from = i + 1;
		}
		if (depth == 0) {
			c->end = i + 1;
			return true;
		}
	}
	return refuse(t, "a ( is not closed", &c->name);
}

static bool is_condition(const struct translation *t, struct range r)
{
	static const char *const words[] = {
	    "IS", "IN", "LIKE", "AND", "OR", "NOT", "EXISTS", "BETWEEN", NULL};
	static const char *const opening[] = {"CASE", "SELECT", NULL};
	int depth = 0;

	if (r.from < r.to && is_one_of(&t->tokens[r.from], opening))
		return false;
	for (int i = r.from; i < r.to; i++) {
		const struct token *k = &t->tokens[i];

		depth += is_sign(k, '(') - is_sign(k, ')');
		if (!depth && ((k->kind == SIGN && strchr("<>=!", *k->at)) || is_one_of(k, words)))
			return true;
	}
	return false;
}

static bool value(struct translation *t, struct range r)
{
	if (!is_condition(t, r))
		return translate(t, r);
	return add(t, "(") && translate(t, r) && add(t, ")::int");
}

static bool values(struct translation *t, const struct call *c, const char *function)
{
	bool ok = add(t, function) && add(t, "(");

	for (int i = 0; ok && i < c->n; i++)
		ok = (!i || add(t, ", ")) && value(t, c->arguments[i]);
	return ok && add(t, ")");
}

/* '$.A.B' as {A,B} */
static bool path(struct translation *t, struct range r)
{
	const struct token *k = &t->tokens[r.from];

	if (r.to - r.from != 1 || k->kind != TEXT || k->len < 5 || strncmp(k->at, "'$.", 3) != 0)
		return refuse(t, "is no path in JSON", k);
	if (!add(t, "'{"))
		return false;
	for (size_t i = 3; i + 1 < k->len; i++) {
		bool dot = k->at[i] == '.';

		if (!dot && !isalnum((unsigned char)k->at[i]) && k->at[i] != '_')
			return refuse(t, "is no path in JSON", k);
		if (!buffer_add(t->to, dot ? "," : k->at + i, 1))
			return refuse(t, "is too long", k);
	}
	return add(t, "}'");
}

static bool json_extract(struct translation *t, const struct call *c)
{
	return add(t, "(") && translate(t, c->arguments[0]) && add(t, " #>> ") && path(t, c->arguments[1]) &&
	       add(t, ")");
}

/* Its rows have a column `value`; the alias is the one that follows it, or is not asked for. */
static bool json_each(struct translation *t, struct call *c, int end)
{
	bool ok = add(t, "jsonb_array_elements(") && translate(t, c->arguments[0]) && add(t, " #> ") &&
		  path(t, c->arguments[1]) && add(t, ") AS ");

	if (ok && c->end + 1 < end && is_word(&t->tokens[c->end], "AS")) {
		const struct token *alias = &t->tokens[c->end + 1];

		c->end += 2;
		return buffer_add(t->to, alias->at, alias->len) && add(t, "(value)");
	}
	return ok && add(t, "each(value)");
}

static bool cast(struct translation *t, const struct call *c)
{
	struct range r = c->arguments[0];

	if (c->n != 1 || r.to - r.from < 3 || !is_word(&t->tokens[r.to - 2], "AS") ||
	    !is_word(&t->tokens[r.to - 1], "REAL"))
		return refuse(t, "is another CAST than AS REAL", &c->name);
	r.to -= 2;
	return add(t, "qidflow_real(") && translate(t, r) && add(t, ")");
}

static bool iif(struct translation *t, const struct call *c)
{
	return add(t, "CASE WHEN ") && translate(t, c->arguments[0]) && add(t, " THEN ") &&
	       value(t, c->arguments[1]) && add(t, " ELSE ") && value(t, c->arguments[2]) && add(t, " END");
}

/* '+7 days' in seconds: a day has 86,400, as in SQLite, and not what the session's time zone says. */
static bool span(const struct token *k, long long *ret_s)
{
	char *unit;

	if (k->kind != TEXT)
		return false;
	*ret_s = strtoll(k->at + 1, &unit, 10);
	if (unit == k->at + 1 || llabs(*ret_s) > SPAN_MOST)
		return false;
	if (!strncmp(unit, " days'", 6))
		*ret_s *= 86400;
	return !strncmp(unit, " days'", 6) || !strncmp(unit, " seconds'", 9);
}

static bool datetime(struct translation *t, const struct call *c)
{
	long long seconds;
	char text[64];

	if (!add(t, "(qidflow_time(") || !translate(t, c->arguments[0]) || !add(t, ")"))
		return false;
	if (c->n == 2) {
		const struct token *k = &t->tokens[c->arguments[1].from];

		if (!span(k, &seconds))
			return refuse(t, "is no span of days or seconds", k);
		snprintf(text, sizeof(text), " + interval '%lld seconds'", seconds);
		if (!add(t, text))
			return false;
	}
	return add(t, ")");
}

static bool length(struct translation *t, const struct call *c)
{
	return add(t, "length((") && translate(t, c->arguments[0]) && add(t, ")::text)");
}

static bool dispatch(struct translation *t, struct call *c, int end)
{
	static const struct {
		const char *name;
		int least, most;
		bool (*fn)(struct translation *t, const struct call *c);
		const char *as;
	} functions[] = {{"json_extract", 2, 2, json_extract, NULL},
	    {"group_concat", 2, 2, NULL, "string_agg"}, {"cast", 1, 1, cast, NULL}, {"iif", 3, 3, iif, NULL},
	    {"datetime", 1, 2, datetime, NULL}, {"length", 1, 1, length, NULL},
	    {"coalesce", 2, ARGUMENTS, NULL, "coalesce"}, {"nullif", 2, 2, NULL, "nullif"},
	    {"min", 2, ARGUMENTS, NULL, "least"}, {"max", 2, ARGUMENTS, NULL, "greatest"},
	    {"lower", 1, 1, NULL, "lower"}, {"upper", 1, 1, NULL, "upper"}};

	if (is_word(&c->name, "json_each") && c->n == 2)
		return json_each(t, c, end);
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (is_word(&c->name, functions[i].name) && c->n >= functions[i].least &&
		    c->n <= functions[i].most)
			return functions[i].fn ? functions[i].fn(t, c) : values(t, c, functions[i].as);
	return refuse(t, "is a function that is not translated", &c->name);
}

/* What may stand before a ( without being a function. */
static bool is_keyword(const struct token *k)
{
	static const char *const words[] = {"AND", "AS", "BY", "CASE", "ELSE", "EXISTS", "FROM", "IN", "JOIN",
	    "NOT", "ON", "OR", "SELECT", "THEN", "WHEN", "WHERE", NULL};

	return is_one_of(k, words);
}

static bool translate(struct translation *t, struct range r)
{
	bool ok = t->depth++ < DEPTH_MOST || refuse(t, "is too deep", &t->tokens[r.from]);

	for (int i = r.from; ok && i < r.to;) {
		const struct token *k = &t->tokens[i];
		struct call c;

		if (k->kind != WORD || i + 1 >= r.to || !is_sign(&t->tokens[i + 1], '(') || is_keyword(k)) {
			ok = add_token(t, k);
			i++;
			continue;
		}
		ok = read_call(t, i, r.to, &c) &&
		     (i == r.from || is_sign(&t->tokens[i - 1], '(') || add(t, " ")) && dispatch(t, &c, r.to);
		i = c.end;
	}
	t->depth--;
	return ok;
}

bool view_translate(const char *sql, struct buffer *to, char ret_why[static VIEW_WHY])
{
	struct translation t = {.to = to, .why = ret_why};

	*ret_why = '\0';
	bool ok = read_tokens(&t, sql) && (t.n || refuse(&t, "is empty", &(struct token){SIGN, "", 0})) &&
		  translate(&t, (struct range){0, t.n});
	free(t.tokens);
	return ok;
}
