package zooconf

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// property is one key and value of a file, and the line on which it begins.
type property struct {
	key, value string
	line       int
}

// maxConfig bounds a configuration file; ZooKeeper's own are a few kB.
const maxConfig = 4 << 20

// parseProperties reads java.util.Properties text: "key=value", "key: value" or "key value"; # and ! begin comments; a backslash at the
// end of a line continues it; \t \n \r \f and \uXXXX are escapes, any other escaped character is itself. Unlike Java it reads UTF-8,
// as ZooKeeper's own files are. Of a key that comes twice the last one counts.
func parseProperties(name, text string) ([]property, error) {
	if len(text) > maxConfig {
		return nil, fmt.Errorf("%s: %d bytes: too large for a configuration file (at most %d)", name, len(text), maxConfig)
	}
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("%s: not UTF-8 text", name)
	}
	var out []property
	at := map[string]int{}
	for _, l := range logicalLines(text) {
		key, value := splitProperty(l.text)
		k, err := unescape(key)
		if err == nil {
			value, err = unescape(value)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, l.number, err)
		}
		p := property{k, strings.TrimSpace(value), l.number}
		if i, again := at[k]; again {
			out[i] = p
			continue
		}
		at[k] = len(out)
		out = append(out, p)
	}
	return out, nil
}

type line struct {
	text   string
	number int
}

// logicalLines joins continued lines and drops blanks and comments.
func logicalLines(text string) []line {
	natural := strings.Split(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n")
	var out []line
	for i := 0; i < len(natural); i++ {
		l := line{trimLeft(natural[i]), i + 1}
		if l.text == "" || l.text[0] == '#' || l.text[0] == '!' {
			continue
		}
		for continued(l.text) {
			l.text = l.text[:len(l.text)-1]
			if i++; i == len(natural) {
				break
			}
			l.text += trimLeft(natural[i])
		}
		out = append(out, l)
	}
	return out
}

func trimLeft(s string) string { return strings.TrimLeft(s, " \t\f") }

// continued says whether a line ends in an odd number of backslashes.
func continued(s string) bool {
	n := len(s) - len(strings.TrimRight(s, `\`))
	return n%2 == 1
}

// splitProperty cuts at the first =, : or white space that is not escaped.
func splitProperty(s string) (key, value string) {
	i := 0
	for i < len(s) && !strings.ContainsRune("=: \t\f", rune(s[i])) {
		if s[i] == '\\' {
			i++
		}
		i++
	}
	i = min(i, len(s))
	key, rest := s[:i], strings.TrimLeft(s[i:], " \t\f")
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = strings.TrimLeft(rest[1:], " \t\f")
	}
	return key, rest
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			if s[i] != '\\' {
				b.WriteByte(s[i])
			}
			continue
		}
		i++
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			if i+5 > len(s) {
				return "", fmt.Errorf("malformed escape %q: give four hex digits", s[i-1:])
			}
			r, err := strconv.ParseUint(s[i+1:i+5], 16, 16)
			if err != nil {
				return "", fmt.Errorf("malformed escape %q: give four hex digits", s[i-1:i+5])
			}
			b.WriteRune(rune(r))
			i += 4
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}
