#include "harness.h"

#include <stdarg.h>
#include <time.h>

#define PATIENCE 120 /* seconds */

static const char *current;
static char reason[1024];

void begin(const char *name) { current = name; reason[0] = 0; }

void end(void) {
	if (reason[0]) printf("FAIL %s %s\n", current, reason);
	else printf("ok %s\n", current);
	fflush(stdout);
}

void wrong(int line, const char *format, ...) {
	if (reason[0]) return; /* the first is what matters */
	int n = snprintf(reason, sizeof reason, "line %d: ", line);
	va_list args;
	va_start(args, format);
	vsnprintf(reason + n, sizeof reason - n, format, args);
	va_end(args);
}

int failed(void) { return reason[0] != 0; }

void restart(const char *how) {
	char line[64];
	printf("%s\n", how);
	fflush(stdout);
	if (!fgets(line, sizeof line, stdin) || strncmp(line, "ready", 5) != 0) exit(2);
}

static struct timespec deadline(void) {
	struct timespec at;
	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_sec += PATIENCE;
	return at;
}

static void note(struct client *c, int type, const char *path) {
	if (c->events < 64) {
		c->type[c->events] = type;
		snprintf(c->path[c->events], sizeof c->path[0], "%s", path ? path : "");
	}
	c->events++;
}

static void watcher(zhandle_t *zh, int type, int state, const char *path, void *context) {
	struct client *c = context;
	pthread_mutex_lock(&c->mutex);
	if (type == ZOO_SESSION_EVENT) {
		c->connected = state == ZOO_CONNECTED_STATE;
		if (state == ZOO_EXPIRED_SESSION_STATE) c->expired = 1;
		if (state == ZOO_AUTH_FAILED_STATE) c->auth_failed = 1;
	} else {
		note(c, type, path);
	}
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
}

/* A watcher given with the call; its context is the client that counts. */
void one_shot(zhandle_t *zh, int type, int state, const char *path, void *context) {
	if (type == ZOO_SESSION_EVENT) return;
	struct client *c = context;
	pthread_mutex_lock(&c->mutex);
	note(c, type, path);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
}

struct client *client_open(const char *hosts, int timeout_ms, const clientid_t *id) {
	struct client *c = calloc(1, sizeof *c);
	pthread_mutex_init(&c->mutex, NULL);
	pthread_cond_init(&c->changed, NULL);
	c->zh = zookeeper_init(hosts, watcher, timeout_ms, id, c, 0);
	if (!c->zh) {
		perror("zookeeper_init");
		exit(2);
	}
	return c;
}

static int until(struct client *c, int *what, int value) {
	struct timespec at = deadline();
	int late = 0;
	pthread_mutex_lock(&c->mutex);
	while (*what < value && !late) late = pthread_cond_timedwait(&c->changed, &c->mutex, &at);
	late = *what < value;
	pthread_mutex_unlock(&c->mutex);
	return !late;
}

int client_wait(struct client *c) { return until(c, &c->connected, 1); }
int client_wait_expired(struct client *c) { return until(c, &c->expired, 1); }
int client_wait_events(struct client *c, int count) { return until(c, &c->events, count); }

void client_close(struct client *c) {
	zookeeper_close(c->zh);
	free(c);
}


void call_init(struct call *call) {
	memset(call, 0, sizeof *call);
	pthread_mutex_init(&call->mutex, NULL);
	pthread_cond_init(&call->changed, NULL);
}

int call_wait(struct call *call) {
	struct timespec at = deadline();
	int late = 0;
	pthread_mutex_lock(&call->mutex);
	while (!call->done && !late) late = pthread_cond_timedwait(&call->changed, &call->mutex, &at);
	pthread_mutex_unlock(&call->mutex);
	return late ? ZOPERATIONTIMEOUT : call->rc;
}

static void finish(const void *data, int rc, const char *text, int length, int count, const struct Stat *stat) {
	struct call *call = (struct call *)data;
	pthread_mutex_lock(&call->mutex);
	call->rc = rc;
	call->length = length;
	call->count = count;
	if (text) snprintf(call->text, sizeof call->text, "%.*s", length, text);
	if (stat) call->stat = *stat;
	call->done = 1;
	pthread_cond_broadcast(&call->changed);
	pthread_mutex_unlock(&call->mutex);
}

void on_void(int rc, const void *data) { finish(data, rc, NULL, 0, 0, NULL); }
void on_stat(int rc, const struct Stat *stat, const void *data) { finish(data, rc, NULL, 0, 0, stat); }

void on_data(int rc, const char *value, int length, const struct Stat *stat, const void *data) {
	finish(data, rc, value, length, 0, stat);
}

void on_string(int rc, const char *value, const void *data) { finish(data, rc, value, value ? (int)strlen(value) : 0, 0, NULL); }

void on_string_stat(int rc, const char *value, const struct Stat *stat, const void *data) {
	finish(data, rc, value, value ? (int)strlen(value) : 0, 0, stat);
}

void on_strings(int rc, const struct String_vector *strings, const void *data) {
	finish(data, rc, NULL, 0, strings ? strings->count : 0, NULL);
}

void on_strings_stat(int rc, const struct String_vector *strings, const struct Stat *stat, const void *data) {
	finish(data, rc, NULL, 0, strings ? strings->count : 0, stat);
}

void on_acl(int rc, struct ACL_vector *acl, struct Stat *stat, const void *data) {
	finish(data, rc, NULL, 0, acl ? acl->count : 0, stat);
}
