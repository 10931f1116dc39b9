package admin

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// object is a JSON object whose fields keep their order.
type object []field

type field struct {
	key string
	v   any
}

func (o *object) put(key string, v any) { *o = append(*o, field{key, v}) }

func (o object) has(key string) bool {
	for _, f := range o {
		if f.key == key {
			return true
		}
	}
	return false
}

// appendJSON writes v as the AdminServer's printer does: two blanks for each level, " : " behind keys, lists in one line.
func appendJSON(b []byte, v any, indent int) []byte {
	switch x := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return fmt.Appendf(b, "%t", x)
	case string:
		return appendJSONText(b, x)
	case float64:
		return append(b, javaDouble(x)...)
	case int, int64:
		return fmt.Appendf(b, "%d", x)
	case object:
		return appendObject(b, x, indent)
	case []object:
		return appendList(b, len(x), func(b []byte, i int) []byte { return appendObject(b, x[i], indent) })
	case []string:
		return appendList(b, len(x), func(b []byte, i int) []byte { return appendJSONText(b, x[i]) })
	case []int64:
		return appendList(b, len(x), func(b []byte, i int) []byte { return fmt.Appendf(b, "%d", x[i]) })
	}
	panic(fmt.Sprintf("admin: no JSON form for %T", v))
}

func appendObject(b []byte, o object, indent int) []byte {
	if len(o) == 0 {
		return append(b, "{ }"...)
	}
	b = append(b, '{')
	for i, f := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, '\n'), strings.Repeat("  ", indent+1)...)
		b = append(appendJSONText(b, f.key), " : "...)
		b = appendJSON(b, f.v, indent+1)
	}
	return append(append(append(b, '\n'), strings.Repeat("  ", indent)...), '}')
}

func appendList(b []byte, n int, one func(b []byte, i int) []byte) []byte {
	if n == 0 {
		return append(b, "[ ]"...)
	}
	b = append(b, "[ "...)
	for i := range n {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = one(b, i)
	}
	return append(b, " ]"...)
}

func appendJSONText(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r < 0x20:
			b = fmt.Appendf(b, `\u%04X`, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
