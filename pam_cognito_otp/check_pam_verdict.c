/* check_pam_verdict - see check_pam_verdict.h. */
#include "check_pam_verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "strbuf.h"

enum { CHECK_PAM_RESULTS_SIZE = 256 };

static bool check_pam_is_new(struct check_pam_seen *seen, const struct finding *finding)
{
	char key[CHECK_PAM_SEEN_SIZE];

	(void)snprintf(key, sizeof(key), "%s %s", finding->name, finding->where);
	for (size_t i = 0; i < seen->count; i++) {
		if (strcmp(seen->seen[i], key) == 0)
			return false;
	}
	if (seen->count < CHECK_PAM_SEEN_MAX)
		memcpy(seen->seen[seen->count++], key, sizeof(key));
	return true;
}

void check_pam_say(struct check_pam_seen *seen, const struct finding *finding, const char *format, ...)
{
	char text[REPORT_TEXT_MAX];
	va_list arguments;

	seen->faults += finding->level >= REPORT_WARNING;
	if (!check_pam_is_new(seen, finding))
		return;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	report_add(seen->check->report, finding, "%s", text);
}

void check_pam_files(struct check_pam_seen *seen, const struct check_pam_service *service)
{
	const struct pam_stack *stack = service->stack;
	struct finding finding = { REPORT_ERROR, "pam_file", "", "Run chown root:root and chmod go-w on it, and find out who changed it." };
	char where[CHECK_PAM_WHERE_MAX];

	for (size_t i = 0; i < stack->file_count; i++) {
		finding.where = stack->files[i].path;
		if (stack->files[i].unsafe)
			check_pam_say(seen, &finding, "others than root can write to this file, and so decide who logs in through %s",
				      service->name);
	}
	finding.where = where;
	finding.remedy = "Correct the line: see man 5 pam.conf for its form, and the system log for what PAM says of it.";
	for (size_t i = 0; i < stack->line_count; i++) {
		check_pam_where(&stack->lines[i], where);
		if (stack->lines[i].fault != NULL)
			check_pam_say(seen, &finding, "PAM cannot use this line of %s and fails: %s", service->name, stack->lines[i].fault);
	}
}

/* --- nobody gets in ------------------------------------------------------------------------------------------------------------- */

/* A module that is not there: a word that is spelt wrongly, or a package that is gone. */
static bool check_pam_lacks_module(struct check_pam_seen *seen, const struct check_pam_service *service)
{
	const struct pam_line *end = service->stack->lines + service->stack->line_count;
	char where[CHECK_PAM_WHERE_MAX];
	struct finding finding = { REPORT_ERROR, "pam_module_path", where, "correct the name, or install the package that has the module" };

	for (const struct pam_line *line = service->stack->lines; line < end; line++) {
		if (line->kind != PAM_LINE_MISSING)
			continue;
		check_pam_where(line, where);
		check_pam_say(seen, &finding, "there is no %s, which PAM takes for a failure: a right code lets nobody in through %s",
			      pam_stack_module_name(line), service->name);
		return true;
	}
	return false;
}

static void check_pam_dead(struct check_pam_seen *seen, const struct check_pam_service *service, const struct pam_verdict *verdict,
			   const char *where)
{
	struct finding finding = { REPORT_ERROR, "pam_unreachable", where,
				   "Put it before the line that ends the stack or jumps over it; see EXAMPLES in man 8 pam_cognito_otp." };

	if (check_pam_lacks_module(seen, service))
		return;
	if (!verdict->reached) {
		check_pam_say(seen, &finding, "no login through %s ever comes to this line%s", service->name,
			      verdict->bypassed ? ": everybody gets in without a code" : "");
		return;
	}
	finding.name = "pam_blocked";
	finding.remedy = "Look for another line that refuses, or jumps too far; EXAMPLES in man 8 pam_cognito_otp has stacks that work.";
	check_pam_say(seen, &finding, "a right code lets nobody in through %s", service->name);
}

/* --- somebody gets in who should not -------------------------------------------------------------------------------------------- */

/* The line whose answer leads past ours: the last one before ours that can end the stack well or jump. */
static const struct pam_line *check_pam_find_way_round(const struct check_pam_service *service)
{
	for (const struct pam_line *line = service->line; line-- > service->stack->lines;) {
		if (line->kind != PAM_LINE_MODULE || pam_dispatch_kind(line) == PAM_MODULE_CONDITION)
			continue;
		for (int result = 0; result < PAM_CONTROL_RESULTS; result++) {
			if (line->actions[result] == PAM_ACTION_DONE || line->actions[result] > 0)
				return line;
		}
	}
	return service->line;
}

static void check_pam_bypassed(struct check_pam_seen *seen, const struct check_pam_service *service)
{
	const struct pam_line *line = check_pam_find_way_round(service);
	char where[CHECK_PAM_WHERE_MAX];
	struct finding finding = { REPORT_WARNING, "pam_bypassed", where,
				   "If a code is to be asked for as well, write requisite in place of sufficient there, with no jump over our line." };

	check_pam_where(line, where);
	check_pam_say(seen, &finding, "whoever satisfies %s gets in through %s and is not asked for a code", pam_stack_module_name(line),
		      service->name);
}

/* An exception that somebody has written as a condition. That root need not prove anything to su is none. */
static void check_pam_exempt(struct check_pam_seen *seen, const struct check_pam_service *service)
{
	char where[CHECK_PAM_WHERE_MAX];
	struct finding finding = { REPORT_NOTE, "pam_exempt", where, "" };

	for (const struct pam_line *line = service->stack->lines; line < service->stack->lines + service->stack->line_count; line++) {
		if (pam_dispatch_kind(line) != PAM_MODULE_CONDITION || strcmp(pam_stack_module_name(line), "pam_rootok.so") == 0)
			continue;
		check_pam_where(line, where);
		check_pam_say(seen, &finding, "by this condition some people get in through %s without a code", service->name);
		return;
	}
}

/* The failures in PAM's words. */
static void check_pam_open_results(unsigned int open, struct strbuf *out)
{
	for (int result = 0; result < PAM_CONTROL_RESULTS; result++) {
		if ((open & 1U << result) != 0)
			strbuf_printf(out, "%s%s", out->length == 0 ? "" : ", ", pam_control_result_name(result));
	}
}

static void check_pam_open(struct check_pam_seen *seen, const struct check_pam_service *service, const struct pam_verdict *verdict,
			   const char *where)
{
	strbuf_auto struct strbuf results = STRBUF_LIMIT(CHECK_PAM_RESULTS_SIZE);
	struct finding finding = { REPORT_ERROR, "pam_fail_open", where,
				   "Write required, or [success=ok ignore=ignore default=die], and no reset behind it." };

	if (strcasecmp(service->line->control, "sufficient") == 0 || strcasecmp(service->line->control, "optional") == 0)
		return; /* has a finding of its own */
	check_pam_open_results(verdict->open, &results);
	check_pam_say(seen, &finding, "%s lets people in although this line failed with %s", service->name, strbuf_text(&results));
}

/* --- passwords, and people without a mapping ------------------------------------------------------------------------------------ */

static void check_pam_required_before(struct check_pam_seen *seen, const struct check_pam_service *service)
{
	char where[CHECK_PAM_WHERE_MAX];
	struct finding finding = { REPORT_WARNING, "pam_required_before", where,
				   "Write requisite in place of required; in place of an included stack, requisite and its password module." };

	for (const struct pam_line *line = service->stack->lines; line < service->line; line++) {
		if (pam_dispatch_kind(line) != PAM_MODULE_PASSWORD)
			continue;
		check_pam_where(line, where);
		check_pam_say(seen, &finding, "after a wrong password %s still asks for a code, and has it mailed", service->name);
		return;
	}
}

static void check_pam_unmapped(struct check_pam_seen *seen, const struct check_pam_service *service, const struct pam_verdict *verdict,
			       const char *where)
{
	struct finding finding = {
		REPORT_ERROR, "pam_permit_missing", where,
		"Add a line behind it that decides (man 8 pam_cognito_otp, Users without a mapping), or set unmapped = deny."
	};

	if (verdict->ignored_fails)
		check_pam_say(seen, &finding, "unmapped = ignore, and no other line of %s decides: whoever has no mapping is refused",
			      service->name);
	finding.name = "pam_permit_open";
	finding.remedy = "Write pam_unix.so in place of pam_permit.so, or set unmapped = deny.";
	if (verdict->ignored_open && strcmp(service->name, "sshd") != 0)
		check_pam_say(seen, &finding, "unmapped = ignore: whoever has no mapping gets in through %s with nothing", service->name);
}

void check_pam_verdict(struct check_pam_seen *seen, const struct check_pam_service *service, bool *ret_unmapped_open,
		       bool *ret_proved_first)
{
	char where[CHECK_PAM_WHERE_MAX];
	struct finding finding = { REPORT_WARNING, "pam_undecided", where, "Make the stack simpler: fewer conditions, substacks and lines." };
	struct pam_verdict verdict;

	check_pam_where(service->line, where);
	pam_dispatch_judge(service->stack, &verdict);
	*ret_unmapped_open = verdict.decided && service->settings.ignores_unmapped && verdict.ignored_open;
	*ret_proved_first = verdict.decided && !verdict.asks_first;
	if (!verdict.decided) {
		check_pam_say(seen, &finding, "the stack of %s is too large to say whom it lets in", service->name);
		return;
	}
	if (!verdict.works)
		check_pam_dead(seen, service, &verdict, where);
	if (verdict.reached && verdict.bypassed && !verdict.asked)
		check_pam_bypassed(seen, service);
	if (verdict.bypassed && verdict.asked)
		check_pam_exempt(seen, service);
	if (verdict.open != 0)
		check_pam_open(seen, service, &verdict, where);
	if (verdict.asks_failed)
		check_pam_required_before(seen, service);
	if (service->settings.ignores_unmapped)
		check_pam_unmapped(seen, service, &verdict, where);
}
