/* base64url - see base64url.h. */
#include "base64url.h"

#include <stdint.h>

enum { BASE64URL_NO_DIGIT = 64 };

static uint32_t base64url_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	if (c == '-')
		return 62;
	if (c == '_')
		return 63;
	return BASE64URL_NO_DIGIT;
}

bool base64url_decode(const char *text, size_t length, unsigned char *out, size_t capacity, size_t *ret_length)
{
	uint32_t bits = 0; /* those read and not yet written */
	unsigned int bit_count = 0;
	size_t written = 0;

	if (length % 4 == 1)
		return false;
	for (size_t i = 0; i < length; i++) {
		uint32_t digit = base64url_digit(text[i]);

		if (digit == BASE64URL_NO_DIGIT)
			return false;
		bits = bits << 6 | digit;
		bit_count += 6;
		if (bit_count < 8)
			continue;
		if (written == capacity)
			return false;
		bit_count -= 8;
		out[written++] = (unsigned char)(bits >> bit_count);
		bits &= (1U << bit_count) - 1;
	}
	/* RFC 4648 section 3.5: a decoder may take them, and then one value has up to sixteen spellings. */
	if (bits != 0)
		return false;
	*ret_length = written;
	return true;
}
