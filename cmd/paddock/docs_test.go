package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	docLink = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	docFile = regexp.MustCompile(`\b(?:cmd|zab|znode|session|fencing|compat|testdata|docs|\.ci)/[\w./-]*\.(?:go|md|txt|sh|img|gz)\b`)
	docTest = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9_]*`)
)

// What the documents point at is there: files, links, and the tests that docs/faults.md names.
func TestDocumentsPointAtWhatIsThere(t *testing.T) {
	tests := map[string]bool{}
	for _, file := range goFiles(t) {
		if text, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
		} else if strings.HasSuffix(file, "_test.go") {
			for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`).FindAllStringSubmatch(string(text), -1) {
				tests[m[1]] = true
			}
		}
	}
	var pages []string
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../compat/*.md"} {
		found, _ := filepath.Glob(pattern)
		pages = append(pages, found...)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		there := func(path string) {
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s points at %s, which is not there", page, path)
			}
		}
		for _, m := range docLink.FindAllStringSubmatch(string(text), -1) {
			there(filepath.Join(filepath.Dir(page), m[1]))
		}
		for _, file := range docFile.FindAllString(string(text), -1) {
			there(filepath.Join("../..", file))
		}
		for _, name := range docTest.FindAllString(string(text), -1) {
			if !tests[name] && !anyBegins(tests, name) {
				t.Errorf("%s names %s, and there is no such test", page, name)
			}
		}
	}
}

// anyBegins is for "TestEnsembleMeasure…", which names several.
func anyBegins(tests map[string]bool, name string) bool {
	for test := range tests {
		if strings.HasPrefix(test, name) {
			return true
		}
	}
	return false
}

// Every package has its place on the map of the house.
func TestEveryRoomIsOnTheMap(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	// A line of the map names rooms that lie next to each other; what is indented under a top folder lies in it.
	shown, top := map[string]bool{}, ""
	for _, line := range regexp.MustCompile(`(?m)^( *)((?:[a-z]+/ *)+)  `).FindAllStringSubmatch(string(text), -1) {
		if line[1] == "" {
			top = strings.TrimSpace(line[2])
			continue
		}
		for _, room := range strings.Fields(line[2]) {
			if room = top + line[1] + room; shown[room] {
				t.Errorf("ARCHITECTURE.md shows %s twice", room)
			}
			shown[room] = true
		}
	}
	if len(shown) < 20 {
		t.Errorf("the map was not read: only %d rooms", len(shown))
	}
	seen := map[string]bool{}
	for _, file := range goFiles(t) {
		room := filepath.Base(filepath.Dir(file))
		if seen[room] {
			continue
		}
		seen[room] = true
		if !regexp.MustCompile(`(?m)(^|[\s/])`+room+`/`).Match(text) && !strings.HasSuffix(room, "fence") {
			t.Errorf("ARCHITECTURE.md does not show %s", filepath.Dir(file))
		}
	}
}
