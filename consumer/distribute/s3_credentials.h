/* s3_credentials.h -- who we are at an S3 server, from where it is said first:
 *
 *   distribute.NAME.access_key with secret_key or secret_key_file;   unless distribute.NAME.profile is set,
 *   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN;   then ~/.aws/credentials, or the file that
 *   AWS_SHARED_CREDENTIALS_FILE names: the profile of the setting, else of AWS_PROFILE, else [default]. */
#ifndef S3_CREDENTIALS_H
#define S3_CREDENTIALS_H
#include "distribute.h"

struct s3_credentials {
	char *access_key, *secret_key, *token; /* token: NULL where there is none */
	char from[128];                        /* "the environment", for messages */
};

bool s3_credentials_read(const struct config *c, const char *name, struct s3_credentials *ret,
    char ret_why[static DISTRIBUTE_WHY]);
void s3_credentials_close(struct s3_credentials *k); /* wiped */
#endif
