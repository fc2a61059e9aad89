/* s3_http_base.c -- the address of a bucket, and whether data may go there as plain http. */
#include "s3_http_base.h"
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "loopback.h"
#include "xalloc.h"

static const char *setting(const struct distribute_job *job, const char *name)
{
	return config_text(job->config, distribute_setting(job->name, name));
}

static bool refuse(struct distribute_job *job, const char *why, const char *endpoint)
{
	distribute_say(job, DISTRIBUTE_REFUSED, "distribute.%s.endpoint \"%s\": %s", job->name,
	    strchr(endpoint, '@') ? "***" : endpoint, why);
	return false;
}

static bool check_parts(
    struct distribute_job *job, const char *endpoint, const char *scheme, const char *host, bool *ret_here)
{
	bool plain = strcmp(scheme, "http") == 0;

	if (!plain && strcmp(scheme, "https") != 0)
		return refuse(job, "the scheme is not known; use https", endpoint);
	*ret_here = plain && loopback_is(host);
	if (plain && !*ret_here && !config_bool(job->config, distribute_setting(job->name, "allow_http")))
		return refuse(job,
		    "plain http would send the data readable over the network; use https, or set "
		    "allow_http=yes",
		    endpoint);
	return true;
}

static bool uses_path(const struct distribute_job *job, const char *bucket)
{
	const char *style = setting(job, "path_style");

	if (strcmp(style, "auto") != 0)
		return strcmp(style, "yes") == 0;
	/* A certificate's * stands for no dot. */
	return *setting(job, "endpoint") || strchr(bucket, '.');
}

char *s3_http_base(struct distribute_job *job, bool *ret_here)
{
	const char *bucket = setting(job, "bucket");
	char *endpoint = *setting(job, "endpoint")
			     ? xstrdup(setting(job, "endpoint"))
			     : xasprintf("https://s3.%s.amazonaws.com", setting(job, "region"));
	char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL;
	CURLU *u = curl_url();
	char *base = NULL;

	if (!u)
		abort();
	if (curl_url_set(u, CURLUPART_URL, endpoint, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PATH, &path, 0) != CURLUE_OK || strcmp(path, "/") != 0) {
		refuse(job, "is no URL of a server; it looks like https://s3.example.com", endpoint);
	} else if (check_parts(job, endpoint, scheme, host, ret_here)) {
		bool has_port = curl_url_get(u, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT) == CURLUE_OK;

		if (uses_path(job, bucket))
			base = xasprintf("%s://%s%s%s/%s", scheme, host, has_port ? ":" : "",
			    has_port ? port : "", bucket);
		else
			base = xasprintf("%s://%s.%s%s%s", scheme, bucket, host, has_port ? ":" : "",
			    has_port ? port : "");
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(path);
	curl_url_cleanup(u);
	free(endpoint);
	return base;
}
