/*
 * proxy - what is ours to know of an HTTP proxy: the credentials for it, and what it means when it refuses.
 *
 * Rules kept here:
 *  - credentials come from a file that only root can read, never from an URL, an argument or the environment, where others could read them;
 *  - Basic authentication only (RFC 7617): with a proxy that is spoken to over http:// they are in clear to it and to whoever listens on the way to it; with
 *    https:// they are not;
 *  - what a proxy says decides about nothing but the reason in the log: it is no part of what is trusted, and the TLS to the service goes through it unopened.
 */
#ifndef OTP_PROXY_H
#define OTP_PROXY_H

#include "err.h"
#include "note.h"
#include "secret.h"

enum { PROXY_CREDENTIALS_MAX = 512 }; /* bytes of the file */

/*
 * The line `Proxy-Authorization: Basic ...` from a file with one line `user:password`; empty when `path` is "". The caller ends *ret_line. OTP_ERR_CONFIG_OPEN,
 * OTP_ERR_CONFIG_UNSAFE, OTP_ERR_CONFIG_VALUE (another form; the note names the file and nothing in it), OTP_ERR_MEMORY.
 */
enum otp_err proxy_authorization(const char *path, struct secret *ret_line, struct note *note);

/* What a status other than 2xx in its answer to CONNECT means: OTP_ERR_PROXY_AUTH, OTP_ERR_PROXY_REFUSED or OTP_ERR_NET_PROXY. */
enum otp_err proxy_status(long status);

#endif
