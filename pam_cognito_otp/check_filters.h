/*
 * check_filters - words of users, groups and require_group.SERVICE that mean nobody and nothing here: a filter with a typing error keeps
 * silent, and lets in whom it should keep out.
 */
#ifndef OTP_CHECK_FILTERS_H
#define OTP_CHECK_FILTERS_H

#include "check.h"
#include "check_pam.h"

/* The names in users and groups. Needs check->options. */
void check_filters(const struct check *check);

/* The services in require_group.SERVICE: whether any of them asks for a code. Needs check->options. */
void check_filters_services(const struct check *check, const struct pam_use *use);

#endif
