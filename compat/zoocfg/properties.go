package zoocfg

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Property is one "key=value" of a file, unescaped.
type Property struct {
	Key, Value string
	Line       int // where its logical line begins, from 1
}

// Properties reads the syntax of java.util.Properties. Order and doubled keys are kept. The only error is a malformed \u escape.
func Properties(text string) ([]Property, error) {
	var out []Property
	lines := naturalLines(text)
	for i := 0; i < len(lines); i++ {
		line := strings.TrimLeft(lines[i], blanks)
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		p := Property{Line: i + 1}
		for continues(line) {
			line = line[:len(line)-1]
			if i+1 == len(lines) {
				break
			}
			i++
			line += strings.TrimLeft(lines[i], blanks)
		}
		key, value := split(line)
		var err error
		if p.Key, err = unescape(key); err == nil {
			p.Value, err = unescape(value)
		}
		if err != nil {
			return out, fmt.Errorf("line %d: %w", p.Line, err)
		}
		out = append(out, p)
	}
	return out, nil
}

const blanks = " \t\f"

// naturalLines cuts at \n, \r and \r\n.
func naturalLines(text string) []string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.Split(strings.ReplaceAll(text, "\r", "\n"), "\n")
}

// continues says whether a line ends in an odd number of backslashes.
func continues(line string) bool {
	n := len(line) - len(strings.TrimRight(line, `\`))
	return n%2 == 1
}

// split finds the key's end: the first "=", ":" or blank that has no backslash before it.
func split(line string) (key, value string) {
	end := 0
	for end < len(line) && !strings.ContainsRune("=:"+blanks, rune(line[end])) {
		if line[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(line))
	rest := strings.TrimLeft(line[end:], blanks)
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = strings.TrimLeft(rest[1:], blanks)
	}
	return line[:end], rest
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
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
			r, n, err := unicodeEscape(s[i-1:])
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
			i += n - 2
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}

// unicodeEscape reads \uXXXX, or two of them that are a surrogate pair; n is how many bytes it took.
func unicodeEscape(s string) (r rune, n int, err error) {
	first, err := hex4(s)
	if err != nil {
		return 0, 0, err
	}
	if utf16.IsSurrogate(first) && strings.HasPrefix(s[6:], `\u`) {
		if second, err := hex4(s[6:]); err == nil {
			if pair := utf16.DecodeRune(first, second); pair != utf8.RuneError {
				return pair, 12, nil
			}
		}
	}
	return first, 6, nil
}

func hex4(s string) (rune, error) {
	if len(s) < 6 {
		return 0, fmt.Errorf(`%q is not a \uXXXX escape: four hex digits are needed`, s)
	}
	v, err := strconv.ParseUint(s[2:6], 16, 16)
	if err != nil {
		return 0, fmt.Errorf(`%q is not a \uXXXX escape: four hex digits are needed`, s[:6])
	}
	return rune(v), nil
}
