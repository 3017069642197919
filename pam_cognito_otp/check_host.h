/*
 * check_host - what the installation has put on this machine: module, helper and network part, and the directories that logins write to.
 */
#ifndef OTP_CHECK_HOST_H
#define OTP_CHECK_HOST_H

#include "check.h"

void check_host(const struct check *check);

#endif
