/* How the program talks to its test: one line for each check, and requests for a restart. See ../doc.go. */
#ifndef HARNESS_H
#define HARNESS_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zookeeper.h>

/* A client and what its watcher has seen. */
struct client {
	zhandle_t *zh;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int connected, expired, auth_failed;
	int events;           /* watch events, without session events */
	int type[64];         /* the first of them */
	char path[64][64];
};

/* One asynchronous call: its completion fills it in. */
struct call {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int done, rc, length, count;
	char text[256];
	struct Stat stat;
};

void begin(const char *name);
void end(void);
void wrong(int line, const char *format, ...) __attribute__((format(printf, 2, 3)));
int failed(void);
void restart(const char *how);

struct client *client_open(const char *hosts, int timeout_ms, const clientid_t *id);
int client_wait(struct client *c); /* until connected */
int client_wait_events(struct client *c, int count);
int client_wait_expired(struct client *c);
void client_close(struct client *c);
void one_shot(zhandle_t *zh, int type, int state, const char *path, void *context);

void call_init(struct call *call);
int call_wait(struct call *call);
void on_void(int rc, const void *data);
void on_stat(int rc, const struct Stat *stat, const void *data);
void on_data(int rc, const char *value, int length, const struct Stat *stat, const void *data);
void on_string(int rc, const char *value, const void *data);
void on_string_stat(int rc, const char *value, const struct Stat *stat, const void *data);
void on_strings(int rc, const struct String_vector *strings, const void *data);
void on_strings_stat(int rc, const struct String_vector *strings, const struct Stat *stat, const void *data);
void on_acl(int rc, struct ACL_vector *acl, struct Stat *stat, const void *data);

void survive(const char *hosts, const char *how);

#define WANT(got, want) \
	do { \
		long long got_ = (long long)(got), want_ = (long long)(want); \
		if (got_ != want_) wrong(__LINE__, "%s is %lld, not %lld", #got, got_, want_); \
	} while (0)
#define WANT_TEXT(got, want) \
	do { \
		if (strcmp(got, want) != 0) wrong(__LINE__, "%s is \"%s\", not \"%s\"", #got, got, want); \
	} while (0)
#define TRUE_(what) \
	do { \
		if (!(what)) wrong(__LINE__, "not so: %s", #what); \
	} while (0)
#define CHECK(name, ...) \
	do { \
		begin(name); \
		__VA_ARGS__ \
		end(); \
	} while (0)

#endif
