/* option_services - see option_services.h. */
#include "option_services.h"

#include <string.h>

bool option_services_is_name(const char *name, size_t length)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";

	if (length == 0 || length > OPTIONS_SERVICE_NAME_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (memchr(letters, name[i], sizeof(letters) - 1) == NULL)
			return false;
	}
	return true;
}

static bool option_services_is(const struct option_service *service, const char *name, size_t length)
{
	return strlen(service->name) == length && memcmp(service->name, name, length) == 0;
}

struct option_service *option_services_entry(struct option_services *services, const char *name, size_t length)
{
	struct option_service *service = services->entries;
	struct option_service *end = services->entries + services->count;

	while (service < end && !option_services_is(service, name, length))
		service++;
	if (service < end)
		return service;
	if (services->count == OPTIONS_SERVICES_MAX)
		return NULL;
	services->count++;
	memcpy(service->name, name, length);
	service->name[length] = '\0';
	return service;
}

const struct option_words *option_services_find(const struct option_services *services, const char *name)
{
	for (size_t i = 0; i < services->count; i++) {
		if (option_services_is(&services->entries[i], name, strlen(name)))
			return &services->entries[i].words;
	}
	return NULL;
}
