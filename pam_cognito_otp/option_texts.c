/* option_texts - see option_texts.h. */
#include "option_texts.h"

#include <stdbool.h>

typedef void option_texter(const void *field, struct strbuf *out);

static void option_text_plain(const void *field, struct strbuf *out)
{
	strbuf_puts(out, field);
}

static void option_text_bool(const void *field, struct strbuf *out)
{
	strbuf_puts(out, *(const bool *)field ? "yes" : "no");
}

static void option_text_switch(const void *field, struct strbuf *out)
{
	strbuf_puts(out, *(const bool *)field ? "on" : "off");
}

static void option_text_number(const void *field, struct strbuf *out)
{
	strbuf_printf(out, "%lld", (long long)*(const int64_t *)field);
}

/* `5m`; with `implied_one` a unit that stands alone for one of it, as in `20/d`. */
static void option_text_time(int64_t seconds, bool implied_one, struct strbuf *out)
{
	static const struct {
		int64_t seconds;
		char letter;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;

	while (units[i].seconds > 1 && seconds % units[i].seconds != 0)
		i++;
	if (!implied_one || seconds != units[i].seconds)
		strbuf_printf(out, "%lld", (long long)(seconds / units[i].seconds));
	strbuf_printf(out, "%c", units[i].letter);
}

static void option_text_seconds(const void *field, struct strbuf *out)
{
	option_text_time(*(const int64_t *)field, false, out);
}

static void option_text_budget(const void *field, struct strbuf *out)
{
	const struct budget_limit *limit = field;

	for (size_t i = 0; i < BUDGET_WINDOWS && limit->windows[i].count > 0; i++) {
		strbuf_printf(out, "%s%lld/", i == 0 ? "" : ",", (long long)limit->windows[i].count);
		option_text_time(limit->windows[i].seconds, true, out);
	}
}

static void option_text_words(const void *field, struct strbuf *out)
{
	const struct option_words *words = field;

	for (size_t i = 0; i < words->count; i++)
		strbuf_printf(out, "%s%s", i == 0 ? "" : " ", words->words[i]);
}

static void option_text_unmapped(const void *field, struct strbuf *out)
{
	strbuf_puts(out, *(const enum option_unmapped *)field == UNMAPPED_IGNORE ? "ignore" : "deny");
}

static void option_text_confirm(const void *field, struct strbuf *out)
{
	strbuf_puts(out, *(const enum option_confirm *)field == CONFIRM_ALWAYS ? "always" : "auto");
}

static void option_text_cache_check(const void *field, struct strbuf *out)
{
	strbuf_puts(out, *(const enum option_cache_check *)field == CACHE_CHECK_ONLINE ? "online" : "offline");
}

static void option_text_challenge(const void *field, struct strbuf *out)
{
	strbuf_puts(out, *(const enum option_challenge *)field == CHALLENGE_SMS_OTP ? "sms_otp" : "email_otp");
}

void option_text(option_setter *set, const void *field, struct strbuf *out)
{
	/* every other setter keeps its text as it was written */
	static const struct {
		option_setter *set;
		option_texter *text;
	} kinds[] = {
		{ option_set_bool, option_text_bool },
		{ option_set_switch, option_text_switch },
		{ option_set_number, option_text_number },
		{ option_set_seconds, option_text_seconds },
		{ option_set_budget, option_text_budget },
		{ option_set_words, option_text_words },
		{ option_set_filter, option_text_words },	 { option_set_programs, option_text_words },
		{ option_set_issuers, option_text_words },
		{ option_set_unmapped, option_text_unmapped },
		{ option_set_confirm, option_text_confirm },
		{ option_set_cache_check, option_text_cache_check },
		{ option_set_challenge, option_text_challenge },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].set == set) {
			kinds[i].text(field, out);
			return;
		}
	}
	option_text_plain(field, out);
}
