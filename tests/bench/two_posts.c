/*
 * two_posts - the yardstick: the two requests of a login by libcurl and nothing else.
 *
 * two_posts URL CA_FILE FIRST_BODY SECOND_BODY
 *   sends FIRST_BODY to InitiateAuth, puts the Session of the answer in place of "@" in SECOND_BODY, sends that to RespondToAuthChallenge
 *
 * It verifies the certificate, but looks at no token: what a login costs more than this is what the module adds. Exit status 0 if both were
 * answered with 200.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

enum { POSTS_ANSWER_MAX = 64 * 1024 };

struct answer {
	char text[POSTS_ANSWER_MAX];
	size_t length;
};

static size_t posts_receive(char *data, size_t size, size_t count, void *arg)
{
	struct answer *answer = arg;
	size_t length = size * count;

	if (length >= sizeof(answer->text) - answer->length)
		return 0;
	memcpy(answer->text + answer->length, data, length);
	answer->length += length;
	answer->text[answer->length] = '\0';
	return length;
}

static int posts_send(CURL *curl, const char *operation, const char *body, struct answer *answer)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/x-amz-json-1.1");
	char target[128];
	long status = 0;

	(void)snprintf(target, sizeof(target), "X-Amz-Target: AWSCognitoIdentityProviderService.%s", operation);
	headers = curl_slist_append(headers, target);
	answer->length = 0;
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (curl_easy_perform(curl) == CURLE_OK)
		(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	return status == 200 ? 0 : 1;
}

/* The second body with the session in it; NULL without one. */
static char *posts_second(const char *body, const struct answer *answer)
{
	const char *begin = strstr(answer->text, "\"Session\":\"");
	const char *place = strchr(body, '@');
	size_t length;
	size_t size;
	char *text;

	if (begin == NULL || place == NULL)
		return NULL;
	begin += strlen("\"Session\":\"");
	length = strcspn(begin, "\"");
	size = strlen(body) + length + 1;
	text = malloc(size);
	if (text != NULL)
		(void)snprintf(text, size, "%.*s%.*s%s", (int)(place - body), body, (int)length, begin, place + 1);
	return text;
}

int main(int argc, char **argv)
{
	static struct answer answer;
	CURL *curl;
	char *second = NULL;
	int failed = 1;

	if (argc != 5 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return 2;
	curl = curl_easy_init();
	if (curl != NULL) {
		(void)curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
		(void)curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
		(void)curl_easy_setopt(curl, CURLOPT_CAINFO, argv[2]);
		(void)curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
		(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
		(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, posts_receive);
		failed = posts_send(curl, "InitiateAuth", argv[3], &answer);
		if (failed == 0)
			second = posts_second(argv[4], &answer);
		failed = second == NULL ? 1 : posts_send(curl, "RespondToAuthChallenge", second, &answer);
	}
	free(second);
	curl_easy_cleanup(curl);
	curl_global_cleanup();
	return failed;
}
