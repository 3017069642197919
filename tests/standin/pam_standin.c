/*
 * pam_standin - what the module must not be: libcurl inside the calling program, with that program's environment.
 *
 * The control of test_hostile_environment.py. Arguments: the address to fetch and the CA file. Never installed; lets everybody in.
 */
#include <curl/curl.h>

#define PAM_SM_AUTH
#include <security/pam_modules.h>

static size_t standin_discard(const char *bytes, size_t size, size_t count, void *arg)
{
	(void)bytes, (void)arg;
	return size * count;
}

static void standin_fetch(const char *url, const char *ca_file)
{
	CURL *curl;

	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		return;
	curl = curl_easy_init();
	if (curl != NULL) {
		(void)curl_easy_setopt(curl, CURLOPT_URL, url);
		(void)curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
		(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, 5L);
		(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, standin_discard);
		(void)curl_easy_perform(curl);
		curl_easy_cleanup(curl);
	}
	curl_global_cleanup();
}

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags;
	if (argc == 2)
		standin_fetch(argv[0], argv[1]);
	return PAM_SUCCESS;
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_SUCCESS;
}
