/*
 * pin - one line of the file of pins: which `sub` a person had, when that was written down, and at what occasion.
 *
 * Rule kept here: `local-user kind:value sub=UUID from=login|created time=SECONDS`, one blank between two words, and nothing else: what is
 * read is what was written, byte for byte, or damage.
 */
#ifndef OTP_PIN_H
#define OTP_PIN_H

#include <stdbool.h>
#include <stdint.h>

#include "identity.h"
#include "strbuf.h"

enum { PIN_USER_MAX = 255 }; /* bytes of a local name */

enum pin_origin { PINS_FROM_LOGIN, PINS_FROM_CREATION, PINS_FROM_LOOK };

struct pin {
	char user[PIN_USER_MAX + 1];
	struct identity identity; /* with its sub */
	enum pin_origin origin;
	int64_t time; /* clock_wall() */
};

/* "login", "created", "found". */
const char *pin_origin_name(enum pin_origin origin);

/* A line without its newline. */
bool pin_parse(const char *line, const char *end, struct pin *ret_pin);

/* The line, with its newline. The pin must be one that pin_parse reads. */
void pin_put(struct strbuf *text, const struct pin *pin);

#endif
