package ensemble

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"io"
	mrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func byteRows() []row {
	return []row{
		{22, "other_cluster_or_incarnation", true, strangers},
		{23, "garbage_from_clients", true, garbage},
		{24, "malformed_messages_from_a_peer", false, malformed},
		{25, "connection_storm_and_slow_clients", false, slowClients},
	}
}

// storm opens connections and says the same on all of them.
func storm(addr string, n int, say []byte) []net.Conn {
	var out []net.Conn
	for range n {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			continue
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_, _ = c.Write(say)
		out = append(out, c)
	}
	return out
}

// identityOf is what a server says of its history.
func identityOf(t testing.TB, m *member) (cluster, incarnation []byte) {
	t.Helper()
	st, err := m.status()
	if err != nil {
		t.Fatal(err)
	}
	cluster, incarnation = decodeID(t, st.Cluster), decodeID(t, st.Incarnation)
	return cluster, incarnation
}

// decodeID reads an id that a server has, and never the zero one of a server that has none yet.
func decodeID(t testing.TB, text string) []byte {
	t.Helper()
	id, err := hex.DecodeString(text)
	if err != nil || len(id) != 16 || bytes.Count(id, []byte{0}) == len(id) {
		t.Fatalf("%q is no id of a history: %v", text, err)
	}
	return id
}

// peerFrame is a frame of the peer protocol: length, CRC32C of the length, CRC32C of length and body, body.
func peerFrame(body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Checksum(b, table)
	b = binary.BigEndian.AppendUint32(b, sum)
	b = binary.BigEndian.AppendUint32(b, crc32.Update(sum, table, body))
	return append(b, body...)
}

// impostor speaks the peer protocol by hand: it links to a server as another. Nil: it was refused.
func impostor(addr string, lane, from, to byte, cluster, incarnation []byte) net.Conn {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return nil
	}
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	hello := append([]byte("PDK\x03"), lane, 0, 0, 0, from, 0, 0, 0, to)
	hello = append(append(hello, cluster...), incarnation...)
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce)
	hello = append(hello, nonce...)
	_, _ = c.Write(peerFrame(hello))
	answer := make([]byte, helloBytes)
	if _, err := io.ReadFull(c, answer); err != nil {
		c.Close()
		return nil
	}
	m := hmac.New(sha256.New, nil)
	for _, part := range [][]byte{[]byte("paddock peer link 3 proof of the dialler"), hello, answer[peerHeader:], nil} {
		m.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		m.Write(part)
	}
	_, _ = c.Write(peerFrame(m.Sum(nil)))
	if _, err := io.ReadFull(c, make([]byte, peerHeader+32)); err != nil { // the other side's proof
		c.Close()
		return nil
	}
	return c
}

// Servers of another cluster, of another incarnation, with a strange id, or whose folder is another server's, get no link.
func strangers(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	m := c.members[0]
	cluster, incarnation := identityOf(t, m)
	other := bytes.Repeat([]byte{7}, 16)
	for name, dial := range map[string]func() net.Conn{
		"another cluster":     func() net.Conn { return impostor(m.peer, 1, 2, 1, other, incarnation) },
		"another incarnation": func() net.Conn { return impostor(m.peer, 1, 2, 1, cluster, other) },
		"an unknown server":   func() net.Conn { return impostor(m.peer, 1, 77, 1, cluster, incarnation) },
		"its own id":          func() net.Conn { return impostor(m.peer, 1, 1, 1, cluster, incarnation) },
		"looking for another": func() net.Conn { return impostor(m.peer, 1, 2, 3, cluster, incarnation) },
	} {
		if conn := dial(); conn != nil {
			conn.Close()
			t.Errorf("%s was let in", name)
		}
	}
	f := c.followers()[0]
	c.must(f.Stop())
	file := filepath.Join(f.Dir(), "identity")
	mine, err := os.ReadFile(file)
	c.must(err)
	theirs, err := os.ReadFile(filepath.Join(c.leader().Dir(), "identity"))
	c.must(err)
	c.must(os.WriteFile(file, theirs, 0o600))
	c.refuses(f, "holds the data of server")
	c.must(os.WriteFile(file, []byte(strings.Replace(string(mine), `"generation": 0`, `"generation": 5`, 1)), 0o600))
	c.refuses(f, "damaged")
	c.must(os.WriteFile(file, mine, 0o600))
	l.finish()
}

// Lengths that lie, broken records and noise on the client port: that connection ends, and nothing else.
func garbage(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	connect := make([]byte, 49)
	binary.BigEndian.PutUint32(connect, 45)
	binary.BigEndian.PutUint32(connect[16:], 4000)
	binary.BigEndian.PutUint32(connect[28:], 16)
	with := func(rest ...byte) []byte { return append(append([]byte(nil), connect...), rest...) }
	for _, say := range [][]byte{
		{0xff, 0xff, 0xff, 0xff}, {0x7f, 0xff, 0xff, 0xff}, {0, 0, 0, 0}, {0, 0x10, 0, 0}, []byte("GET / HTTP/1.1\r\n\r\n"),
		with(0x80, 0, 0, 0), with(0x7f, 0xff, 0xff, 0xff), with(0, 0, 0, 3, 1, 2, 3), with(0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 99),
		with(0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff), with(0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 14, 0xff, 0xff, 0xff, 0xff),
	} {
		for _, m := range c.members {
			for _, conn := range storm(m.Addr(), 2, say) {
				conn.Close()
			}
		}
	}
	for range 200 {
		noise := make([]byte, mrand.IntN(200))
		_, _ = rand.Read(noise)
		if mrand.IntN(2) == 0 {
			noise = with(append([]byte{0, 0, 0, byte(len(noise))}, noise...)...)
		}
		for _, conn := range storm(c.members[mrand.IntN(3)].Addr(), 1, noise) {
			conn.Close()
		}
	}
	l.progress(patience)
	c.alive()
	l.finish()
}

// alive holds that no server has stopped.
func (c *cluster) alive() {
	c.t.Helper()
	for _, m := range c.members {
		if m.PID() == 0 {
			c.t.Errorf("server %d stopped with code %d", m.id, m.ExitCode())
		}
	}
}

// Well-framed nonsense from somebody who passes for a peer (no secret is set here), on every lane, and noise without a hello.
func malformed(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	f := c.followers()[0]
	cluster, incarnation := identityOf(t, f)
	linked := 0
	for i := range 300 {
		m := c.members[i%3]
		if m == f {
			continue
		}
		conn := impostor(m.peer, byte(1+i%3), byte(f.id), byte(m.id), cluster, incarnation)
		if conn == nil {
			continue
		}
		linked++
		body := make([]byte, mrand.IntN(120))
		_, _ = rand.Read(body)
		if len(body) > 12 { // a type, from, to: some way into the decoder
			copy(body, []byte{byte(i % 30), body[1] & 63, 0, 0, 0, 0, 0, byte(f.id), 0, 0, 0, byte(m.id)})
		}
		_, _ = conn.Write(peerFrame(body))
		if i%3 == 2 {
			_, _ = conn.Write(peerFrame([]byte(`{"Header":{"Zxid":1},"Size":-5,"Ready":"AAAA"}`)))
		}
		conn.Close()
	}
	if linked == 0 {
		t.Error("no link came about; the test says nothing")
	}
	for range 100 {
		noise := make([]byte, 1+mrand.IntN(100))
		_, _ = rand.Read(noise)
		for _, conn := range storm(c.members[mrand.IntN(3)].peer, 1, noise) {
			conn.Close()
		}
	}
	l.progress(patience)
	c.alive()
	l.finish()
}

// Many connections that say nothing, half a hello, or half a frame: clients that speak are served meanwhile.
func slowClients(t *testing.T) {
	c := startCluster(t, options{})
	l := startLoad(c, 4, 2)
	before := c.watch.epochs()
	var crowd []net.Conn
	for _, m := range c.members {
		crowd = append(crowd, storm(m.Addr(), 200, nil)...)
		crowd = append(crowd, storm(m.Addr(), 200, []byte{0, 0, 0, 45, 0})...)
		crowd = append(crowd, storm(m.peer, 50, []byte{0, 0, 0, 55})...)
	}
	l.progress(patience)
	spend(time.Second)
	l.progress(patience)
	c.fewEpochs(before, "a crowd at the doors deposes no leader")
	for _, conn := range crowd {
		conn.Close()
	}
	c.alive()
	l.finish()
}
