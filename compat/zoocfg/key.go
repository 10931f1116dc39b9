package zoocfg

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// key is one known key. Exactly one of set and ignored is given.
type key struct {
	name    string
	allowed string                         // what a value may be, for errors
	set     func(c *Config, v string) bool // false: not allowed
	ignored string                         // why it means nothing here
}

// number is an integer between lo and hi.
func number(name string, lo, hi int64, at func(*Config) *int) key {
	return key{name: name, allowed: span(lo, hi), set: func(c *Config, v string) bool {
		n, err := integer(v)
		if err != nil || n < lo || n > hi {
			return false
		}
		*at(c) = int(n)
		return true
	}}
}

// long is an integer between lo and hi.
func long(name string, lo, hi int64, at func(*Config) *int64) key {
	return key{name: name, allowed: span(lo, hi), set: func(c *Config, v string) bool {
		n, err := integer(v)
		if err != nil || n < lo || n > hi {
			return false
		}
		*at(c) = n
		return true
	}}
}

// integer reads a number. Java's properties may be in hex, and jute.maxbuffer often is.
func integer(v string) (int64, error) {
	for _, hex := range []string{"0x", "0X", "#"} {
		if digits, ok := strings.CutPrefix(v, hex); ok && !strings.ContainsAny(digits, "+-_") {
			return strconv.ParseInt(digits, 16, 64)
		}
	}
	return strconv.ParseInt(v, 10, 64)
}

func span(lo, hi int64) string {
	if hi >= math.MaxInt32 {
		return fmt.Sprintf("an integer of at least %d", lo)
	}
	return fmt.Sprintf("an integer from %d to %d", lo, hi)
}

func port(name string, at func(*Config) *int) key { return number(name, 0, 65535, at) }

// positive is an integer above zero.
func positive(name string, at func(*Config) *int) key { return number(name, 1, math.MaxInt32, at) }

// atLeast is an integer from lo on.
func atLeast(name string, lo int64, at func(*Config) *int) key {
	return number(name, lo, math.MaxInt32, at)
}

// real is a share between 0 and 1.
func real(name string, at func(*Config) *float64) key {
	return key{name: name, allowed: "a number of at least 0", set: func(c *Config, v string) bool {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || f < 0 || math.IsInf(f, 0) || math.IsNaN(f) {
			return false
		}
		*at(c) = f
		return true
	}}
}

// yes is a switch.
func yes(name string, at func(*Config) *bool) key {
	return key{name: name, allowed: "true or false (yes and no are taken too)", set: func(c *Config, v string) bool {
		switch strings.ToLower(v) {
		case "true", "yes":
			*at(c) = true
		case "false", "no":
			*at(c) = false
		default:
			return false
		}
		return true
	}}
}

// text is any text.
func text(name string, at func(*Config) *string) key {
	return key{name: name, allowed: "any text", set: func(c *Config, v string) bool {
		*at(c) = v
		return true
	}}
}

// oneOf is one of some words, in any case.
func oneOf(name string, at func(*Config) *string, words ...string) key {
	return key{name: name, allowed: "one of " + quoted(words), set: func(c *Config, v string) bool {
		i := slices.IndexFunc(words, func(w string) bool { return strings.EqualFold(w, v) })
		if i < 0 {
			return false
		}
		*at(c) = words[i]
		return true
	}}
}

func quoted(words []string) string {
	q := make([]string, len(words))
	for i, w := range words {
		q[i] = strconv.Quote(w)
	}
	return strings.Join(q, ", ")
}

// list is words with commas between them.
func list(name string, at func(*Config) *[]string) key {
	return key{name: name, allowed: "words with commas between them", set: func(c *Config, v string) bool {
		*at(c) = words(v)
		return true
	}}
}

func words(v string) []string {
	var out []string
	for w := range strings.SplitSeq(v, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// duration is a field that [hours] sets.
type duration = time.Duration

// hours is a whole number of hours, or a number with a unit as in ZooKeeper 3.10.
func hours(name string, at func(*Config) *duration) key {
	units := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
	return key{name: name, allowed: "hours, or a number with a unit: ms, s, m, h, d", set: func(c *Config, v string) bool {
		digits := strings.TrimRight(v, "abcdefghijklmnopqrstuvwxyz")
		unit, ok := units[v[len(digits):]]
		if digits == v {
			unit, ok = time.Hour, true
		}
		n, err := strconv.ParseInt(digits, 10, 32)
		if !ok || err != nil || n < 0 || n > int64(math.MaxInt64/unit) {
			return false
		}
		*at(c) = time.Duration(n) * unit
		return true
	}}
}

// class is a Java class of which only some have a counterpart.
func class(name string, known map[string]func(*Config)) key {
	return key{name: name, allowed: "a class that has a counterpart here: " + strings.Join(sortedKeys(known), ", "), set: func(c *Config, v string) bool {
		f, ok := known[v[strings.LastIndexByte(v, '.')+1:]]
		if ok {
			f(c)
		}
		return ok
	}}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// ignore makes keys that are accepted and do nothing.
func ignore(why string, names ...string) []key {
	out := make([]key, len(names))
	for i, n := range names {
		out[i] = key{name: n, ignored: why}
	}
	return out
}
