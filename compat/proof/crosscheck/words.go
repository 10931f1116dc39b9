package crosscheck

import (
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Words are the four-letter words whose answers can be compared: those that change nothing but counters.
func Words() []string {
	return []string{"ruok", "srvr", "stat", "mntr", "conf", "cons", "dump", "wchs", "wchc", "wchp", "dirs", "isro", "envi", "crst", "srst", "gtmk", "nope"}
}

// WordShape asks a server for a four-letter word and returns what its answer is made of: its lines with all that is a matter of
// the moment or of the machine taken out, sorted where an answer is a set of named values. Monitoring tools parse just that.
func WordShape(ctx context.Context, addr, word string) ([]string, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, word); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(c)
	if err != nil && len(text) == 0 {
		return []string{"closed"}, nil
	}
	var out []string
	for line := range strings.SplitSeq(string(text), "\n") {
		if s := lineShape(word, line); s != "" {
			out = append(out, s)
		}
	}
	if word == "mntr" || word == "envi" || word == "conf" {
		slices.Sort(out) // named values, in an order that ZooKeeper leaves to a hash table
	}
	if word == "cons" || word == "stat" || word == "dump" {
		out = slices.Compact(out) // one line for each connection or expiry time
	}
	return out, nil
}

var (
	moment = regexp.MustCompile(`[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [\d:]+ [A-Z]+ \d{4}`)
	number = regexp.MustCompile(`-?\b(0x[0-9a-f]+|\d+(\.\d+)*)\b`)
)

// lineShape is a line without its values; "" for lines that only ZooKeeper's own implementation has.
func lineShape(word, line string) string {
	switch word {
	case "mntr":
		key, _, _ := strings.Cut(line, "\t")
		if strings.HasPrefix(key, "zk_jvm_") {
			return ""
		}
		return key
	case "envi":
		key, _, named := strings.Cut(line, "=")
		if named && (strings.HasPrefix(key, "java.") || strings.HasPrefix(key, "jvm.")) {
			return ""
		}
		return key
	case "conf":
		key, _, _ := strings.Cut(line, "=")
		return key
	}
	if rest, ok := strings.CutPrefix(line, "Zookeeper version: "); ok {
		_, built, _ := strings.Cut(rest, ",")
		if strings.HasPrefix(built, " built on ") { // a build without the stamps of its repository says that it does not know
			built = " built on D"
		}
		return "Zookeeper version: V," + built
	}
	if i := strings.Index(line, "lop="); i >= 0 {
		line = line[:i] + "lop=" + line[i+strings.IndexByte(line[i:], ','):]
	}
	return number.ReplaceAllString(moment.ReplaceAllString(line, "MOMENT"), "N")
}

// CompareWords asks both servers for every word and returns a line for each thing that only one of them says.
func CompareWords(ctx context.Context, left, right string) ([]string, error) {
	var out []string
	for _, word := range Words() {
		l, err := WordShape(ctx, left, word)
		if err != nil {
			return out, fmt.Errorf("crosscheck: %s to %s: %w", word, left, err)
		}
		r, err := WordShape(ctx, right, word)
		if err != nil {
			return out, fmt.Errorf("crosscheck: %s to %s: %w", word, right, err)
		}
		for _, s := range l {
			if !slices.Contains(r, s) {
				out = append(out, word+": only left says "+s)
			}
		}
		for _, s := range r {
			if !slices.Contains(l, s) {
				out = append(out, word+": only right says "+s)
			}
		}
	}
	return out, nil
}
