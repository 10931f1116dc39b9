package fencing

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
)

// MarshalJSON writes an object of strings. Numbers are strings too: a zxid does not fit the 53 bits that many JSON readers keep (H3).
func (t Token) MarshalJSON() ([]byte, error) {
	if err := t.Valid(); err != nil {
		return nil, err
	}
	type field struct{ k, v string }
	fields := []field{{"v", "1"}, {"cluster", t.Cluster.String()}, {"incarnation", t.Incarnation.String()}, {"scope", t.Scope.String()},
		{"mode", t.Mode.String()}, {"fence", strconv.FormatInt(t.Fence, 10)}, {"sub", strconv.FormatUint(uint64(t.Sub), 10)}}
	if t.Audit.Path != "" {
		fields = append(fields, field{"path", t.Audit.Path})
	}
	if t.Audit.Node != "" {
		fields = append(fields, field{"node", t.Audit.Node})
	}
	if t.Audit.Session != 0 {
		fields = append(fields, field{"session", formatSession(t.Audit.Session)})
	}
	if t.Audit.Op != 0 {
		fields = append(fields, field{"op", strconv.FormatUint(t.Audit.Op, 10)})
	}
	out := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendQuote(out, f.k)
		value, err := json.Marshal(f.v)
		if err != nil {
			return nil, err
		}
		out = append(append(out, ':'), value...)
	}
	return append(out, '}'), nil
}

func formatSession(s int64) string { return "0x" + strconv.FormatUint(uint64(s), 16) }

// UnmarshalJSON reads what MarshalJSON wrote. A number where a string belongs, a member twice, an unknown member or a missing one is refused
// with its name.
func (t *Token) UnmarshalJSON(b []byte) error {
	members, err := stringMembers(b)
	if err != nil {
		return err
	}
	if v, ok := members["v"]; !ok || v != "1" {
		return malformed("member v is %q; this reads version 1", v)
	}
	var out Token
	for _, k := range []string{"cluster", "incarnation", "scope", "mode", "fence", "sub"} {
		if _, ok := members[k]; !ok {
			return malformed("member %s is missing", k)
		}
	}
	for k, v := range members {
		if err := out.setMember(k, v); err != nil {
			return err
		}
	}
	if err := out.Valid(); err != nil {
		return err
	}
	*t = out
	return nil
}

func (t *Token) setMember(k, v string) (err error) {
	switch k {
	case "v":
	case "cluster":
		t.Cluster, err = ParseID(v)
	case "incarnation":
		t.Incarnation, err = ParseID(v)
	case "scope":
		t.Scope, err = ParseID(v)
	case "mode":
		if v != "x" && v != "s" {
			return malformed("mode %q: x (exclusive) or s (shared)", v)
		}
		t.Mode = Mode(v[0])
	case "fence":
		t.Fence, err = ParseFence(v)
	case "sub":
		var n uint64
		n, err = parseDecimal(v, 32)
		t.Sub = uint32(n)
	case "path":
		t.Audit.Path = v
	case "node":
		t.Audit.Node = v
	case "session":
		t.Audit.Session, err = ParseSession(v)
	case "op":
		t.Audit.Op, err = parseDecimal(v, 64)
	default:
		return malformed("member %q is not known", k)
	}
	return err
}

// ParseFence reads a fence written in decimal as in JSON: 1 to 2^63-1, digits only, no leading zero. Errors are *Malformed.
func ParseFence(s string) (int64, error) {
	n, err := parseDecimal(s, 63)
	if err == nil && n == 0 {
		err = malformed("fence 0: a zxid is positive")
	}
	return int64(n), err
}

// ParseSession reads a session id as ZooKeeper prints it (0x and hex). Errors are *Malformed.
func ParseSession(s string) (int64, error) {
	if len(s) < 3 || s[:2] != "0x" {
		return 0, malformed("session %q: 0x and hex digits", s)
	}
	n, err := strconv.ParseUint(s[2:], 16, 64)
	if err != nil || formatSession(int64(n)) != s {
		return 0, malformed("session %q: 0x and hex digits", s)
	}
	return int64(n), nil
}

func parseDecimal(s string, bits int) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, bits)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, malformed("%q is not a decimal number of at most %d bits", s, bits)
	}
	return n, nil
}

// stringMembers reads one flat object of strings, each member once, nothing after it.
func stringMembers(b []byte) (map[string]string, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		return nil, malformed("JSON: an object is expected")
	}
	members := make(map[string]string, 12)
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil, malformed("JSON: %v", err)
		}
		key, _ := k.(string)
		v, err := d.Token()
		if err != nil {
			return nil, malformed("JSON: %v", err)
		}
		value, ok := v.(string)
		if !ok {
			return nil, malformed("member %s is not a string: numbers travel as strings, since many JSON readers round them to 53 bits", key)
		}
		if _, twice := members[key]; twice {
			return nil, malformed("member %s appears twice", key)
		}
		members[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, malformed("JSON: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, malformed("JSON: something follows the object")
	}
	return members, nil
}
