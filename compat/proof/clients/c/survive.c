/* What must outlive the server's restart: the session, its ephemerals, its watches. */
#include "harness.h"

static int again(struct client *c, const char *path, struct Stat *stat) {
	int rc;
	do rc = zoo_exists(c->zh, path, 0, stat); while (rc == ZCONNECTIONLOSS && client_wait(c) && usleep(20000) == 0);
	return rc;
}

void survive(const char *hosts, const char *how) {
	struct client *c = client_open(hosts, 30000, NULL), *other = client_open(hosts, 30000, NULL);
	char name[64], base[32], path[64], data[16];
	int length = sizeof data;
	struct Stat stat;
	struct String_vector names;
	snprintf(name, sizeof name, "through-%s", how);
	snprintf(base, sizeof base, "/c-%s", how);
	begin(name);
	TRUE_(client_wait(c) && client_wait(other));
	WANT(zoo_create(c->zh, base, "0", 1, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZOK);
	snprintf(path, sizeof path, "%s/e", base);
	WANT(zoo_create(c->zh, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0), ZOK);
	WANT(zoo_wget(c->zh, base, one_shot, c, data, &length, NULL), ZOK);
	WANT(zoo_wget_children(c->zh, base, one_shot, c, &names), ZOK);
	deallocate_String_vector(&names);
	snprintf(path, sizeof path, "%s/later", base);
	WANT(zoo_wexists(c->zh, path, one_shot, c, &stat), ZNONODE);
	int64_t session = zoo_client_id(c->zh)->client_id;

	restart(how);

	snprintf(path, sizeof path, "%s/e", base);
	WANT(again(c, path, &stat), ZOK);
	WANT(again(other, path, &stat), ZOK);
	WANT(stat.ephemeralOwner, session);
	WANT(zoo_client_id(c->zh)->client_id, session);
	WANT(c->expired, 0);
	WANT(c->events, 0);
	WANT(zoo_set(other->zh, base, "1", 1, 0), ZOK);
	TRUE_(client_wait_events(c, 1));
	WANT(c->type[0], ZOO_CHANGED_EVENT);
	snprintf(path, sizeof path, "%s/later", base);
	WANT(zoo_create(other->zh, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZOK);
	TRUE_(client_wait_events(c, 3)); /* created, and the parent's children */
	TRUE_(c->type[1] + c->type[2] == ZOO_CREATED_EVENT + ZOO_CHILD_EVENT);
	client_close(c);
	snprintf(path, sizeof path, "%s/e", base);
	WANT(zoo_exists(other->zh, path, 0, &stat), ZNONODE);
	client_close(other);
	end();
}
