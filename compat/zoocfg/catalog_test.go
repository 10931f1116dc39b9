package zoocfg

import (
	"archive/zip"
	"encoding/binary"
	stdflag "flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

// list is every key of ZooKeeper 3.9.5: those that its manual names, those that its configuration parser knows, and those that its classes
// ask Java for; one a line.
const list395 = "../../testdata/zookeeper-3.9.5-keys.txt"

func listed(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(list395)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out[line] = true
		}
	}
	return out
}

// TestEveryKeyIsKnown: no key of 3.9.5 is passed over, and no key here is one that it does not have.
func TestEveryKeyIsKnown(t *testing.T) {
	p := &parser{cfg: defaults(), keys: allKeys()}
	list := listed(t)
	if len(list) < 250 {
		t.Fatalf("%s has %d keys", list395, len(list))
	}
	for name := range list {
		if _, ok := p.lookup(name); !ok {
			t.Errorf("%s is a key of ZooKeeper 3.9.5 and is not known here", name)
		}
	}
	for name := range p.keys {
		if !list[name] {
			t.Errorf("%s is known here and is no key of ZooKeeper 3.9.5", name)
		}
	}
}

// TestEveryPropertyIsListed reads the names that the classes of the real ZooKeeper hold.
func TestEveryPropertyIsListed(t *testing.T) {
	zktest.Require(t, "zookeeper")
	dir, err := zktest.FindZooKeeper()
	if err != nil {
		t.Fatal(err)
	}
	list := listed(t)
	free := regexp.MustCompile(`^(authProvider|superUser)\.`)
	n := 0
	for _, pattern := range []string{"zookeeper-3*.jar", "zookeeper-prometheus*.jar"} {
		jars, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, jar := range jars {
			for name := range propertiesIn(t, jar) {
				if n++; !list[name] && !free.MatchString(name) && !noKeys[name] {
					t.Errorf("zookeeper.%s is a property of ZooKeeper %s and is not in %s", name, zktest.ZooKeeperVersion, list395)
				}
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d names were found", n)
	}
}

// noKeys begin like a property and are none, or are set by the server itself.
var noKeys = map[string]bool{"configuration": true, "version": true}

// propertiesIn finds the strings of all classes of a jar that begin as a property of ZooKeeper does.
func propertiesIn(t *testing.T, jar string) map[string]bool {
	t.Helper()
	z, err := zip.OpenReader(jar)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	property := regexp.MustCompile(`^zookeeper\.([A-Za-z0-9_\-]+(\.[A-Za-z0-9_\-]+)*)$`)
	out := map[string]bool{}
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".class") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range constants(b) {
			if m := property.FindStringSubmatch(s); m != nil {
				out[m[1]] = true
			}
		}
	}
	return out
}

// constants are the texts of a class file's constant pool.
func constants(b []byte) []string {
	sizes := map[byte]int{3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}
	var out []string
	count, at := int(binary.BigEndian.Uint16(b[8:])), 10
	for i := 1; i < count; i++ {
		tag := b[at]
		at++
		if tag == 1 {
			n := int(binary.BigEndian.Uint16(b[at:]))
			out = append(out, string(b[at+2:at+2+n]))
			at += 2 + n
			continue
		}
		if tag == 5 || tag == 6 {
			i++ // these take two places
		}
		at += sizes[tag]
	}
	return out
}

// TestTable holds the operators' page to the code.
func TestTable(t *testing.T) {
	const page = "../../docs/zoocfg.md"
	want := Table()
	if f := stdflag.Lookup("rewrite"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what the code says (%v); make it with go test ./compat/zoocfg -run TestTable -rewrite", page, err)
	}
}

// TestEveryFieldIsRead: a key that is called honoured sets a field that somebody outside this package reads, or that the checks here do.
func TestEveryFieldIsRead(t *testing.T) {
	var sources strings.Builder
	for _, root := range []string{"../../cmd", "../../compat/server", "check.go", "member.go", "parse.go"} {
		err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
				return err
			}
			text, err := os.ReadFile(p)
			sources.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var look func(name string, v reflect.Type)
	look = func(name string, v reflect.Type) {
		if v.Kind() == reflect.Struct {
			for i := range v.NumField() {
				look(v.Field(i).Name, v.Field(i).Type)
			}
			return
		}
		if !regexp.MustCompile(`\.` + name + `\b`).MatchString(sources.String()) {
			t.Errorf("Config has a field %s, which nobody reads: its key has no effect", name)
		}
	}
	look("Config", reflect.TypeFor[Config]())
}
