/*
 * check_settings - the settings, the user map, and the files that they name.
 */
#ifndef OTP_CHECK_SETTINGS_H
#define OTP_CHECK_SETTINGS_H

#include <stdbool.h>

#include "check.h"
#include "options.h"

/* Loads the settings into *options, which check->options does not point to yet. False, and a finding, when they cannot be used. */
bool check_settings_load(const struct check *check, struct options *options);

/* The user map: its form, and who of it has an account here and may log in. Needs check->options. */
void check_settings_map(const struct check *check);

/* The file of pins, where the settings want one. Needs check->options. */
void check_settings_pins(const struct check *check);

#endif
