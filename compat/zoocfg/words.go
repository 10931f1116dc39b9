package zoocfg

import (
	"fmt"
	"strings"
)

// wording is how ZooKeeper reads the yes or no of a key: it has several ways, and takes another word than the meant one for no, or for
// yes, without a word. A reader that is laxer than it would open what it keeps closed.
type wording int

const (
	noWording   wording = iota
	strict              // true or false, in any case; ZooKeeper does not start with another word
	onlyTrue            // true, in any case; every other word is false
	guarded             // as onlyTrue there; another word is refused here, because false is less safe than what its writer meant
	onlyYes             // exactly yes; every other word is no
	allButNo            // every word but exactly no
	allButFalse         // every word but exactly false
)

// read says what a word means; ok is false if it may not stand there.
func (w wording) read(v string) (on, ok bool) {
	isTrue, isFalse := strings.EqualFold(v, "true"), strings.EqualFold(v, "false")
	switch w {
	case strict, guarded:
		return isTrue, isTrue || isFalse
	case onlyTrue:
		return isTrue, true
	case onlyYes:
		return v == "yes", true
	case allButNo:
		return v != "no", true
	case allButFalse:
		return v != "false", true
	}
	return false, false
}

// remark warns of a word that does not mean what it seems to.
func (w wording) remark(v string) string {
	plain := strings.EqualFold(v, "true") || strings.EqualFold(v, "false")
	switch {
	case w == onlyTrue && !plain:
		return fmt.Sprintf("%q counts as false, as in ZooKeeper; only true is true", v)
	case w == onlyYes && v != "yes" && v != "no":
		return fmt.Sprintf("%q counts as no, as in ZooKeeper; only yes is yes", v)
	case w == allButNo && v != "yes" && v != "no":
		return fmt.Sprintf("%q counts as yes, as in ZooKeeper; only no is no", v)
	case w == allButFalse && v != "true" && v != "false":
		return fmt.Sprintf("%q counts as true, as in ZooKeeper; only false, in small letters, is false", v)
	}
	return ""
}

// String is for the table of keys.
func (w wording) String() string {
	return [...]string{"", "true or false, nothing else", "true; any other word is false", "true or false (ZooKeeper takes any other word for false)",
		"yes; any other word is no", "no; any other word is yes", "false; any other word is true"}[w]
}

// flag is a key of yes or no.
func flag(name string, w wording, at func(*Config) *bool) key {
	return key{name: name, allowed: "true or false", words: w, remark: w.remark, set: func(c *Config, v string) bool {
		on, ok := w.read(v)
		if ok {
			*at(c) = on
		}
		return ok
	}}
}

// is says that a word is read as on.
func (w wording) is(on bool) func(string) bool {
	return func(v string) bool { got, _ := w.read(v); return got == on }
}
