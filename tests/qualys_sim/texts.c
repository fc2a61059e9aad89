/* texts.c -- words that scans and advisories are made of, and the oddities among them. */
#include "texts.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "text_buffer.h"

static const char *const words[] = {"Package", "Installed Version", "Required Version",
    "linux-image-5.10.0-21-amd64", "openssl", "libssl1.1", "1.1.1n-0+deb11u3", "1.1.1n-0+deb11u5", "kernel",
    "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion", "C:\\Program Files\\", "C:\\Windows\\System32\\",
    "Version is", "10.0.17763.3650", "Vulnerable version", "Detected", "missing", "KB5021237", "KB5019966",
    "is not installed", "/usr/lib/jvm/java-1.8.0-openjdk", "/opt/oracle/product", "log4j-core-2.14.1.jar",
    "TLSv1", "TLSv1.1", "TLS_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES256-SHA384", "CN=", "O=Example Corp",
    "OU=IT", "NAME", "CIPHER", "KEY-EXCHANGE", "AUTHENTICATION", "MAC", "ENCRYPTION(KEY-STRENGTH)", "GRADE",
    "SHA1", "AES(256)", "MEDIUM", "HIGH", "port", "tcp", "udp", "The following", "file", "was found", "&",
    "<none>", "a<b", "registry key", "value", "does not exist", "#table", "cols=\"3\"", "Microsoft Edge",
    "Google Chrome", "108.0.5359.125", "Adobe Acrobat", "22.003.20282", "%ProgramFiles(x86)%", "caf\xc3\xa9",
    "M\xc3\xbcnchen", "vmware-tools", "httpd-2.4.37-43", "mod_ssl", "systemd-239-58", "glibc-2.28-189",
    "bash-4.4.20"};

static const char *const oddities[] = {"\"quoted\" and 'single'", "\t\t", "     ", "\n\n\n",
    "\xf0\x9f\x98\x80", "]]>", "]]]>", "]]", "\r", "\r\n", TEXT_BROKEN, TEXT_BROKEN TEXT_BROKEN,
    "a" TEXT_BROKEN "b", "&amp;", "&#13;", "&lt;b&gt;", "<!-- no -->", "<![CDATA[", "null",
    "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x94\x92 locked", "\\n\\t\"", "/", "\x7f", " \n \t ", "\xc2\xa0",
    "\xe2\x80\xa8", ",\"x\",", "=1+1", "\n"};

double dice_normal(struct dice *d)
{
	double u = dice_fraction(dice_next(d)), v = dice_fraction(dice_next(d));
	return sqrt(-2 * log(u < 1e-300 ? 1e-300 : u)) * cos(6.283185307179586 * v);
}

static bool starts_character(char c)
{
	return ((unsigned char)c & 0xC0) != 0x80;
}

char *text_with_oddities(struct facts *f, struct dice *d, const char *text, unsigned count)
{
	struct text_buffer b = {0};
	size_t length = strlen(text);
	if (dice_one_in(d, 4))
		text_buffer_puts(&b, dice_one_in(d, 2) ? "  \t" : "\n ");
	size_t from = 0;
	for (unsigned i = 0; i < count; i++) {
		size_t left = length - from, at = from;
		if (left)
			at += dice_below(d, (uint32_t)left);
		while (at < length && !starts_character(text[at]))
			at++;
		text_buffer_put(&b, text + from, at - from);
		text_buffer_puts(&b, DICE_PICK(d, oddities));
		from = at;
	}
	text_buffer_put(&b, text + from, length - from);
	if (dice_one_in(d, 4))
		text_buffer_puts(&b, dice_one_in(d, 2) ? " \t " : "\n\n");
	char *copy = facts_copy(f, b.bytes ? b.bytes : "", b.length);
	text_buffer_free(&b);
	return copy;
}

static char *finish(struct facts *f, struct dice *d, struct text_buffer *b, bool odd, unsigned one_in)
{
	char *text = facts_copy(f, b->bytes ? b->bytes : "", b->length);
	text_buffer_free(b);
	if (odd && dice_one_in(d, one_in))
		text = text_with_oddities(f, d, text, 1 + dice_below(d, 4));
	return text;
}

static void put_word(struct text_buffer *b, struct dice *d)
{
	uint32_t kind = dice_below(d, 10);
	if (kind < 6)
		text_buffer_puts(b, DICE_PICK(d, words));
	else if (kind < 8)
		text_buffer_printf(b, "%u.%u.%u-%u", dice_below(d, 20), dice_below(d, 30),
		    dice_below(d, 5000), dice_below(d, 99));
	else if (kind < 9)
		text_buffer_printf(b, "%016llx", (unsigned long long)dice_next(d));
	else
		text_buffer_printf(b, "lib%c%c%c-%u.so", (int)('a' + dice_below(d, 26)),
		    (int)('a' + dice_below(d, 26)), (int)('a' + dice_below(d, 26)), dice_below(d, 100));
}

char *text_results(struct facts *f, struct dice *d, bool odd)
{
	double wanted = 120 * exp(1.5 * dice_normal(d));
	size_t length = wanted < 4 ? 4 : wanted > 20000 ? 20000 : (size_t)wanted;
	struct text_buffer b = {0};
	while (b.length < length) {
		put_word(&b, d);
		uint32_t gap = dice_below(d, 12);
		text_buffer_put_byte(&b, gap == 0 ? '\n' : gap < 3 ? '\t' : ' ');
	}
	while (b.length > length || (b.length && (unsigned char)b.bytes[b.length - 1] >= 0x80))
		b.length--;
	return finish(f, d, &b, odd, 10);
}

char *text_phrase(struct facts *f, struct dice *d, bool odd, unsigned count)
{
	struct text_buffer b = {0};
	for (unsigned i = 0; i < count; i++) {
		if (i)
			text_buffer_put_byte(&b, ' ');
		put_word(&b, d);
	}
	return finish(f, d, &b, odd, 20);
}

char *text_paragraphs(struct facts *f, struct dice *d, bool odd, unsigned count)
{
	static const char *const gaps[] = {"<P>\n\n<P>", "<BR>", "\n<BR>\n", " &quot;show version&quot; ",
	    " <A HREF=\"https://example.com/advisory?a=1&b=2\" TARGET=\"_blank\">advisory</A> ", "\n", ".\n"};
	struct text_buffer b = {0};
	for (unsigned i = 0; i < count; i++) {
		put_word(&b, d);
		text_buffer_puts(&b, dice_one_in(d, 9) ? DICE_PICK(d, gaps) : " ");
	}
	return finish(f, d, &b, odd, 12);
}
