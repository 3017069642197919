/* auth_request - see auth_request.h. */
#include "auth_request.h"

#include <string.h>

__attribute__((visibility("default"))) const struct auth_build auth_flow_build = { OTP_VERSION, AUTH_REQUEST_SIZE };

bool auth_request_is_ours(const struct auth_request *request, struct auth_result *ret_result)
{
	if (request->size == AUTH_REQUEST_SIZE && strcmp(request->version, OTP_VERSION) == 0)
		return true;
	ret_result->result = OTP_ERR_HELPER_PROTOCOL;
	ret_result->reason = OTP_ERR_HELPER_PROTOCOL;
	return false;
}
