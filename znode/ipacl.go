package znode

import "strings"

// address is an IPv4 (4) or IPv6 (16) address; size 0 is none.
type address struct {
	bytes [16]byte
	size  int
}

// parseAddress reads an address as IPAuthenticationProvider.addr2Bytes does: anything with ":" is IPv6, else with "." IPv4.
func parseAddress(text string) address {
	if strings.IndexByte(text, ':') >= 0 {
		return parseIPv6(text)
	}
	return parseIPv4(text)
}

func parseIPv4(text string) (a address) {
	for i := range 4 {
		part, rest, more := strings.Cut(text, ".")
		v, ok := parseJavaInt(part, 10)
		if !ok || v < 0 || v > 255 || more != (i < 3) {
			return address{}
		}
		a.bytes[i] = byte(v)
		text = rest
	}
	a.size = 4
	return a
}

// parseIPv6 reads 8 groups of up to 4 hex digits, one run of zero groups may be "::".
func parseIPv6(text string) address {
	head, tail, compressed := strings.Cut(text, "::")
	if compressed && strings.Contains(tail, "::") {
		return address{}
	}
	var a, b address
	if !compressed {
		if strings.Count(text, ":") != 7 || !parseGroups(&a, text) {
			return address{}
		}
		return a
	}
	if !parseGroups(&a, head) || !parseGroups(&b, tail) || a.size+b.size >= 16 {
		return address{}
	}
	copy(a.bytes[16-b.size:], b.bytes[:b.size])
	a.size = 16
	return a
}

// parseGroups appends the groups of text ("" has none) to a.
func parseGroups(a *address, text string) bool {
	for more := text != ""; more; {
		var group string
		group, text, more = strings.Cut(text, ":")
		v, ok := parseJavaInt(group, 16)
		if !ok || len(group) > 4 || a.size == 16 {
			return false
		}
		a.bytes[a.size], a.bytes[a.size+1] = byte(v>>8), byte(v)
		a.size += 2
	}
	return true
}

// parseJavaInt is Integer.parseInt for ASCII: an optional sign, at least one digit, the range of an int32.
func parseJavaInt(text string, radix int64) (int64, bool) {
	negative := strings.HasPrefix(text, "-")
	if negative || strings.HasPrefix(text, "+") {
		text = text[1:]
	}
	if text == "" {
		return 0, false
	}
	var v int64
	for i := range len(text) {
		d := digitValue(text[i])
		if d >= radix {
			return 0, false
		}
		if v = v*radix + d; v > 1<<31 {
			return 0, false
		}
	}
	if negative {
		v = -v
	}
	return v, v < 1<<31
}

func digitValue(c byte) int64 {
	switch {
	case c >= '0' && c <= '9':
		return int64(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'z':
		return int64(c|0x20-'a') + 10
	}
	return 99
}

// parseIPExpr reads "address" or "address/bits".
func parseIPExpr(expr string) (a address, bits int, ok bool) {
	text, mask, masked := strings.Cut(expr, "/")
	if a = parseAddress(text); a.size == 0 {
		return a, 0, false
	}
	if !masked {
		return a, a.size * 8, true
	}
	v, ok := parseJavaInt(mask, 10)
	return a, int(v), ok && v >= 0 && v <= int64(a.size*8)
}

func ipExprValid(expr string) bool {
	_, _, ok := parseIPExpr(expr)
	return ok
}

// ipMatches says whether address id lies in expr; bits beyond the mask do not count; IPv4 and IPv6 never match each other.
func ipMatches(id, expr string) bool {
	want, bits, ok := parseIPExpr(expr)
	if !ok {
		return false
	}
	got := parseAddress(id)
	if got.size != want.size {
		return false
	}
	for i := 0; i < got.size && bits > 0; i, bits = i+1, bits-8 {
		mask := byte(0xff)
		if bits < 8 {
			mask <<= 8 - bits
		}
		if (got.bytes[i]^want.bytes[i])&mask != 0 {
			return false
		}
	}
	return true
}
