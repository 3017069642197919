/* err - texts and classes of the list in err.h; nothing else. */
#include "err.h"

struct err_entry {
	const char *reason;
	const char *text;
	enum otp_class class;
};

static const struct err_entry err_table[] = {
#define OTP_ERR_ENTRY(name, reason, class, text) [name] = { reason, text, OTP_CLASS_##class },
	OTP_ERRORS(OTP_ERR_ENTRY)
#undef OTP_ERR_ENTRY
};

static const struct err_entry *err_entry(enum otp_err err)
{
	/* Numbers reach us over the wire too: one that is not in the table must not become a success. */
	if ((unsigned int)err >= OTP_ERR_COUNT)
		return &err_table[OTP_ERR_INTERNAL];
	return &err_table[err];
}

const char *err_reason(enum otp_err err)
{
	return err_entry(err)->reason;
}

const char *err_text(enum otp_err err)
{
	return err_entry(err)->text;
}

enum otp_class err_class(enum otp_err err)
{
	return err_entry(err)->class;
}
