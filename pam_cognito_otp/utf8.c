/* utf8 - see utf8.h. */
#include "utf8.h"

/*
 * RFC 3629 section 4: the second byte's range shuts out overlong forms (E0 80, F0 80), surrogates (ED A0) and what is above U+10FFFF (F4
 * 90); C0, C1 and F5..FF begin nothing. json-c lets C0 AE through, a second spelling of the full stop.
 */
size_t utf8_length(const unsigned char *at, const unsigned char *end)
{
	unsigned char low = at[0] == 0xE0 ? 0xA0 : at[0] == 0xF0 ? 0x90 : 0x80;
	unsigned char high = at[0] == 0xED ? 0x9F : at[0] == 0xF4 ? 0x8F : 0xBF;
	size_t length;

	if (at[0] < 0xC2)
		return 0;
	if (at[0] > 0xF4)
		return 0;
	length = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
	if ((size_t)(end - at) < length)
		return 0;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((at[i] & 0xC0) != 0x80)
			return 0;
	return length;
}

uint32_t utf8_number(const unsigned char *at, size_t length)
{
	static const unsigned char first[] = { 0x00, 0x7F, 0x1F, 0x0F, 0x07 };
	uint32_t number = at[0] & first[length];

	for (size_t i = 1; i < length; i++)
		number = number << 6 | (at[i] & 0x3F);
	return number;
}
