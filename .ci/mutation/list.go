package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// fault is one entry of a list.
type fault struct {
	room, name string
	from       string // the incident that it is taken from, if there is one
	edits      []edit
	test       []string      // arguments of go test: the package, -run, flags of the test
	hang       time.Duration // not 0: a test that runs for longer than this has caught the fault
	where      string        // file and line of the entry
}

// edit replaces one text, which the file must hold exactly once.
type edit struct {
	file, find, replace string
}

// lists reads every list beside this program, or that of one room.
func lists(folder, room string) ([]fault, error) {
	pattern := "*.txt"
	if room != "" {
		pattern = room + ".txt"
	}
	files, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is no list %s in %s", pattern, folder)
	}
	var all []fault
	for _, file := range files {
		fs, err := readList(file)
		if err != nil {
			return nil, err
		}
		all = append(all, fs...)
	}
	names := map[string]string{}
	for _, f := range all {
		if at, twice := names[f.name]; twice {
			return nil, fmt.Errorf("%s: the name %q stands at %s already", f.where, f.name, at)
		}
		names[f.name] = f.where
	}
	return all, nil
}

// readList reads one file; README.md shows the form of an entry.
func readList(file string) ([]fault, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &reader{in: bufio.NewScanner(f), file: file}
	r.in.Buffer(nil, 1<<20)
	for r.next() {
		if err := r.line(); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, r.n, err)
		}
	}
	if err := errors.Join(r.in.Err(), r.finish()); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", file, r.n, err)
	}
	return r.out, nil
}

type reader struct {
	in   *bufio.Scanner
	file string
	n    int
	at   string // the file that the next edit is for
	out  []fault
}

func (r *reader) next() bool {
	r.n++
	return r.in.Scan()
}

// line takes one line of an entry, or an edit as a whole.
func (r *reader) line() error {
	line := strings.TrimSpace(r.in.Text())
	if line == "" || strings.HasPrefix(line, "# ") || line == "#" {
		return nil
	}
	if name, ok := strings.CutPrefix(line, "fault: "); ok {
		if err := r.finish(); err != nil {
			return err
		}
		room := strings.TrimSuffix(filepath.Base(r.file), ".txt")
		r.out = append(r.out, fault{room: room, name: name, where: fmt.Sprintf("%s:%d", r.file, r.n)})
		r.at = ""
		return nil
	}
	if len(r.out) == 0 {
		return fmt.Errorf("the first entry begins with \"fault: \", not with %q", line)
	}
	f := &r.out[len(r.out)-1]
	key, value, _ := strings.Cut(line, ": ")
	switch key {
	case "from":
		f.from = value
	case "file":
		r.at = value
	case "test":
		f.test = strings.Fields(value)
	case "hang":
		d, err := time.ParseDuration(value)
		f.hang = d
		return err
	case "<<<<":
		return r.edit(f)
	default:
		return fmt.Errorf("%q is no line of an entry", line)
	}
	return nil
}

// edit reads the text to find, a line of ====, the text to put there, and a line of >>>>.
func (r *reader) edit(f *fault) error {
	if r.at == "" {
		return errors.New("a text needs a file: before it")
	}
	find, err := r.until("====")
	if err != nil {
		return err
	}
	replace, err := r.until(">>>>")
	if err != nil {
		return err
	}
	if strings.TrimSpace(find) == "" || find == replace {
		return errors.New("the text to find is empty, or the replacement is the same")
	}
	f.edits = append(f.edits, edit{file: r.at, find: find, replace: replace})
	return nil
}

func (r *reader) until(mark string) (string, error) {
	var lines []string
	for r.next() {
		if r.in.Text() == mark {
			return strings.Join(lines, "\n"), nil
		}
		lines = append(lines, r.in.Text())
	}
	return "", fmt.Errorf("a line %s is missing", mark)
}

// finish says what the entry before lacks.
func (r *reader) finish() error {
	if len(r.out) == 0 {
		return nil
	}
	f := &r.out[len(r.out)-1]
	if len(f.edits) == 0 || len(f.test) == 0 {
		return fmt.Errorf("the fault %q needs an edit and a test", f.name)
	}
	return nil
}

// plant writes the edited files to folder and returns the overlay that puts them in the place of the real ones.
// An error says which text no longer stands in the code exactly once.
func (f *fault) plant(folder string) (map[string]string, error) {
	texts := map[string]string{}
	for _, e := range f.edits {
		text, ok := texts[e.file]
		if !ok {
			b, err := os.ReadFile(e.file)
			if err != nil {
				return nil, err
			}
			text = string(b)
		}
		if n := strings.Count(text, e.find); n != 1 {
			return nil, fmt.Errorf("%s holds the text %d times: %s", e.file, n, firstLine(e.find))
		}
		texts[e.file] = strings.Replace(text, e.find, e.replace, 1)
	}
	overlay := map[string]string{}
	for file, text := range texts {
		if folder == "" {
			continue
		}
		real, err := filepath.Abs(file)
		if err != nil {
			return nil, err
		}
		planted := filepath.Join(folder, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(planted, []byte(text), 0o600); err != nil {
			return nil, err
		}
		overlay[real] = planted
	}
	return overlay, nil
}

func firstLine(s string) string {
	line, rest, more := strings.Cut(strings.TrimSpace(s), "\n")
	if more && rest != "" {
		line += " …"
	}
	return line
}
