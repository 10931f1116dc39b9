package server

import (
	"errors"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/wire"
	"github.com/paddock-zk/paddock/zab"
)

const threeServers = "server.1=10.0.0.1:2888:3888:participant;0.0.0.0:2181\nserver.2=10.0.0.2:2888:3888:participant;10.0.0.2:2181\nserver.3=10.0.0.3:2888:3888:participant;0.0.0.0:2181\n"

// The texts are what ZooKeeper 3.9.5 writes into /zookeeper/config for the same request.
func TestIncrement(t *testing.T) {
	current, err := zab.ParseEnsemble(threeServers)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, joining, leaving string
		want, first            string // the lines behind the three, and before them
		err                    error
	}{
		{name: "an observer", joining: "server.100=0.0.0.0:1:2:observer;0.0.0.0:3", want: "server.100=0.0.0.0:1:2:observer;0.0.0.0:3\n"},
		{name: "the client's port alone, no role, blanks", joining: " server.5 = 10.0.0.5:2888:3888;2181 ,", want: "server.5=10.0.0.5:2888:3888:participant;0.0.0.0:2181\n"},
		{name: "role in capitals", joining: "server.5=10.0.0.5:2888:3888:OBSERVER;2181", want: "server.5=10.0.0.5:2888:3888:observer;0.0.0.0:2181\n"},
		{name: "several addresses", joining: "server.5=b:2888:3888|a:2889:3889:observer;2181", want: "server.5=a:2889:3889|b:2888:3888:observer;0.0.0.0:2181\n"},
		{name: "who leaves and was not there", leaving: "77, 100"},
		{name: "no client port", joining: "server.5=10.0.0.5:2888:3888", err: errPorts},
		{name: "no ports", joining: "server.5=10.0.0.5;2181", err: errAny},
		{name: "one port twice", joining: "server.5=10.0.0.5:2888:2888;2181", err: errAny},
		{name: "not a line", joining: "some thing", err: errForm},
		{name: "two equals signs", joining: "server.5=a=b", err: errForm},
		{name: "not a role", joining: "server.5=10.0.0.5:2888:3888:leader;2181", err: errAny},
		{name: "any number", joining: "server.0=10.0.0.5:2888:3888;2181,server.999=10.0.0.6:2888:3888;2181", first: "server.0=10.0.0.5:2888:3888:participant;0.0.0.0:2181\n", want: "server.999=10.0.0.6:2888:3888:participant;0.0.0.0:2181\n"},
		{name: "a number that is too large", joining: "server.2147483648=10.0.0.5:2888:3888;2181", err: errNumber},
		{name: "not a number", leaving: "five", err: errAny},
		{name: "another's peer port", joining: "server.5=10.0.0.1:2888:4888;2181", err: errShared},
		{name: "another's client address", joining: "server.5=10.0.0.5:2888:3888;10.0.0.2:2181", err: errShared},
	} {
		t.Run(row.name, func(t *testing.T) {
			next, err := increment(current, &wire.ReconfigRequest{Joining: []byte(row.joining), Leaving: []byte(row.leaving)})
			if row.err != nil {
				if err == nil || row.err != errAny && !errors.Is(err, row.err) {
					t.Fatalf("error %v, want %v", err, row.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, _, _ := strings.Cut(next.String(), "version="); got != row.first+threeServers+row.want {
				t.Errorf("got:\n%swant:\n%s", got, row.first+threeServers+row.want)
			}
			if _, err := zab.ParseEnsemble(next.String()); err != nil {
				t.Errorf("what was written cannot be read: %v", err)
			}
		})
	}
}

var errAny = errors.New("any error")

func TestWholeEnsemble(t *testing.T) {
	next, err := wholeEnsemble("server.1 = a:1:2;2181,server.2=b:1:2:Participant;2181\n\nserver.3=c:1:2:observer")
	want := "server.1=a:1:2:participant;0.0.0.0:2181\nserver.2=b:1:2:participant;0.0.0.0:2181\nserver.3=c:1:2:observer\nversion=0"
	if err != nil || next.String() != want {
		t.Errorf("%v; got:\n%s\nwant:\n%s", err, next, want)
	}
	for _, text := range []string{"", "server.1=a", "server.1=a:1:2:voter", "server.-1=a:1:2", "server.2147483648=a:1:2", "server.1=a:1:2:observer", "tickTime=5,server.1=a:1:2"} {
		if _, err := wholeEnsemble(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
