/*
 * json_write - JSON to the outside: the members of a request body.
 *
 * Rules kept here: everything is escaped that must be; the text may be a secret: it goes from its owner into the buffer, which wipes itself, and nowhere
 * else.
 */
#ifndef OTP_JSON_WRITE_H
#define OTP_JSON_WRITE_H

#include "strbuf.h"

/* `"key":"value"`, after a comma unless it is the first member ('{' is the last byte so far). Neither may hold a NUL. */
void json_add_string(struct strbuf *buf, const char *key, const char *value);

/* `"key":{` after the comma it needs; the caller closes the brace. */
void json_open_object(struct strbuf *buf, const char *key);

/* A UTF-16 unit as an escape: backslash, u, four hexadecimal digits. */
void json_add_unit(struct strbuf *buf, unsigned int unit);

#endif
