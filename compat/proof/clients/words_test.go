package clients

import (
	"regexp"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// Who asks a four-letter word sees itself among the connections: one packet received, none sent, and nothing more is read of it.
func TestAskerOfAWord(t *testing.T) {
	zktest.Each(t, func(t *testing.T, kind zktest.Kind) {
		addr := zktest.Start(t, kind, zktest.Config{}).Addr()
		for _, word := range []string{"stat", "cons"} {
			text, err := zktest.FourLetters(addr, word)
			if want := regexp.MustCompile(`(?m)^ /127\.0\.0\.1:\d+\[0\]\(queued=0,recved=1,sent=0\)$`); err != nil || !want.MatchString(text) {
				t.Errorf("%s, %v:\n%s", word, err, text)
			}
		}
	})
}
