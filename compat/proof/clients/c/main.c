/* The C client against a server: its API, synchronous and asynchronous, then through restarts. */
#include "harness.h"

#include <sys/wait.h>

static const char *hosts;
static struct client *c, *other;

static void sessions(void) {
	CHECK("connect", {
		TRUE_(client_wait(c));
		WANT(zoo_state(c->zh), ZOO_CONNECTED_STATE);
		TRUE_(zoo_client_id(c->zh)->client_id != 0);
		WANT(zoo_recv_timeout(c->zh), 30000);
		TRUE_(client_wait(other));
	});
	CHECK("timeout-is-clamped", {
		struct client *slow = client_open(hosts, 600000, NULL);
		TRUE_(client_wait(slow));
		WANT(zoo_recv_timeout(slow->zh), 60000);
		client_close(slow);
	});
	CHECK("reattach-with-client-id", {
		/* the first owner is a process of its own, which dies without a word: two that live would fight over the session */
		int ends[2];
		clientid_t id;
		struct Stat stat;
		TRUE_(pipe(ends) == 0);
		pid_t child = fork();
		if (child == 0) {
			struct client *first = client_open(hosts, 30000, NULL);
			int made = client_wait(first) && zoo_create(first->zh, "/reattach", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0) == ZOK;
			_exit(made && write(ends[1], zoo_client_id(first->zh), sizeof id) == sizeof id ? 0 : 1);
		}
		close(ends[1]);
		WANT(read(ends[0], &id, sizeof id), sizeof id);
		close(ends[0]);
		waitpid(child, NULL, 0);
		struct client *second = client_open(hosts, 30000, &id);
		TRUE_(client_wait(second));
		WANT(zoo_client_id(second->zh)->client_id, id.client_id);
		WANT(zoo_exists(second->zh, "/reattach", 0, &stat), ZOK);
		WANT(stat.ephemeralOwner, id.client_id);
		client_close(second);
		WANT(zoo_exists(c->zh, "/reattach", 0, &stat), ZNONODE);
	});
	CHECK("wrong-password-expires", {
		clientid_t id = *zoo_client_id(other->zh);
		memset(id.passwd, 7, sizeof id.passwd);
		struct client *thief = client_open(hosts, 30000, &id);
		TRUE_(client_wait_expired(thief));
		TRUE_(is_unrecoverable(thief->zh) != 0);
		client_close(thief);
		TRUE_(client_wait(other));
	});
}

static void basics(void) {
	char path[128], data[64];
	int length = sizeof data;
	struct Stat stat, made;
	CHECK("create-get-set-delete", {
		WANT(zoo_create(c->zh, "/a", "one", 3, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path), ZOK);
		WANT_TEXT(path, "/a");
		WANT(zoo_get(c->zh, "/a", 0, data, &length, &stat), ZOK);
		WANT(length, 3);
		TRUE_(memcmp(data, "one", 3) == 0);
		WANT(stat.version, 0);
		TRUE_(stat.czxid == stat.mzxid && stat.czxid == stat.pzxid);
		WANT(zoo_set2(c->zh, "/a", "two!", 4, 0, &made), ZOK);
		WANT(made.version, 1);
		WANT(made.dataLength, 4);
		WANT(zoo_set(c->zh, "/a", "x", 1, 0), ZBADVERSION);
		WANT(zoo_delete(c->zh, "/a", 0), ZBADVERSION);
		WANT(zoo_create(c->zh, "/a", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZNODEEXISTS);
		WANT(zoo_delete(c->zh, "/a", 1), ZOK);
		WANT(zoo_delete(c->zh, "/a", -1), ZNONODE);
		WANT(zoo_exists(c->zh, "/a", 0, &stat), ZNONODE);
		WANT(zoo_set(c->zh, "/a", "", 0, -1), ZNONODE);
	});
	CHECK("null-and-empty-data", {
		WANT(zoo_create(c->zh, "/null", NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZOK);
		length = sizeof data;
		WANT(zoo_get(c->zh, "/null", 0, data, &length, &stat), ZOK);
		WANT(length, -1);
		WANT(zoo_set(c->zh, "/null", "", 0, -1), ZOK);
		length = sizeof data;
		WANT(zoo_get(c->zh, "/null", 0, data, &length, &stat), ZOK);
		WANT(length, 0);
		WANT(zoo_delete(c->zh, "/null", -1), ZOK);
	});
	CHECK("create2", {
		WANT(zoo_create2(c->zh, "/c2", "abc", 3, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path, &made), ZOK);
		WANT(made.dataLength, 3);
		WANT(zoo_exists(c->zh, "/c2", 0, &stat), ZOK);
		TRUE_(memcmp(&made, &stat, sizeof stat) == 0);
		WANT(zoo_delete(c->zh, "/c2", -1), ZOK);
	});
	CHECK("modes", {
		WANT(zoo_create(c->zh, "/m", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZOK);
		WANT(zoo_create(c->zh, "/m/s-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL, path, sizeof path), ZOK);
		WANT_TEXT(path, "/m/s-0000000000");
		WANT(zoo_create(c->zh, "/m/es-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL, path, sizeof path), ZOK);
		WANT_TEXT(path, "/m/es-0000000001");
		WANT(zoo_create(c->zh, "/m/e", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0), ZOK);
		WANT(zoo_exists(c->zh, "/m/e", 0, &stat), ZOK);
		WANT(stat.ephemeralOwner, zoo_client_id(c->zh)->client_id);
		WANT(zoo_create(c->zh, "/m/e/child", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZNOCHILDRENFOREPHEMERALS);
		WANT(zoo_create(c->zh, "/m/c", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_CONTAINER, NULL, 0), ZOK);
		WANT(zoo_create_ttl(c->zh, "/m/t", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_WITH_TTL, 600000, path, sizeof path), ZOK);
		WANT(zoo_create2_ttl(c->zh, "/m/ts-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 600000, path, sizeof path, &made), ZOK);
		WANT_TEXT(path, "/m/ts-0000000005");
		WANT(made.ephemeralOwner, 0);
		WANT(zoo_delete(c->zh, "/m", -1), ZNOTEMPTY);
		WANT(zoo_create(c->zh, "/no/parent", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZNONODE);
	});
	CHECK("ttl-and-container-are-swept", {
		WANT(zoo_create_ttl(c->zh, "/short", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_WITH_TTL, 100, path, sizeof path), ZOK);
		WANT(zoo_create(c->zh, "/m/c/kid", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZOK);
		WANT(zoo_delete(c->zh, "/m/c/kid", -1), ZOK);
		int gone = 0;
		for (int i = 0; i < 500 && !gone; i++, usleep(20000))
			gone = zoo_exists(c->zh, "/short", 0, &stat) == ZNONODE && zoo_exists(c->zh, "/m/c", 0, &stat) == ZNONODE;
		TRUE_(gone);
	});
	CHECK("children", {
		struct String_vector names;
		WANT(zoo_get_children(c->zh, "/m", 0, &names), ZOK);
		WANT(names.count, 5);
		deallocate_String_vector(&names);
		WANT(zoo_get_children2(c->zh, "/m", 0, &names, &stat), ZOK);
		WANT(stat.numChildren, 5);
		WANT(stat.cversion, 7);
		deallocate_String_vector(&names);
		WANT(zoo_get_children(c->zh, "/none", 0, &names), ZNONODE);
	});
	CHECK("config-and-reconfig", {
		length = sizeof data;
		int rc = zoo_getconfig(c->zh, 0, data, &length, &stat);
		TRUE_(rc == ZOK);
		rc = zoo_reconfig(c->zh, "server.9=127.0.0.1:1:2;3", NULL, NULL, -1, data, &length, &stat);
		TRUE_(rc == ZRECONFIGDISABLED || rc == ZUNIMPLEMENTED);
	});
}

static void asynchronous(void) {
	enum { N = 500 };
	struct call *calls = calloc(N, sizeof *calls);
	struct call call;
	char path[64];
	CHECK("async-pipeline", {
		WANT(zoo_create(c->zh, "/p", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZOK);
		for (int i = 0; i < N; i++) {
			call_init(&calls[i]);
			WANT(zoo_acreate(c->zh, "/p/s-", "x", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL, on_string, &calls[i]), ZOK);
		}
		for (int i = 0; i < N; i++) {
			WANT(call_wait(&calls[i]), ZOK);
			snprintf(path, sizeof path, "/p/s-%010d", i);
			WANT_TEXT(calls[i].text, path);
		}
		for (int i = 0; i < N; i++) {
			call_init(&calls[i]);
			WANT(zoo_adelete(c->zh, (snprintf(path, sizeof path, "/p/s-%010d", i), path), -1, on_void, &calls[i]), ZOK);
		}
		for (int i = 0; i < N; i++) WANT(call_wait(&calls[i]), ZOK);
	});
	CHECK("async-calls", {
		call_init(&call);
		zoo_acreate2(c->zh, "/as", "12", 2, &ZOO_OPEN_ACL_UNSAFE, 0, on_string_stat, &call);
		WANT(call_wait(&call), ZOK);
		WANT(call.stat.dataLength, 2);
		call_init(&call);
		zoo_aget(c->zh, "/as", 0, on_data, &call);
		WANT(call_wait(&call), ZOK);
		WANT_TEXT(call.text, "12");
		call_init(&call);
		zoo_aset(c->zh, "/as", "345", 3, 0, on_stat, &call);
		WANT(call_wait(&call), ZOK);
		WANT(call.stat.version, 1);
		call_init(&call);
		zoo_aexists(c->zh, "/as", 0, on_stat, &call);
		WANT(call_wait(&call), ZOK);
		WANT(call.stat.dataLength, 3);
		call_init(&call);
		zoo_aget_children(c->zh, "/p", 0, on_strings, &call);
		WANT(call_wait(&call), ZOK);
		WANT(call.count, 0);
		call_init(&call);
		zoo_aget_children2(c->zh, "/", 0, on_strings_stat, &call);
		WANT(call_wait(&call), ZOK);
		WANT(call.count, call.stat.numChildren);
		call_init(&call);
		zoo_aget_acl(c->zh, "/as", on_acl, &call);
		WANT(call_wait(&call), ZOK);
		WANT(call.count, 1);
		call_init(&call);
		zoo_aset_acl(c->zh, "/as", 0, &ZOO_OPEN_ACL_UNSAFE, (void_completion_t)on_void, &call);
		WANT(call_wait(&call), ZOK);
		call_init(&call);
		zoo_async(c->zh, "/as", on_string, &call);
		WANT(call_wait(&call), ZOK);
		WANT_TEXT(call.text, "/as");
		call_init(&call);
		zoo_aget(c->zh, "/nope", 0, on_data, &call);
		WANT(call_wait(&call), ZNONODE);
	});
	free(calls);
}

static void watches(void) {
	struct Stat stat;
	char data[8];
	int length = sizeof data;
	struct String_vector names;
	CHECK("watches", {
		WANT(zoo_wexists(c->zh, "/w", one_shot, c, &stat), ZNONODE);
		WANT(zoo_create(other->zh, "/w", "1", 1, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZOK);
		TRUE_(client_wait_events(c, 1));
		WANT(c->type[0], ZOO_CREATED_EVENT);
		WANT_TEXT(c->path[0], "/w");
		WANT(zoo_wget(c->zh, "/w", one_shot, c, data, &length, &stat), ZOK);
		WANT(zoo_set(other->zh, "/w", "2", 1, -1), ZOK);
		TRUE_(client_wait_events(c, 2));
		WANT(c->type[1], ZOO_CHANGED_EVENT);
		WANT(zoo_wget_children(c->zh, "/w", one_shot, c, &names), ZOK);
		WANT(zoo_create(other->zh, "/w/k", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZOK);
		TRUE_(client_wait_events(c, 3));
		WANT(c->type[2], ZOO_CHILD_EVENT);
		WANT(zoo_delete(other->zh, "/w/k", -1), ZOK);
		WANT(zoo_exists(c->zh, "/w", 1, &stat), ZOK); /* the client's own watcher */
		WANT(zoo_delete(other->zh, "/w", -1), ZOK);
		TRUE_(client_wait_events(c, 4));
		WANT(c->type[3], ZOO_DELETED_EVENT);
		WANT(c->events, 4);
	});
	CHECK("remove-watches", {
		WANT(zoo_create(c->zh, "/rw", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZOK);
		WANT(zoo_wexists(c->zh, "/rw", one_shot, c, &stat), ZOK);
		WANT(zoo_remove_watches(c->zh, "/rw", ZWATCHTYPE_DATA, one_shot, c, 0), ZOK);
		WANT(zoo_remove_watches(c->zh, "/rw", ZWATCHTYPE_DATA, one_shot, c, 0), ZNOWATCHER);
		int before = c->events;
		WANT(zoo_set(other->zh, "/rw", "", 0, -1), ZOK);
		WANT(zoo_exists(c->zh, "/rw", 0, &stat), ZOK);
		TRUE_(c->events <= before + 1); /* the client may tell of the removal itself */
	});
}

static void access_control(void) {
	struct Stat stat;
	struct ACL_vector acl;
	struct call call;
	char path[64];
	CHECK("acl", {
		WANT(zoo_create(c->zh, "/acl", "", 0, &ZOO_READ_ACL_UNSAFE, 0, NULL, 0), ZOK);
		WANT(zoo_set(c->zh, "/acl", "x", 1, -1), ZNOAUTH);
		WANT(zoo_get_acl(c->zh, "/acl", &acl, &stat), ZOK);
		WANT(acl.count, 1);
		WANT(acl.data[0].perms, ZOO_PERM_READ);
		WANT_TEXT(acl.data[0].id.scheme, "world");
		WANT_TEXT(acl.data[0].id.id, "anyone");
		deallocate_ACL_vector(&acl);
		WANT(zoo_create(c->zh, "/creator", "", 0, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0), ZINVALIDACL);
	});
	CHECK("add-auth", {
		struct client *bob = client_open(hosts, 30000, NULL);
		TRUE_(client_wait(bob));
		call_init(&call);
		WANT(zoo_add_auth(bob->zh, "digest", "bob:pw", 6, on_void, &call), ZOK);
		WANT(call_wait(&call), ZOK);
		WANT(zoo_create(bob->zh, "/bobs", "", 0, &ZOO_CREATOR_ALL_ACL, 0, path, sizeof path), ZOK);
		WANT(zoo_get_acl(bob->zh, "/bobs", &acl, &stat), ZOK);
		WANT_TEXT(acl.data[0].id.scheme, "digest");
		TRUE_(strncmp(acl.data[0].id.id, "bob:", 4) == 0);
		WANT(zoo_set_acl(bob->zh, "/bobs", 3, &acl), ZBADVERSION);
		WANT(zoo_set_acl(bob->zh, "/bobs", 0, &acl), ZOK);
		deallocate_ACL_vector(&acl);
		WANT(zoo_delete(bob->zh, "/bobs", -1), ZOK);
		client_close(bob);
	});
	CHECK("add-auth-unknown-scheme", {
		struct client *eve = client_open(hosts, 30000, NULL);
		TRUE_(client_wait(eve));
		call_init(&call);
		WANT(zoo_add_auth(eve->zh, "nonsense", "x", 1, on_void, &call), ZOK);
		WANT(call_wait(&call), ZAUTHFAILED);
		client_close(eve);
	});
}

static void multi(void) {
	enum { N = 5 };
	zoo_op_t ops[N];
	zoo_op_result_t results[N];
	char path1[64], path2[64];
	struct Stat stat;
	memset(results, 0, sizeof results);
	CHECK("multi", {
		zoo_create_op_init(&ops[0], "/mu", "0", 1, &ZOO_OPEN_ACL_UNSAFE, 0, path1, sizeof path1);
		zoo_create_op_init(&ops[1], "/mu/s-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL, path2, sizeof path2);
		zoo_check_op_init(&ops[2], "/mu", 0);
		zoo_set_op_init(&ops[3], "/mu", "1", 1, 0, &stat);
		zoo_delete_op_init(&ops[4], "/mu/s-0000000000", -1);
		WANT(zoo_multi(c->zh, N, ops, results), ZOK);
		WANT_TEXT(path2, "/mu/s-0000000000");
		WANT(stat.version, 1);
		for (int i = 0; i < N; i++) WANT(results[i].err, ZOK);
	});
	CHECK("multi-fails-as-a-whole", {
		zoo_set_op_init(&ops[0], "/mu", "9", 1, -1, &stat);
		zoo_check_op_init(&ops[1], "/mu", 99);
		zoo_delete_op_init(&ops[2], "/mu", -1);
		WANT(zoo_multi(c->zh, 3, ops, results), ZBADVERSION);
		WANT(results[0].err, ZOK);
		WANT(results[1].err, ZBADVERSION);
		WANT(results[2].err, ZRUNTIMEINCONSISTENCY);
		WANT(zoo_exists(c->zh, "/mu", 0, &stat), ZOK);
		WANT(stat.version, 1);
	});
}

static void chroot_(void) {
	char rooted[256], path[64];
	CHECK("chroot", {
		WANT(zoo_create(c->zh, "/jail", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZOK);
		snprintf(rooted, sizeof rooted, "%s/jail", hosts);
		struct client *in = client_open(rooted, 30000, NULL);
		struct Stat stat;
		TRUE_(client_wait(in));
		WANT(zoo_create(in->zh, "/x", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path), ZOK);
		WANT_TEXT(path, "/x");
		WANT(zoo_exists(c->zh, "/jail/x", 0, &stat), ZOK);
		WANT(zoo_wexists(in->zh, "/x", one_shot, in, &stat), ZOK);
		WANT(zoo_set(c->zh, "/jail/x", "", 0, -1), ZOK);
		TRUE_(client_wait_events(in, 1));
		WANT_TEXT(in->path[0], "/x");
		client_close(in);
	});
}

int main(int argc, char **argv) {
	if (argc != 2) return 2;
	hosts = argv[1];
	zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
	c = client_open(hosts, 30000, NULL);
	other = client_open(hosts, 30000, NULL);
	sessions();
	basics();
	asynchronous();
	watches();
	access_control();
	multi();
	chroot_();
	survive(hosts, "RESTART");
	survive(hosts, "KILL");
	client_close(c);
	client_close(other);
	printf("DONE\n");
	return 0;
}
