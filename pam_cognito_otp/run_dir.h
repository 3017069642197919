/*
 * run_dir - the directory of what lasts until the next boot: open challenges, budgets, turns, who was found in good standing.
 *
 * Rules kept here: it is root's alone or nothing is mailed; rubbish goes when something is added, so that it stays small without a daemon.
 */
#ifndef OTP_RUN_DIR_H
#define OTP_RUN_DIR_H

#include "err.h"
#include "note.h"

enum { RUN_DIR_STRANGERS_MAX = 512 }; /* files of callers who have proved nothing; about 10 KiB each */

/* What the pool was found to say of somebody (standing.h): good for a minute, and taken away after an hour. */
#define RUN_DIR_STANDING "standing-"

/* Opens it, making it when it is absent. The caller closes *ret_dir. OTP_ERR_STATE_UNSAFE, OTP_ERR_STATE_IO. */
enum otp_err run_dir_open(int *ret_dir, struct note *note);

/* Called before a challenge's file is written: makes room for one. */
void run_dir_sweep(int dir);

/* Calls `visit` for every name in it that does not begin with a dot, until it returns something other than OTP_OK. OTP_ERR_STATE_IO. */
typedef enum otp_err run_dir_visitor(int dir, const char *name, void *arg);
enum otp_err run_dir_each(int dir, run_dir_visitor *visit, void *arg);

#endif
