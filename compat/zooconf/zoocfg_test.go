package zooconf

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sample = `# an ensemble as people write them
tickTime=2000
dataDir=/var/lib/zookeeper
clientPort = 2181
initLimit: 5
syncLimit 2
server.1=zoo1:2888:3888
server.2=[::1]:2888:3888:observer;2182
server.3=zoo3:2888:3888|zoo3b:2889:3889;127.0.0.1:2183
group.1=1:3
weight.1=2
zookeeper.extendedTypesEnabled=true
4lw.commands.whitelist=stat, ruok,\
    mntr
nio.numWorkerThreads=4
no.such.key=1
zookeeper.DigestAuthenticationProvider.superDigest=super:xyz=
`

func TestSample(t *testing.T) {
	c, err := Parse("zoo.cfg", sample)
	if err != nil {
		t.Fatal(err)
	}
	if c.Basics.TickTime != 2000 || c.Basics.ClientPort != 2181 || c.Ensemble.InitLimit != 5 || c.Ensemble.SyncLimit != 2 || !c.Nodes.ExtendedTypes {
		t.Errorf("basics: %+v", c.Basics)
	}
	s := c.Ensemble.Servers
	if len(s) != 3 || s[0].Addrs[0] != (PeerAddr{"zoo1", 2888, 3888}) || s[1].Role != "observer" || s[1].Addrs[0].Host != "::1" || s[1].Client != "0.0.0.0:2182" || len(s[2].Addrs) != 2 || s[2].Client != "127.0.0.1:2183" {
		t.Errorf("servers: %+v", s)
	}
	if c.Ensemble.Groups[3] != 1 || c.Ensemble.Weights[1] != 2 {
		t.Errorf("groups %v weights %v", c.Ensemble.Groups, c.Ensemble.Weights)
	}
	if strings.Join(c.Security.Words, " ") != "stat ruok mntr" {
		t.Errorf("words %q", c.Security.Words)
	}
	if len(c.Warnings) != 1 || c.Warnings[0].Key != "no.such.key" || c.Warnings[0].Line != 16 {
		t.Errorf("warnings %+v", c.Warnings)
	}
	if len(c.Ignored) != 1 || c.Ignored[0].Key != "nio.numWorkerThreads" {
		t.Errorf("ignored %+v", c.Ignored)
	}
	if all := strings.Join(c.Raw, "\n"); strings.Contains(all, "xyz") {
		t.Error("a secret is shown")
	}
}

func TestWrongValuesNameTheLine(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"dataDir=/d\nclientPort=70000\n", "zoo.cfg:2: clientPort"},
		{"tickTime=fast", "zoo.cfg:1: tickTime"},
		{"\n\nreconfigEnabled=maybe", "zoo.cfg:3: reconfigEnabled"},
		{"server.300=a:1:2", "from 1 to 254"},
		{"server.1=a:1", serverForm},
		{"server.1=a:1:2:boss", "participant, observer"},
		{"electionAlg=0", "only 3"},
		{"group.1=1\ngroup.2=1", "already"},
	} {
		_, err := Parse("zoo.cfg", tt.text)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.text, err, tt.want)
		}
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "zoo.cfg")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ text, want string }{
		{"clientPort=1", "dataDir"},
		{"dataDir=" + dir + "\nminSessionTimeout=9\nmaxSessionTimeout=8", "larger"},
		{"dataDir=" + dir + "\nserver.1=a:1:2\nserver.2=b:1:2\ninitLimit=5\nsyncLimit=5", "myid"},
		{"dataDir=" + dir + "\nclientPort=2181", ""},
	} {
		write(tt.text)
		_, err := Load(file)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%q: %v, want %q", tt.text, err, tt.want)
		}
	}
}

func TestDynamicFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"zoo.cfg": "dataDir=" + dir + "\nclientPort=2181\ninitLimit=5\nsyncLimit=5\ndynamicConfigFile=" + dir + "/dyn\n",
		"dyn":     "server.1=a:1:2:participant;2181\nserver.2=b:1:2:participant;2181\nserver.3=c:1:2:participant;2181\nversion=100000000\n",
		"myid":    "2\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(filepath.Join(dir, "zoo.cfg"))
	if err != nil || len(c.Ensemble.Servers) != 3 || c.Ensemble.DynamicVersion != 1<<32 || c.Ensemble.MyID != 2 {
		t.Fatalf("%v %+v", err, c)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample)
	f.Add("a\\\n b = c\\u0041\\")
	f.Add("server.1=[::1:2:3;;|")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("zoo.cfg", text)
		if (c == nil) == (err == nil) {
			t.Fatalf("%v %v", c, err)
		}
	})
}
