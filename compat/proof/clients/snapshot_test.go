package clients

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-zookeeper/zk"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// TestAdminSnapshot: /commands/snapshot of a Paddock under load is a file that a stock ZooKeeper serves from. Credentials count as in
// 3.9.5; restore is refused, with the reason.
func TestAdminSnapshot(t *testing.T) {
	zktest.Require(t, "zookeeper")
	server := zktest.StartPaddock(t, zktest.Config{Admin: true, Extra: []string{"4lw.commands.whitelist=*"}})
	g := &goZK{T: t, server: server}
	g.conn, _ = g.dial()
	g.create("/dir", 0)
	for i := range 500 {
		_, err := g.conn.Create(fmt.Sprintf("/dir/%d", i), fmt.Append(nil, "data ", i), 0, zk.WorldACL(zk.PermAll))
		g.ok(err)
	}
	_, err := g.conn.Create("/mine", []byte("secret"), 0, zk.DigestACL(zk.PermAll, "bob", "pw"))
	g.ok(err)
	g.create("/ephemeral", zk.FlagEphemeral)

	status, _, _ := command(t, server, "GET", "snapshot?streaming=true", "")
	if status != http.StatusUnauthorized {
		t.Errorf("without credentials: %d", status)
	}
	status, header, body := command(t, server, "GET", "snapshot?streaming=true", "digest bob:pw")
	if status != http.StatusOK || header.Get("snapshot_size") != fmt.Sprint(len(body)) {
		t.Fatalf("snapshot: %d, %d bytes, %v", status, len(body), header)
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "version-2", "snapshot."+strings.TrimPrefix(header.Get("last_zxid"), "0x"))
	g.ok(os.MkdirAll(filepath.Dir(name), 0o755))
	g.ok(os.WriteFile(name, []byte(body), 0o644))
	stock := &goZK{T: t, server: zktest.StartZooKeeper(t, zktest.Config{Dir: dir})}
	stock.conn, _ = stock.dial()
	names, _, err := stock.conn.Children("/dir")
	stock.ok(err)
	if len(names) != 500 {
		t.Errorf("%d children", len(names))
	}
	for _, path := range []string{"/dir", "/dir/77", "/ephemeral"} {
		want, wantStat, err := g.conn.Get(path)
		g.ok(err)
		got, stat, err := stock.conn.Get(path)
		stock.ok(err)
		if string(got) != string(want) || *stat != *wantStat {
			t.Errorf("%s: %q %+v, want %q %+v", path, got, stat, want, wantStat)
		}
	}
	_, _, err = stock.conn.Get("/mine")
	stock.is(err, zk.ErrNoAuth)
	stock.ok(stock.conn.AddAuth("digest", []byte("bob:pw")))
	_, _, err = stock.conn.Get("/mine")
	stock.ok(err)

	status, _, body = command(t, server, "POST", "restore", "digest bob:pw")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "paddock snapshot restore") {
		t.Errorf("restore: %d %s", status, body)
	}
	_, err = g.conn.SetACL("/", zk.DigestACL(zk.PermAll, "root", "pw"), -1)
	g.ok(err)
	if status, _, _ = command(t, server, "GET", "snapshot", "digest bob:pw"); status != http.StatusForbidden {
		t.Errorf("without permissions on /: %d", status)
	}
}

// command asks the AdminServer.
func command(t *testing.T, server zktest.Server, method, name, authorization string) (int, http.Header, string) {
	t.Helper()
	r := must(http.NewRequestWithContext(t.Context(), method, "http://"+server.AdminAddr()+"/commands/"+name, nil))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}
