/* assert_err - cmocka's preamble, and an assertion for tables of cases: it names the case and both errors. */
#ifndef OTP_TEST_ASSERT_ERR_H
#define OTP_TEST_ASSERT_ERR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "err.h"

#define CASES(table) (sizeof(table) / sizeof((table)[0]))

#define assert_err(name, actual, wanted) assert_err_at((name), (actual), (wanted), __FILE__, __LINE__)

static inline void assert_err_at(const char *name, enum otp_err actual, enum otp_err wanted, const char *file, int line)
{
	if (actual == wanted)
		return;
	print_error("case \"%s\": %s, not %s\n", name, err_reason(actual), err_reason(wanted));
	_fail(file, line);
}

#endif
