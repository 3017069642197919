/*
 * trust - where the certificates are that this machine trusts.
 *
 * Rules kept here:
 *  - there is always one store and no second one behind it: the file of the settings, or the system's;
 *  - a machine without a store trusts nobody: a path that does not exist, never an empty one, which a library would fill in.
 */
#ifndef OTP_TRUST_H
#define OTP_TRUST_H

/* Exactly one of the two is set. Borrowed: `file` from the settings, everything else lives for ever. */
struct trust {
	const char *file; /* a bundle of PEM certificates */
	const char *dir;  /* a directory with hashed names, as c_rehash makes it */
};

/* `ca_file`: of the settings, or "" for the system's store. */
struct trust trust_find(const char *ca_file);

#endif
