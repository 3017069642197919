/* secret - see secret.h. explicit_bzero, since a compiler may drop a memset before free(). */
#include "secret.h"

#include <stdlib.h>
#include <string.h>

enum otp_err secret_set(struct secret *secret, const void *bytes, size_t length)
{
	char *copy = malloc(length + 1);

	if (copy == NULL) {
		secret_done(secret);
		return OTP_ERR_MEMORY;
	}
	if (length > 0)
		memcpy(copy, bytes, length);
	copy[length] = '\0';
	secret_done(secret);
	secret->bytes = copy;
	secret->length = length;
	return OTP_OK;
}

void secret_done(struct secret *secret)
{
	if (secret == NULL || secret->bytes == NULL)
		return;
	explicit_bzero(secret->bytes, secret->length);
	free(secret->bytes);
	secret->bytes = NULL;
	secret->length = 0;
}

void secret_move(struct secret *to, struct secret *from)
{
	if (to == from)
		return;
	secret_done(to);
	*to = *from;
	from->bytes = NULL; /* handed over */
	from->length = 0;
}

const char *secret_text(const struct secret *secret)
{
	return secret->bytes == NULL ? "" : secret->bytes;
}

bool secret_equal(const struct secret *secret, const void *bytes, size_t length)
{
	const unsigned char *a = (const unsigned char *)secret_text(secret);
	const unsigned char *b = bytes;
	unsigned char different = 0;

	if (secret->length != length)
		return false;
	for (size_t i = 0; i < length; i++)
		different |= a[i] ^ b[i];
	return different == 0;
}
