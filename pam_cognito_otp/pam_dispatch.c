/* pam_dispatch - see pam_dispatch.h. */
#include "pam_dispatch.h"

#include <stdlib.h>
#include <string.h>

#include <security/_pam_types.h>

enum {
	PAM_LEVELS_MAX = 4,	/* of substacks */
	PAM_CONDITIONS_MAX = 8, /* in one stack */
	PAM_STATES_MAX = 128	/* at one line */
};

enum pam_impression { PAM_UNDECIDED, PAM_POSITIVE, PAM_NEGATIVE };

/* Of libpam: what the lines so far have come to. */
struct pam_score {
	uint8_t impression;
	uint8_t success; /* whether the status is PAM_SUCCESS */
};

/* One way to a line. Bytes only, so that two can be compared. */
struct pam_state {
	struct pam_score score;
	struct pam_score saved[PAM_LEVELS_MAX + 1]; /* when the substack of this level was entered */
	uint8_t reached;			    /* ours was called */
	uint8_t proved;				    /* another module accepted a secret */
	uint8_t wrong;				    /* a password module failed */
};
_Static_assert(sizeof(struct pam_state) == 2 * (PAM_LEVELS_MAX + 2) + 3, "no padding");

struct pam_states {
	struct pam_state list[PAM_STATES_MAX];
	size_t count;
};

/* What was found at the end of all ways. */
struct pam_ends {
	bool reached;
	bool in_reached;   /* success, ours called */
	bool in_skipped;   /* success, ours not called */
	bool in_unproved;  /* success, ours called, and nobody accepted a secret */
	bool undecided;	   /* no line had a say */
	bool asked_failed; /* ours was called after a wrong password */
	bool asked_first;  /* ours was called, and nobody had accepted a secret */
};

struct pam_walk {
	const struct pam_stack *stack;
	enum pam_module_kind kinds[PAM_STACK_LINES_MAX];
	int conditions[PAM_STACK_LINES_MAX]; /* the number of the line's condition */
	int condition_count;
	unsigned int truths; /* bit by condition: what it says now */
	int ours;	     /* what ours says now */
	struct pam_states at[PAM_STACK_LINES_MAX + 1];
	struct pam_ends ends;
	bool overflow;
};

static const int pam_failures[] = {
	PAM_AUTH_ERR,	 PAM_MAXTRIES,	 PAM_USER_UNKNOWN, PAM_PERM_DENIED, PAM_AUTHINFO_UNAVAIL,
	PAM_SERVICE_ERR, PAM_SYSTEM_ERR, PAM_BUF_ERR,	   PAM_CONV_ERR,    PAM_MODULE_UNKNOWN,
};
enum { PAM_FAILURES = sizeof(pam_failures) / sizeof(pam_failures[0]) };

enum pam_module_kind pam_dispatch_kind(const struct pam_line *line)
{
	static const struct {
		const char *name;
		enum pam_module_kind kind;
	} modules[] = {
		{ "pam_cognito_otp.so", PAM_MODULE_OURS },
		{ "pam_permit.so", PAM_MODULE_PERMIT },
		{ "pam_deny.so", PAM_MODULE_DENY },
		{ "pam_succeed_if.so", PAM_MODULE_CONDITION },
		{ "pam_rootok.so", PAM_MODULE_CONDITION },
		{ "pam_listfile.so", PAM_MODULE_CONDITION },
		{ "pam_localuser.so", PAM_MODULE_CONDITION },
		{ "pam_usertype.so", PAM_MODULE_CONDITION },
		{ "pam_wheel.so", PAM_MODULE_CONDITION },
		{ "pam_access.so", PAM_MODULE_CONDITION },
		{ "pam_securetty.so", PAM_MODULE_CONDITION },
		{ "pam_time.so", PAM_MODULE_CONDITION },
		{ "pam_shells.so", PAM_MODULE_CONDITION },
		{ "pam_rhosts.so", PAM_MODULE_CONDITION },
		{ "pam_env.so", PAM_MODULE_MUTE },
		{ "pam_faildelay.so", PAM_MODULE_MUTE },
		{ "pam_group.so", PAM_MODULE_MUTE },
		{ "pam_warn.so", PAM_MODULE_MUTE },
		{ "pam_echo.so", PAM_MODULE_MUTE },
		{ "pam_issue.so", PAM_MODULE_MUTE },
		{ "pam_motd.so", PAM_MODULE_MUTE },
		{ "pam_nologin.so", PAM_MODULE_GATE },
		{ "pam_sepermit.so", PAM_MODULE_HELPER },
		{ "pam_faillock.so", PAM_MODULE_HELPER },
		{ "pam_cap.so", PAM_MODULE_HELPER },
		{ "pam_exec.so", PAM_MODULE_HELPER },
		{ "pam_keyinit.so", PAM_MODULE_HELPER },
		{ "pam_mail.so", PAM_MODULE_HELPER },
		{ "pam_gnome_keyring.so", PAM_MODULE_HELPER },
		{ "pam_kwallet.so", PAM_MODULE_HELPER },
		{ "pam_kwallet5.so", PAM_MODULE_HELPER },
		{ "pam_script.so", PAM_MODULE_HELPER },
		{ "pam_unix.so", PAM_MODULE_PASSWORD },
		{ "pam_sss.so", PAM_MODULE_PASSWORD },
		{ "pam_ldap.so", PAM_MODULE_PASSWORD },
		{ "pam_krb5.so", PAM_MODULE_PASSWORD },
		{ "pam_winbind.so", PAM_MODULE_PASSWORD },
		{ "pam_pwdb.so", PAM_MODULE_PASSWORD },
		{ "pam_systemd_home.so", PAM_MODULE_PASSWORD },
	};
	const char *name = pam_stack_module_name(line);

	for (size_t i = 0; line->kind == PAM_LINE_MODULE && i < sizeof(modules) / sizeof(modules[0]); i++) {
		if (strcmp(name, modules[i].name) == 0)
			return modules[i].kind;
	}
	return line->kind == PAM_LINE_MODULE ? PAM_MODULE_OTHER : PAM_MODULE_DENY;
}

/* --- libpam's rules ------------------------------------------------------------------------------------------------------------- */

/* Joins one way with the others that lead to the same line. */
static void pam_arrive(struct pam_walk *walk, size_t line, const struct pam_state *state)
{
	struct pam_states *states = &walk->at[line];

	for (size_t i = 0; i < states->count; i++) {
		if (memcmp(&states->list[i], state, sizeof(*state)) == 0)
			return;
	}
	if (states->count == PAM_STATES_MAX)
		walk->overflow = true;
	else
		states->list[states->count++] = *state;
}

/* The line behind the substack that `line` is in; at level 0 the end. */
static size_t pam_decided(const struct pam_stack *stack, size_t line)
{
	int level = stack->lines[line].level;

	while (line < stack->line_count && stack->lines[line].level >= level)
		line++;
	return line;
}

/* Jumps over *count lines of the same substack, a substack of theirs being one of them; *count is what could not be jumped over. */
static size_t pam_jump(const struct pam_stack *stack, size_t line, int *count)
{
	int level = stack->lines[line].level;

	while (line + 1 < stack->line_count && stack->lines[line + 1].level >= level && *count > 0) {
		do {
			line++;
		} while (line + 1 < stack->line_count && stack->lines[line + 1].level > level);
		--*count;
	}
	return line + 1;
}

static void pam_fail(struct pam_score *score)
{
	score->impression = PAM_NEGATIVE;
	score->success = 0;
}

/* Changes the score by a result with its action; returns the next line. */
static size_t pam_score_result(const struct pam_stack *stack, size_t line, int result, struct pam_state *state)
{
	int level = stack->lines[line].level;
	int action = stack->lines[line].actions[result];
	struct pam_score *score = &state->score;
	size_t next = line + 1;

	switch (action) {
	case PAM_ACTION_RESET:
		*score = state->saved[level];
		return next;
	case PAM_ACTION_OK:
	case PAM_ACTION_DONE:
		if (score->impression == PAM_UNDECIDED || (score->impression == PAM_POSITIVE && score->success != 0)) {
			score->impression = PAM_POSITIVE;
			score->success = result == PAM_SUCCESS;
		}
		return action == PAM_ACTION_DONE && score->impression == PAM_POSITIVE ? pam_decided(stack, line) : next;
	case PAM_ACTION_BAD:
	case PAM_ACTION_DIE:
		if (score->impression != PAM_NEGATIVE)
			pam_fail(score);
		return action == PAM_ACTION_DIE ? pam_decided(stack, line) : next;
	case PAM_ACTION_IGNORE:
		return next;
	default:
		next = pam_jump(stack, line, &action);
		if (action != 0) /* a jump too far */
			pam_fail(score);
		return next;
	}
}

/* --- all ways ------------------------------------------------------------------------------------------------------------------- */

/* One result of a line. */
static void pam_follow(struct pam_walk *walk, size_t line, const struct pam_state *before, int result)
{
	struct pam_state state = *before;
	enum pam_module_kind kind = walk->kinds[line];
	size_t next;

	if (kind == PAM_MODULE_OURS) {
		state.reached = 1;
		walk->ends.asked_first |= state.proved == 0 && state.score.impression != PAM_NEGATIVE;
		walk->ends.asked_failed |= state.wrong != 0 && state.score.impression == PAM_NEGATIVE;
	}
	if ((kind == PAM_MODULE_PASSWORD || kind == PAM_MODULE_OTHER) && result == PAM_SUCCESS)
		state.proved = 1;
	if (kind == PAM_MODULE_PASSWORD && result == PAM_AUTH_ERR)
		state.wrong = 1;
	next = pam_score_result(walk->stack, line, result, &state);
	pam_arrive(walk, next, &state);
}

static void pam_follow_failures(struct pam_walk *walk, size_t line, const struct pam_state *state)
{
	for (size_t i = 0; i < PAM_FAILURES; i++)
		pam_follow(walk, line, state, pam_failures[i]);
}

/* What a line says that always fails. */
static int pam_refusal(const struct pam_line *line)
{
	if (line->kind == PAM_LINE_MISSING)
		return PAM_MODULE_UNKNOWN;
	return line->kind == PAM_LINE_BROKEN ? PAM_PERM_DENIED : PAM_AUTH_ERR;
}

/* Everything that the line's module can say. */
static void pam_follow_line(struct pam_walk *walk, size_t line, const struct pam_state *state)
{
	switch (walk->kinds[line]) {
	case PAM_MODULE_OURS:
		pam_follow(walk, line, state, walk->ours);
		return;
	case PAM_MODULE_PERMIT:
		pam_follow(walk, line, state, PAM_SUCCESS);
		return;
	case PAM_MODULE_DENY:
		pam_follow(walk, line, state, pam_refusal(&walk->stack->lines[line]));
		return;
	case PAM_MODULE_CONDITION:
		if ((walk->truths & 1U << walk->conditions[line]) != 0) {
			pam_follow(walk, line, state, PAM_SUCCESS);
		} else {
			pam_follow(walk, line, state, PAM_AUTH_ERR);
			pam_follow(walk, line, state, PAM_PERM_DENIED);
		}
		return;
	case PAM_MODULE_MUTE:
		pam_follow(walk, line, state, PAM_IGNORE);
		return;
	case PAM_MODULE_GATE:
		pam_follow(walk, line, state, PAM_IGNORE);
		pam_follow_failures(walk, line, state);
		return;
	case PAM_MODULE_HELPER:
		pam_follow(walk, line, state, PAM_IGNORE);
		break;
	case PAM_MODULE_PASSWORD:
	case PAM_MODULE_OTHER:
		break;
	}
	pam_follow(walk, line, state, PAM_SUCCESS);
	pam_follow_failures(walk, line, state);
}

/* The lines behind a substack's marker begin with the score of before it. */
static void pam_enter(struct pam_walk *walk, size_t line, const struct pam_state *before)
{
	struct pam_state state = *before;
	int level = walk->stack->lines[line].level + 1;

	if (level > PAM_LEVELS_MAX) {
		walk->overflow = true;
		return;
	}
	state.saved[level] = state.score;
	pam_arrive(walk, line + 1, &state);
}

static void pam_end(struct pam_ends *ends, const struct pam_state *state)
{
	bool in = state->score.success != 0 && state->score.impression == PAM_POSITIVE;

	ends->reached |= state->reached != 0;
	ends->in_reached |= in && state->reached != 0;
	ends->in_skipped |= in && state->reached == 0;
	ends->in_unproved |= in && state->reached != 0 && state->proved == 0;
	ends->undecided |= state->score.impression == PAM_UNDECIDED;
}

/* All ways for one set of answers of the conditions and one result of ours. */
static struct pam_ends pam_walk_all(struct pam_walk *walk, unsigned int truths, int ours)
{
	static const struct pam_state start;
	size_t count = walk->stack->line_count;

	walk->truths = truths;
	walk->ours = ours;
	walk->ends = (struct pam_ends){ 0 };
	for (size_t i = 0; i <= count; i++)
		walk->at[i].count = 0;
	pam_arrive(walk, 0, &start);
	for (size_t line = 0; line < count; line++) {
		for (size_t i = 0; i < walk->at[line].count; i++) {
			if (walk->stack->lines[line].kind == PAM_LINE_SUBSTACK)
				pam_enter(walk, line, &walk->at[line].list[i]);
			else
				pam_follow_line(walk, line, &walk->at[line].list[i]);
		}
	}
	for (size_t i = 0; i < walk->at[count].count; i++)
		pam_end(&walk->ends, &walk->at[count].list[i]);
	return walk->ends;
}

/* --- the verdict ---------------------------------------------------------------------------------------------------------------- */

/* Those for whom the conditions have these answers, and who are asked: what a failure or PAM_IGNORE of ours means for them. */
static void pam_judge_asked(struct pam_walk *walk, unsigned int truths, struct pam_verdict *verdict)
{
	struct pam_ends ends = pam_walk_all(walk, truths, PAM_IGNORE);

	verdict->ignored_fails &= !ends.in_reached && ends.undecided;
	verdict->ignored_open |= ends.in_unproved;
	for (size_t i = 0; i < PAM_FAILURES; i++) {
		if ((verdict->open & 1U << pam_failures[i]) != 0 && !pam_walk_all(walk, truths, pam_failures[i]).in_reached)
			verdict->open &= ~(1U << pam_failures[i]);
	}
}

static void pam_judge(struct pam_walk *walk, struct pam_verdict *verdict)
{
	unsigned int ways = 1U << walk->condition_count;
	struct pam_ends ends;

	for (size_t i = 0; i < PAM_FAILURES; i++)
		verdict->open |= 1U << pam_failures[i];
	verdict->ignored_fails = true;
	for (unsigned int truths = 0; truths < ways; truths++) {
		ends = pam_walk_all(walk, truths, PAM_SUCCESS);
		verdict->reached |= ends.reached;
		verdict->works |= ends.in_reached;
		verdict->bypassed |= ends.in_skipped;
		verdict->asks_failed |= ends.asked_failed;
		verdict->asks_first |= ends.asked_first;
		verdict->asked |= ends.in_reached && !ends.in_skipped;
	}
	for (unsigned int truths = 0; truths < ways; truths++) {
		ends = pam_walk_all(walk, truths, PAM_SUCCESS);
		if (ends.in_reached && (!verdict->asked || !ends.in_skipped))
			pam_judge_asked(walk, truths, verdict);
	}
}

/* Gives each line its kind and each condition its number; false: there are too many. */
static bool pam_number_lines(struct pam_walk *walk)
{
	for (size_t i = 0; i < walk->stack->line_count; i++) {
		walk->kinds[i] = pam_dispatch_kind(&walk->stack->lines[i]);
		if (walk->kinds[i] != PAM_MODULE_CONDITION)
			continue;
		if (walk->condition_count == PAM_CONDITIONS_MAX)
			return false;
		walk->conditions[i] = walk->condition_count++;
	}
	return true;
}

void pam_dispatch_judge(const struct pam_stack *stack, struct pam_verdict *ret_verdict)
{
	struct pam_walk *walk = calloc(1, sizeof(*walk));
	struct pam_verdict verdict = { .decided = true };

	*ret_verdict = (struct pam_verdict){ .decided = false };
	if (walk == NULL)
		return;
	walk->stack = stack;
	if (!stack->truncated && pam_number_lines(walk)) {
		pam_judge(walk, &verdict);
		verdict.open = verdict.works ? verdict.open : 0;
		verdict.ignored_fails = verdict.works && verdict.ignored_fails;
		if (!walk->overflow)
			*ret_verdict = verdict;
	}
	free(walk);
}
