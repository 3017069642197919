/*
 * jwks - where the pool's keys come from: a file of the administrator's, our copy on disk, or the service; and when they are fetched anew.
 *
 * Rules kept here:
 *  - the address comes from the settings, never from a token;
 *  - the copy saves a request and keeps logins going while the key set cannot be fetched; it is root's alone, replaced whole, and nothing depends on it: a copy
 *    that is damaged, old, or cannot be written is a key set that must be fetched;
 *  - a kid that nobody knows leads to one fetch at most, and not again within five minutes, so that forged tokens cannot make us hammer the service.
 *
 * Sources: RFC 7517; Cognito developer guide "Verifying JSON web tokens" (keys may be rotated without notice).
 */
#ifndef OTP_JWKS_H
#define OTP_JWKS_H

#include <stdint.h>

#include "clock.h"
#include "err.h"
#include "http.h"
#include "jwk_set.h"
#include "note.h"

enum {
	JWKS_REFRESH_S = 5 * 60,	 /* a copy younger than this is not fetched again for an unknown kid */
	JWKS_STALE_S = 7 * 24 * 60 * 60 /* how long beyond max_age a copy serves while no new one can be had */
};

/* Everything is borrowed and must outlive it. */
struct jwks_settings {
	const char *url;
	const char *file; /* the administrator's; "" when there is none */
	const char *state_dir; /* where our copy is; NULL: none is read, and none is written */
	const char *user_pool_id; /* names the copy */
	int64_t max_age;	  /* seconds */
	int64_t clock_skew;	  /* seconds */
};

struct jwks {
	const struct jwks_settings *settings;
	struct jwk_set *set; /* NULL until loaded */
	int64_t fetched_at;  /* seconds since 1970 */
};

#define JWKS_OF(settings) { (settings), NULL, 0 }

/*
 * Fills jwks->set. Errors of safe_file.h, http.h and jwk_set.h, OTP_ERR_JWKS_STATUS, OTP_ERR_CLOCK (this clock is far from the service's: found out
 * here, before a code is mailed in vain).
 */
enum otp_err jwks_load(struct jwks *jwks, struct http *http, const struct deadline *deadline, struct note *note);

/* For a kid that is not in the set. OTP_ERR_JWT_KID when the set is as new as it can be. */
enum otp_err jwks_refresh(struct jwks *jwks, struct http *http, const struct deadline *deadline, struct note *note);

void jwks_done(struct jwks *jwks);

#endif
