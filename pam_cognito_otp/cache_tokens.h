/*
 * cache_tokens - the refresh token of a kept proof, sealed on disk, for cache_check = online.
 *
 * Sealed with AES-256-GCM (NIST SP 800-38D) under a random key of root's own in cache_dir (`cache-seal`, made by whoever is first), a fresh
 * random nonce each time, and all that the proof is bound to as additional data: tokens of another user, session record, host or settings
 * do not open.
 *
 * Rules kept here:
 *  - the file is replaced whole (rename): a rotated token is on disk before its predecessor is forgotten;
 *  - what does not open is taken away, and a code is asked for;
 *  - a bad key is set aside when tokens are kept, since nothing could be sealed by it; older tokens open no more then, and a code is asked
 *    for. When tokens are looked for it is an error, and stays for root to see;
 *  - of the tokens only the refresh token is kept, with what its successors must be equal to: sub, auth_time, origin_jti.
 */
#ifndef OTP_CACHE_TOKENS_H
#define OTP_CACHE_TOKENS_H

#include <stdint.h>

#include "cache.h"
#include "err.h"
#include "identity.h"
#include "note.h"
#include "proof.h"
#include "secret.h"

struct cache_tokens {
	struct secret refresh;
	struct proof_origin origin;
};
#define CACHE_TOKENS_NONE { SECRET_EMPTY, PROOF_ORIGIN_NONE }
#define cache_tokens_auto __attribute__((cleanup(cache_tokens_done)))

/* The file cache-tokens-UID-ID. */
struct cache_tokens_name {
	uid_t uid;
	char id[CACHE_TOKENS_ID_SIZE + 1]; /* hexadecimal digits, as in a record */
};

/* A new random name for tokens of `uid`. OTP_ERR_SYSTEM. */
enum otp_err cache_tokens_name(uid_t uid, struct cache_tokens_name *ret_name);

/*
 * Seals and writes; `proof` is cache_record_proof of the record that names them. OTP_ERR_STATE_IO, _UNSAFE, OTP_ERR_CRYPTO, OTP_ERR_SYSTEM,
 * OTP_ERR_MEMORY. OTP_ERR_TOKENS_SEALED: they are none that could be read back (empty, too long, blanks inside).
 */
enum otp_err cache_tokens_keep(int dir, const struct cache_tokens_name *name, const struct strbuf *proof, const struct cache_tokens *tokens,
			       struct note *note);

/*
 * Reads and opens. OTP_ERR_TOKENS_SEALED: tokens or key are missing, damaged or another's, and a repetition will not help.
 * OTP_ERR_STATE_UNSAFE: one of them is not root's alone. OTP_ERR_STATE_IO: the disk; they may open later. Otherwise as above.
 * *ret_tokens is changed with OTP_OK only.
 */
enum otp_err cache_tokens_find(int dir, const struct cache_tokens_name *name, const struct strbuf *proof, struct cache_tokens *ret_tokens,
			       struct note *note);

/* Takes the file away. */
void cache_tokens_remove(int dir, const struct cache_tokens_name *name);

void cache_tokens_done(struct cache_tokens *tokens);

#endif
