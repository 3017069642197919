/*
 * cache_sweep - takes away what is over, whenever something new is kept, so that cache_dir stays small without a daemon.
 *
 * Rule kept here: what still counts is never touched; what was killed half-way is given time to be used.
 */
#ifndef OTP_CACHE_SWEEP_H
#define OTP_CACHE_SWEEP_H

#include <stdint.h>

#include "options.h"

/* Records whose time is over or that are none, sealed tokens that no record names, files that were never finished. */
void cache_sweep(const struct options *options);

/* The records of all who have worked in a session that ends, or turns out to be nobody's. */
void cache_sweep_session(const struct options *options, uint32_t session);

#endif
