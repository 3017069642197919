/*
 * cache_entries - all that lies in cache_dir of a user or of everybody, for an administrator: records, and sealed tokens that no record
 * names.
 *
 * Rules kept here:
 *  - whose a record is, the record itself says: those who have left are the ones that an administrator looks for. A record that cannot be
 *    read, and sealed tokens, have a uid only;
 *  - what is shown is there whether the cache is on or not; a directory that is not there is not made, and has nothing in it.
 */
#ifndef OTP_CACHE_ENTRIES_H
#define OTP_CACHE_ENTRIES_H

#include <stdbool.h>

#include "cache.h"
#include "cache_tokens.h"
#include "err.h"
#include "note.h"
#include "options.h"

enum {
	CACHE_ENTRY_FILE_SIZE = 96,
	CACHE_ENTRY_TEXT_SIZE = CACHE_BINDING_MAX + 1
};

/* Borrowed from the one who shows it, for one visit. */
struct cache_entry {
	char file[CACHE_ENTRY_FILE_SIZE]; /* its name in cache_dir */
	bool orphan;			  /* sealed tokens that no record names; a record otherwise */
	struct cache_tokens_name tokens;  /* of an orphan */
	struct cache_slot slot;		  /* of a record */
	enum otp_err err;		  /* whether the record could be read: as cache_read */
	struct cache_record record;	  /* with OTP_OK */
	char user[CACHE_ENTRY_TEXT_SIZE]; /* of a record that was read: its user; "" otherwise */
	struct note note;		  /* why it could not be read */
};

/*
 * Calls `visit` with each record of `user` (NULL: of everybody), in no order, and then with each orphan; the visitor may remove what it is
 * shown. An orphan is of a name if the name's account, or a record of that name, has its uid. Ends when `visit` returns something other
 * than OTP_OK. OTP_ERR_STATE_*, OTP_ERR_MEMORY.
 */
typedef enum otp_err cache_entry_visitor(int dir, const struct cache_entry *entry, void *arg);
enum otp_err cache_entries_each(const struct options *options, const char *user, cache_entry_visitor *visit, void *arg, struct note *note);

#endif
