/* remedy - the table behind remedy.h, one entry for each error that an administrator can meet, in the order of err.h. */
#include "remedy.h"

#include <stddef.h>

/* Errors with one remedy: what tells them apart is for whoever reads the log, and not for the hands. */
#define REMEDY_ANSWER "Look at what answers at the address in endpoint or jwks_url, and at jwks_file: the real service does not answer so."
#define REMEDY_TOKEN "Compare user_pool_id, client_id, issuer and jwks_url with the pool. If they are right, treat it as an attack."
#define REMEDY_TIMES "Check this host's clock with timedatectl or chronyc tracking. If it is right, treat it as an attack."

/* clang-format off */
static const char *const remedy_table[] = {
	[OTP_OK] = "",
	[OTP_IGNORED] = "If he should use a code, give him a line in the user map.",
	/* the person at the prompt */
	[OTP_ERR_CONVERSATION] =
		"In sshd_config set KbdInteractiveAuthentication yes. For scripts and cron jobs use a PAM stack without this module.",
	[OTP_ERR_NO_ANSWER] =
		"Run cognito-otp state USER: it says whether a mail went out. Then look into the spam folder, and at the daily mail quota of the "
		"pool's sender.",
	[OTP_ERR_TRIES] =
		"Log in again for a new code; only the newest mail counts. If it was not he who typed, somebody is guessing: see origin in the log.",
	[OTP_ERR_TRIES_BEFORE] = "Run the program again.",
	[OTP_ERR_MAILS] = "Log in again. If mails do not arrive, run cognito-otp state USER and look into the spam folder.",
	[OTP_ERR_MAIL_BUDGET] =
		"Find out who asked for the mails: journalctl -g pam_cognito_otp. Then wait, or run cognito-otp reset USER; for mail_budget_host "
		"cognito-otp reset-host.",
	/* who he is here */
	[OTP_ERR_USER_UNKNOWN] = "Run getent passwd NAME, which must show the account. Check the spelling, and the name service (sssd, LDAP).",
	[OTP_ERR_USER_NAME] = "Log in with the name that getent passwd UID shows. Two accounts must not share a uid.",
	[OTP_ERR_USER_CHANGED] =
		"Look for another module in the PAM stack that sets the user, and for an account that was being replaced at that moment.",
	[OTP_ERR_USER_ROOT] = "Log in as somebody else and use sudo. Or set allow_root = yes and map root.",
	[OTP_ERR_USER_SYSTEM] = "If this is a person's account, lower min_uid.",
	[OTP_ERR_USER_FILTERED] = 
		"If he should get in, add him to users, or to one of groups; id USER shows his groups. A word with ! keeps out.",
	[OTP_ERR_USER_UNMAPPED] = "Give him a line in the file of user_map. It has the form: alice email:alice@example.com sub=UUID.",
	[OTP_ERR_USER_REFUSED_BY_HOST] =
		"If he should get in, change AllowUsers, DenyUsers or PermitRootLogin in sshd_config, or make the account.",
	[OTP_ERR_USER_SHARED] =
		"He must log in with a code: with a key alone nobody knows who he is. Or give him an account of his own.",
	[OTP_ERR_PERSON_UNKNOWN] =
		"He must type one of the addresses or names that the user map has for the account, exactly as it stands there.",
	/* what the service says of him */
	[OTP_ERR_CODE_WRONG] = "Type the code of the newest mail. If it is not taken, have a new one mailed.",
	[OTP_ERR_SESSION_EXPIRED] =
		"Have a new code mailed. If mail is slow, set challenge_ttl and the app client's AuthSessionValidity to 5 minutes or more, both alike.",
	[OTP_ERR_SESSION_USED] = "Have a new code mailed: each one opens once.",
	[OTP_ERR_SESSION_INVALID] = "Have a new code mailed. If it stays, compare client_id and endpoint with the pool.",
	[OTP_ERR_REFUSED] =
		"Look at the user with aws cognito-idp admin-get-user, at threat protection of the pool, and with request_id into CloudTrail.",
	[OTP_ERR_ACCOUNT_DISABLED] = "If that is wrong, run aws cognito-idp admin-enable-user for him.",
	[OTP_ERR_ACCOUNT_NOT_FOUND] =
		"Compare the user map with the pool, or create the user there. Set PreventUserExistenceErrors to ENABLED for the app client.",
	[OTP_ERR_ACCOUNT_NOT_CONFIRMED] = "Run aws cognito-idp admin-confirm-sign-up for him.",
	[OTP_ERR_ACCOUNT_RESET] = "Run aws cognito-idp admin-set-user-password --permanent for him, with a password that nobody keeps.",
	[OTP_ERR_CHALLENGE_NOT_OFFERED] =
		"The pool must allow EMAIL_OTP, and his address be verified. If his state is FORCE_CHANGE_PASSWORD, run "
		"aws cognito-idp admin-set-user-password --permanent for him.",
	[OTP_ERR_CHALLENGE_OTHER] =
		"Set MfaConfiguration of the pool to OFF or OPTIONAL, take away the user's MFA preference, and look for Lambda triggers that "
		"define challenges.",
	[OTP_ERR_CHALLENGE_EXTRA] =
		"Take away what comes after the code: a password that must be changed, MfaConfiguration ON, the user's MFA preference, "
		"a Lambda trigger.",
	[OTP_ERR_LAMBDA_DENIED] = "Read the log of the pool's Lambda triggers in CloudWatch: it tells why he is refused.",
	[OTP_ERR_THROTTLED] =
		"Wait some minutes. If the pool has the default sender, its 50 mails a day may be spent: switch it to Amazon SES.",
	[OTP_ERR_LOCKED] = "Wait for 15 minutes, and find out who typed the wrong codes.",
	[OTP_ERR_ACCOUNT_EXTERNAL] =
		"Cognito mails no code to users of another identity provider. Make him a user of the pool itself, and map that one.",
	[OTP_ERR_ACCOUNT_FORCE_CHANGE] =
		"His password is a temporary one. Run aws cognito-idp admin-set-user-password --permanent for him, with one that nobody keeps.",
	[OTP_ERR_ACCOUNT_STATUS] =
		"Look at UserStatus with aws cognito-idp admin-get-user; only CONFIRMED gets in. Report a status that is new.",
	[OTP_ERR_ACCOUNT_GONE] = "If he should get in again, run cognito-otp pin clear USER, and take sub= out of his line in the map: his next login creates him anew.",
	[OTP_ERR_ACCOUNT_EXISTS] = "Find the other one with aws cognito-idp list-users, and correct its address, or the map.",
	[OTP_ERR_REFRESH_REFUSED] = "Nothing is to be done: the kept tokens are gone, and the next login has a code mailed.",
	[OTP_ERR_REFRESH_REUSED] =
		"If it comes again without broken connections, have the user signed out in the pool, and see who can read cache_dir.",
	/* what the service says of our set-up */
	[OTP_ERR_SECRET_HASH] =
		"Compare client_secret_file with what aws cognito-idp describe-user-pool-client shows. If the app client has no secret, take the "
		"setting away.",
	[OTP_ERR_CLIENT] = "Compare client_id and user_pool_id, which names the region, with aws cognito-idp describe-user-pool-client.",
	[OTP_ERR_PARAMETER] =
		"Add ALLOW_USER_AUTH to ExplicitAuthFlows of the app client. Mind that update-user-pool-client resets every setting that you "
		"leave out.",
	[OTP_ERR_POOL_SETUP] =
		"Run aws cognito-idp describe-user-pool: look at UserPoolTier (not LITE), SignInPolicy (EMAIL_OTP) and EmailConfigurationFailure.",
	[OTP_ERR_LAMBDA_BROKEN] = "Read the log of the pool's Lambda triggers in CloudWatch, and repair the one that fails.",
	[OTP_ERR_FORBIDDEN] = "Allow this host's address in the firewall (AWS WAF) or endpoint policy in front of Cognito.",
	[OTP_ERR_API_UNKNOWN] = "Report it, with detail and request_id of the log.",
	[OTP_ERR_POOL_UNKNOWN] = "Compare user_pool_id with the pool, and the account of the AWS credentials with the pool's.",
	[OTP_ERR_AWS_CREDENTIALS] =
		"Correct the file of aws_credentials_file, and aws_profile. It has the form of AWS's shared credentials file.",
	[OTP_ERR_AWS_IMDS] =
		"Give the instance a role, and allow it IMDSv2: aws ec2 describe-instances shows MetadataOptions and IamInstanceProfile.",
	[OTP_ERR_AWS_SIGNATURE] =
		"Look for a typing error in the AWS credentials, for a key that was deleted, and at this host's clock.",
	[OTP_ERR_AWS_EXPIRED] = "Have the file of aws_credentials_file written anew by whatever writes it, or use aws_imds.",
	[OTP_ERR_AWS_DENIED] = "Give the host's role the IAM policy that the manual shows. detail names the operation.",
	/* the way to the service */
	[OTP_ERR_NET_DNS] = "Try getent hosts cognito-idp.REGION.amazonaws.com, and check the region in user_pool_id.",
	[OTP_ERR_NET_CONNECT] =
		"Let this host out to TCP port 443 of the address that is named. With SELinux look for denials: ausearch -m avc -ts recent.",
	[OTP_ERR_NET_TIMEOUT] =
		"Look for a firewall that drops packets to TCP port 443. If the network is slow, raise connect_timeout and deadline.",
	[OTP_ERR_NET_RESET] = "Try again. If it stays, look for a firewall or a proxy on the way.",
	[OTP_ERR_NET_TLS] = "Try openssl s_client -connect HOST:443: something on the way speaks no TLS 1.2, or something else listens there.",
	[OTP_ERR_TLS_CERTIFICATE] =
		"Check this host's clock and its package ca-certificates. If your own side opens TLS on purpose, name its CA in ca_file. "
		"Else treat it as an attack.",
	[OTP_ERR_HTTP_STATUS] = "Try again later, and look at the AWS health page.",
	[OTP_ERR_HTTP_REDIRECT] = "Look for a captive portal or a proxy on the way, and check endpoint and jwks_url.",
	[OTP_ERR_HTTP_MALFORMED] = "Check endpoint and jwks_url: something other than the service listens at the address that is named.",
	[OTP_ERR_HTTP_OVERSIZE] = REMEDY_ANSWER,
	[OTP_ERR_CLOCK] = "Set this host's clock right; chronyc tracking or timedatectl shows it. Do not raise clock_skew.",
	[OTP_ERR_NET_PROXY] =
		"Let the host at the address of proxy be reached, and let it reach the service: detail has its status. Its own log says more.",
	[OTP_ERR_PROXY_AUTH] = "Compare the file of proxy_credentials_file, one line user:password, with what the proxy's administrator gave you.",
	[OTP_ERR_PROXY_REFUSED] = "Have the proxy's administrator allow CONNECT to the hosts of endpoint and jwks_url, port 443.",
	/* the form of its answers */
	[OTP_ERR_JSON_SYNTAX] =
		"Look at what answers at the address in endpoint or jwks_url: often it is a proxy's error page. If jwks_file is set, fetch it anew.",
	[OTP_ERR_JSON_UTF8] = REMEDY_ANSWER,
	[OTP_ERR_JSON_NUL] = REMEDY_ANSWER,
	[OTP_ERR_JSON_DEPTH] = REMEDY_ANSWER,
	[OTP_ERR_JSON_DUPLICATE] = REMEDY_ANSWER,
	[OTP_ERR_JSON_TYPE] = REMEDY_ANSWER,
	[OTP_ERR_JSON_ABSENT] = REMEDY_ANSWER,
	[OTP_ERR_RESPONSE_SHAPE] = REMEDY_ANSWER,
	[OTP_ERR_RESPONSE_AMBIGUOUS] = REMEDY_ANSWER,
	[OTP_ERR_RESPONSE_EARLY] =
		"Look for a Lambda trigger of the pool that issues tokens, and remove it. If there is none, treat it as an attack.",
	[OTP_ERR_RESPONSE_SESSION] = REMEDY_ANSWER,
	[OTP_ERR_RESPONSE_TOKEN] = REMEDY_ANSWER,
	/* the tokens */
	[OTP_ERR_JWT_FORM] = REMEDY_TOKEN,
	[OTP_ERR_JWT_JSON] =
		"Look for a Lambda trigger of the pool that writes very large claims. If there is none, compare issuer and jwks_url with the pool; "
		"if they are right, treat it as an attack.",
	[OTP_ERR_JWT_DUPLICATE] = REMEDY_TOKEN,
	[OTP_ERR_JWT_NUL] = REMEDY_TOKEN,
	[OTP_ERR_JWT_ALG] = REMEDY_TOKEN,
	[OTP_ERR_JWT_CRIT] = REMEDY_TOKEN,
	[OTP_ERR_JWT_KID] =
		"If jwks_file is set, fetch it anew: the pool has new keys. Else compare jwks_url with the pool. If it is right, treat it as an attack.",
	[OTP_ERR_JWT_SIGNATURE] = REMEDY_TOKEN,
	[OTP_ERR_JWT_CLAIM] =
		"For a map line of kind email or phone, give the user that attribute and let the app client read it (ReadAttributes). "
		"Else treat it as an attack.",
	[OTP_ERR_JWT_ISS] =
		"If the pool has an issuer of its own, name it in issuer. Else compare user_pool_id; if it is right, treat it as an attack.",
	[OTP_ERR_JWT_AUD] = REMEDY_TOKEN,
	[OTP_ERR_JWT_CLIENT_ID] = REMEDY_TOKEN,
	[OTP_ERR_JWT_TOKEN_USE] = REMEDY_TOKEN,
	[OTP_ERR_JWT_EXPIRED] = REMEDY_TIMES,
	[OTP_ERR_JWT_NOT_YET] = REMEDY_TIMES,
	[OTP_ERR_JWT_AUTH_TIME] = REMEDY_TIMES,
	[OTP_ERR_JWT_SUB] = REMEDY_TOKEN,
	[OTP_ERR_JWT_RENEWED] = "A code was asked for instead. If it comes again, report it to whoever looks after the pool.",
	[OTP_ERR_JWKS_KEY] =
		"Compare jwks_url or jwks_file with the pool: a key of that set is too short, has a strange exponent, or shares its name. "
		"If it is the pool's, report it.",
	[OTP_ERR_JWKS_EMPTY] = "Check that jwks_url is that of the pool. If jwks_file is set, fetch it anew.",
	[OTP_ERR_JWKS_STATUS] = "Try curl -i JWKS_URL. Status 400 or 404 means that there is no such pool: check user_pool_id.",
	/* whose tokens they are */
	[OTP_ERR_IDENTITY_EMAIL] =
		"Compare the map with the pool, byte for byte. If his address has changed there, find out whether it was he, and only then change "
		"the map.",
	[OTP_ERR_IDENTITY_UNVERIFIED] =
		"When you know that it is his, run aws cognito-idp admin-update-user-attributes with email_verified or phone_number_verified true.",
	[OTP_ERR_IDENTITY_PHONE] =
		"Compare the map with the pool, digit for digit. If his number has changed there, find out whether it was he, and only then change "
		"the map.",
	[OTP_ERR_IDENTITY_USERNAME] =
		"Compare the map with the pool. Where people sign in by email the user name is a UUID: use the kind email in the map.",
	[OTP_ERR_IDENTITY_SUB] =
		"Find out whether the Cognito user was made anew, or his address belongs to somebody else now. Only then change the pin, in the map "
		"or with cognito-otp pin clear.",
	[OTP_ERR_IDENTITY_GROUP] =
		"If he should get in, run aws cognito-idp admin-add-user-to-group for him, with a group of require_group, or of the service's own.",
	/* settings and files */
	[OTP_ERR_CONFIG_OPEN] = "Make the file that is named, or correct the setting that names it. It must be a plain file, and not too large.",
	[OTP_ERR_CONFIG_UNSAFE] =
		"Run namei -l FILE. All of the path must belong to root, with no symbolic link, and nobody else may write; a secret has mode 0600.",
	[OTP_ERR_CONFIG_SYNTAX] = "Write the line as key = value. A comment has a line of its own, which begins with #.",
	[OTP_ERR_CONFIG_KEY] = "Look for a typing error. All settings are in man 5 pam_cognito_otp.conf.",
	[OTP_ERR_CONFIG_VALUE] =
		"Look up the setting in man 5 pam_cognito_otp.conf: what it may be, and what it excludes. A # behind a value is no comment.",
	[OTP_ERR_CONFIG_DUPLICATE] = "Remove one of the two lines.",
	[OTP_ERR_CONFIG_MISSING] = "Set user_pool_id and client_id in the settings file.",
	[OTP_ERR_MAP_SYNTAX] = "Write the line as user kind:value, such as alice email:alice@example.com. One bad line stops everybody.",
	[OTP_ERR_PINS_MISSING] =
		"Restore the file that is named from a backup. Where there was none, or it is lost, cognito-otp pin clear --all begins one.",
	[OTP_ERR_PINS_SYNTAX] =
		"Restore the file that is named from a backup, or take the line away; cognito-otp pin list shows the lines before it.",
	/* this machine */
	[OTP_ERR_STATE_UNSAFE] =
		"Find out with namei -l who changed it. " OTP_RUN_DIR " may go: rm -r, and it is made anew. The directory of the pins "
		"must not: make it root's alone again.",
	[OTP_ERR_STATE_IO] =
		"Run df /run, df -i /run and findmnt -T /run: there must be room, and it must be writable. With SELinux run "
		"ausearch -m avc -ts recent.",
	[OTP_ERR_TOKENS_SEALED] = "They were taken away, and the next login has a code mailed. If it comes again, look at the disk of cache_dir.",
	[OTP_ERR_MEMORY] = "See with free -m and journalctl -k what uses the memory, and try again.",
	[OTP_ERR_SYSTEM] = "Run getent passwd NAME: is the name service (sssd, LDAP) up? See journalctl -b for other faults of this host.",
	[OTP_ERR_CRYPTO] = "Run openssl version -a, and check OpenSSL's configuration (openssl.cnf).",
	[OTP_ERR_HELPER_MISSING] = "Install the package again. Then run ldd /usr/libexec/pam_cognito_otp/*.so: no library may be missing.",
	[OTP_ERR_HELPER_UNSAFE] = "Find out who could change the helper, then install the package again.",
	[OTP_ERR_HELPER_DIED] = "Run journalctl -k: it tells of crashes and of the out-of-memory killer. Report a crash.",
	[OTP_ERR_HELPER_SILENT] = "Look for a name service or a file system that hangs: getent passwd NAME must answer at once.",
	[OTP_ERR_HELPER_PROTOCOL] = "Install the package again: module and helper are of different versions.",
	[OTP_ERR_INTERNAL] = "Report it, with the line of the log.",
};
/* clang-format on */

const char *remedy_of(enum otp_err err)
{
	/* An error that somebody added to err.h and not here must not end in a NULL at 3 a.m.; test_remedy finds it before. */
	if ((unsigned int)err >= sizeof(remedy_table) / sizeof(remedy_table[0]) || remedy_table[err] == NULL)
		return remedy_table[OTP_ERR_INTERNAL];
	return remedy_table[err];
}
