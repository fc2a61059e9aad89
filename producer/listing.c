/* listing.c -- the coordinator's side of its listers: which list is asked for, and what their news change.
 *
 * Two may run at a time, listers[0] of hosts and listers[1] of the KnowledgeBase; their news are taken by coordinator_pump(). The list
 * of host ids is waited for where it is asked. */
#include <stdio.h>
#include "config.h"
#include "coordinator_state.h"

bool coordinator_refused(struct coordinator *c, const char *text)
{
	return coordinator_fail(c, STATUS_REFUSED, "%s as user %s: %s", config_text(c->config, "qualys.url"),
	    config_text(c->config, "qualys.username"), text);
}

static void take_costs(struct coordinator *c, const struct lister_news *n)
{
	c->counts.calls += n->calls;
	c->counts.waits_ms += (uint64_t)n->waited_ms;
	c->counts.xml_bytes += n->xml_bytes;
	c->kb_given_up += n->given_up;
}

bool listing_take_news(struct coordinator *c, int which)
{
	struct lister_news n = {0};

	lister_take(c->listers[which], &n);
	take_costs(c, &n);
	if (which == 0) {
		c->counts.listed += n.count;
		ids_add_all(&c->told, &n.ids);
		ids_remove_all(&n.ids, &c->asked);
		ids_add_all(&c->todo, &n.ids);
	} else {
		c->counts.vulnerabilities += n.count;
		ids_add_all(&c->kb_known, &n.ids);
	}
	ids_close(&n.ids);
	if (!n.done)
		return true;
	lister_close(c->listers[which]);
	c->listers[which] = NULL;
	switch (n.result) {
	case API_WHOLE: return true;
	case API_DENIED: return coordinator_refused(c, n.text);
	case API_STOPPED: return coordinator_fail(c, STATUS_FAILED, "%s", n.text);
	default:
		return coordinator_fail(c, STATUS_FAILED, "the %s cannot be had: %s (HTTP %d)",
		    which == 0 ? "Host List" : "KnowledgeBase", n.text, n.http_status);
	}
}

static struct lister_run lister_run(struct coordinator *c)
{
	return (struct lister_run){.config = c->config,
	    .transport = c->transport,
	    .progress = c->progress,
	    .delivery = c->own,
	    .run = c->run.run,
	    .started_at = c->run.started_at};
}

bool listing_ids(struct coordinator *c, struct ids *ret_ids, int64_t *ret_datetime_s)
{
	struct lister_run r = lister_run(c);
	struct lister *l = lister_host_ids(&r, &c->governors[GOVERN_HOST_LIST]);
	struct lister_news n = {0};
	bool ok = l != NULL;

	while (ok && !n.done) {
		ok = coordinator_pump(c, 200);
		lister_take(l, &n);
		take_costs(c, &n);
	}
	if (ok && n.result == API_DENIED)
		ok = coordinator_refused(c, n.text);
	else if (ok && n.result != API_WHOLE)
		ok = coordinator_fail(c, STATUS_FAILED, "the list of host ids cannot be had: %s (HTTP %d)",
		    n.text, n.http_status);
	if (ok) {
		ids_copy(ret_ids, &n.ids);
		if (ret_datetime_s)
			*ret_datetime_s = lister_datetime_s(l);
	}
	ids_close(&n.ids);
	lister_close(l);
	return ok;
}

bool listing_knowledge_base(struct coordinator *c, int64_t after_s, const struct ids *qids)
{
	struct lister_run r = lister_run(c);

	c->listers[1] = lister_knowledge_base(&r, &c->governors[GOVERN_KNOWLEDGE_BASE], after_s, qids);
	return c->listers[1] != NULL ||
	       coordinator_fail(c, STATUS_FAILED, "the KnowledgeBase cannot be asked");
}

bool listing_hosts(struct coordinator *c, const struct ids *hosts)
{
	struct lister_run r = lister_run(c);

	c->listers[0] = lister_hosts(&r, &c->governors[GOVERN_HOST_LIST], c->run.window_start, hosts);
	return c->listers[0] != NULL || coordinator_fail(c, STATUS_FAILED, "the Host List cannot be asked");
}
