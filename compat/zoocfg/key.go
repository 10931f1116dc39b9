package zoocfg

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// key is one known key.
type key struct {
	name    string
	allowed string                         // what a value may be, for errors
	set     func(c *Config, v string) bool // false: not allowed. nil: any text, which nobody reads
	remark  func(v string) string          // what to warn of for a value that is allowed; nil = nothing
	words   wording                        // of a key of yes or no
	effect  effect
	why     string              // there is no effect, or one for some values only
	agrees  func(v string) bool // fixed: the value says what the server does anyway; nil = no value is worth a word
}

// effect is what a key does here.
type effect string

const (
	honoured effect = "honoured"
	fixed    effect = "always so" // the server behaves in one way, and names the key if its value says another
	without  effect = "no effect" // named at the start
	refused  effect = "refused"   // with the value that would make the server look safer than it is
)

// always marks keys that change nothing, because the server behaves in one way.
func always(why string, agrees func(string) bool, keys ...key) []key {
	for i := range keys {
		keys[i].effect, keys[i].why, keys[i].agrees = fixed, why, agrees
	}
	return keys
}

// idle marks keys that are named at the start, because they have no effect.
func idle(why string, keys ...key) []key {
	for i := range keys {
		keys[i].effect, keys[i].why = without, why
	}
	return keys
}

// refuse marks keys of which a value is refused, by finish.
func refuse(why string, keys ...key) []key {
	for i := range keys {
		keys[i].effect, keys[i].why = refused, why
	}
	return keys
}

// nobody is where values go that are checked and not read.
func nobody[T any](*Config) *T { return new(T) }

// whole is an integer that nobody reads; word is a yes or no, or any text.
func whole(name string) key        { return off(name, math.MinInt64, 0, nobody[int64]) }
func word(n string, w wording) key { return flag(n, w, nobody[bool]) }
func anything(names ...string) []key {
	out := make([]key, len(names))
	for i, n := range names {
		out[i] = text(n, nobody[string])
	}
	return out
}

func wholes(names ...string) []key {
	out := make([]key, len(names))
	for i, n := range names {
		out[i] = whole(n)
	}
	return out
}

// anyNumber is an integer of which everything beyond lo and hi means something too, as ZooKeeper takes it: raise says what.
func anyNumber[T int | int64](name string, at func(*Config) *T, raise func(n int64) (int64, string)) key {
	k := key{name: name, allowed: "an integer", set: func(c *Config, v string) bool {
		n, err := integer(v)
		if err != nil || in32[T]() && n != int64(int32(n)) {
			return false
		}
		n, _ = raise(n)
		*at(c) = T(n)
		return true
	}}
	k.remark = func(v string) string {
		n, _ := integer(v)
		_, why := raise(n)
		return why
	}
	return k
}

// in32 says whether Java keeps the value in 32 bits.
func in32[T int | int64]() bool { _, is := any(T(0)).(int); return is }

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

// off is an integer whose values below lo mean that there is no limit, or no such thing.
func off[T int | int64](name string, lo, none int64, at func(*Config) *T) key {
	return anyNumber(name, at, func(n int64) (int64, string) {
		if n < lo {
			return none, ""
		}
		return n, ""
	})
}

// least is an integer that is raised to the least that makes sense, with a warning.
func least[T int | int64](name string, lo int64, at func(*Config) *T) key {
	return or(name, lo, lo, at)
}

// or is an integer that is replaced, with a warning, if it is below lo.
func or[T int | int64](name string, lo, instead int64, at func(*Config) *T) key {
	return anyNumber(name, at, func(n int64) (int64, string) {
		if n < lo {
			return instead, fmt.Sprintf("%d makes no sense; %d counts", n, instead)
		}
		return n, ""
	})
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

// address is where a port listens. ZooKeeper asks Java for the address of an empty name, which is the loopback one.
func address(name string, at func(*Config) *string) key {
	return key{name: name, allowed: "any text", set: func(c *Config, v string) bool {
		if *at(c) = v; v == "" {
			*at(c) = "127.0.0.1"
		}
		return true
	}, remark: func(v string) string {
		if v == "" {
			return "is empty, so only this machine is served, on 127.0.0.1; give 0.0.0.0 for all addresses"
		}
		return ""
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

// hours is a whole number of hours, or a number with a unit as in ZooKeeper 3.10.
func hours(name string) key {
	units := []string{"", "ms", "s", "m", "h", "d"}
	return key{name: name, allowed: "hours, or a number with a unit: ms, s, m, h, d", set: func(_ *Config, v string) bool {
		digits := strings.TrimRight(v, "abcdefghijklmnopqrstuvwxyz")
		_, err := strconv.ParseInt(digits, 10, 32)
		return err == nil && slices.Contains(units, v[len(digits):])
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
