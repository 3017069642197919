/* report - see report.h. */
#include "report.h"

#include <stdarg.h>
#include <string.h>

#include "json_write.h"
#include "log.h"
#include "strbuf.h"

enum { REPORT_JSON_MAX = 8 * 1024 };

static const struct {
	const char *word;
	const char *colour;
} report_levels[] = {
	[REPORT_OK] = { "ok", "\033[32m" },
	[REPORT_NOTE] = { "note", "\033[36m" },
	[REPORT_WARNING] = { "warning", "\033[33m" },
	[REPORT_ERROR] = { "error", "\033[31m" },
};

void report_begin(struct report *report, FILE *out, bool json, bool colour)
{
	memset(report, 0, sizeof(*report));
	report->out = out;
	report->json = json;
	report->colour = colour && !json;
	if (json)
		fputs("{\"version\":1,\"findings\":[", out);
}

static void report_text(const struct report *report, const struct finding *finding, const char *text)
{
	const char *word = report_levels[finding->level].word;
	const char *on = report->colour ? report_levels[finding->level].colour : "";
	const char *off = report->colour ? "\033[0m" : "";

	fprintf(report->out, "%s%-7s%s  %s: %s%s%s\n", on, word, off, finding->name, finding->where, finding->where[0] == '\0' ? "" : ": ", text);
	if (finding->remedy[0] != '\0')
		fprintf(report->out, "         remedy: %s\n", finding->remedy);
}

static void report_json(struct report *report, const struct finding *finding, const char *text)
{
	strbuf_auto struct strbuf buf = STRBUF_LIMIT(REPORT_JSON_MAX);

	strbuf_puts(&buf, "{");
	json_add_string(&buf, "level", report_levels[finding->level].word);
	json_add_string(&buf, "name", finding->name);
	json_add_string(&buf, "where", finding->where);
	json_add_string(&buf, "text", text);
	json_add_string(&buf, "remedy", finding->remedy);
	strbuf_puts(&buf, "}");
	fprintf(report->out, "%s\n%s", report->written == 0 ? "" : ",", strbuf_text(&buf));
}

/* What another program has said may have several lines. */
static void report_join(char *text)
{
	size_t length = strlen(text);

	while (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			*text = ' ';
	}
}

void report_add(struct report *report, const struct finding *finding, const char *format, ...)
{
	char text[REPORT_TEXT_MAX];
	char clean[REPORT_TEXT_MAX];
	char where[REPORT_TEXT_MAX];
	struct finding cleaned = *finding;
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	report_join(text);
	log_clean(clean, sizeof(clean), text, false);
	log_clean(where, sizeof(where), finding->where, false);
	cleaned.where = where;
	if (report->json)
		report_json(report, &cleaned, clean);
	else
		report_text(report, &cleaned, clean);
	report->found[finding->level]++;
	report->written++;
}

static const char *report_plural(int count)
{
	return count == 1 ? "" : "s";
}

int report_end(struct report *report)
{
	int errors = report->found[REPORT_ERROR];
	int warnings = report->found[REPORT_WARNING];

	if (report->json)
		fprintf(report->out, "\n],\"errors\":%d,\"warnings\":%d}\n", errors, warnings);
	else
		fprintf(report->out, "%d error%s, %d warning%s\n", errors, report_plural(errors), warnings, report_plural(warnings));
	if (errors > 0)
		return REPORT_EXIT_ERRORS;
	return warnings > 0 ? REPORT_EXIT_WARNINGS : REPORT_EXIT_GOOD;
}
