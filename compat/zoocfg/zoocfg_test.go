package zoocfg

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

func TestStories(t *testing.T) {
	datadriven.Walk(t, "../../testdata/zoocfg", func(t *testing.T, path string) {
		files := map[string]string{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "file":
				var name string
				d.ScanArgs(t, "name", &name)
				files[name] = d.Input
				return ""
			case "properties":
				return tellProperties(d.Input)
			case "parse":
				delete(files, "/d/myid")
				if d.HasArg("myid") {
					var id string
					d.ScanArgs(t, "myid", &id)
					files["/d/myid"] = id + "\n"
				}
				return tellParse(d.Input, files)
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

func tellProperties(text string) string {
	props, err := Properties(text)
	var b strings.Builder
	for _, p := range props {
		fmt.Fprintf(&b, "%d %q = %q\n", p.Line, p.Key, p.Value)
	}
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	return b.String()
}

// tellParse shows what differs from the defaults, then the remarks.
func tellParse(text string, files map[string]string) string {
	c, err := Parse("zoo.cfg", text, func(name string) ([]byte, error) {
		if s, ok := files[name]; ok {
			return []byte(s), nil
		}
		return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
	})
	if err != nil {
		return "error: " + strings.ReplaceAll(err.Error(), "\n", "\nerror: ") + "\n"
	}
	var b strings.Builder
	d := defaults()
	d.File, d.Text = c.File, c.Text
	warnings, ignored := c.Warnings, c.Ignored
	c.Warnings, c.Ignored = nil, nil
	tellDiff(&b, "", reflect.ValueOf(*d), reflect.ValueOf(*c))
	for _, n := range warnings {
		fmt.Fprintf(&b, "warning: %s\n", n)
	}
	for _, n := range ignored {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	if c.Distributed() {
		b.WriteString("distributed\n" + c.DynamicText())
	}
	return b.String()
}

func tellDiff(b *strings.Builder, name string, before, after reflect.Value) {
	if reflect.DeepEqual(before.Interface(), after.Interface()) {
		return
	}
	if after.Kind() == reflect.Struct {
		for i := range after.NumField() {
			tellDiff(b, strings.TrimPrefix(name+"."+after.Type().Field(i).Name, "."), before.Field(i), after.Field(i))
		}
		return
	}
	fmt.Fprintf(b, "%s = %+v\n", name, after.Interface())
}

func TestEveryKeyHasOneMeaning(t *testing.T) {
	for name, k := range allKeys() {
		if k.set == nil || k.allowed == "" {
			t.Errorf("%s: says nothing about what is allowed", name)
		}
		if (k.effect == honoured) != (k.why == "") {
			t.Errorf("%s: is %s, because %q", name, k.effect, k.why)
		}
		if k.effect == refused && k.words == noWording {
			t.Errorf("%s: nothing says which value is refused", name)
		}
		if strings.HasPrefix(name, "zookeeper.") {
			t.Errorf("%s: is listed with its prefix", name)
		}
	}
}

// TestKeysThatTakeAnythingButNonsense: a word is no number, and no word that Java would refuse.
func TestKeysThatTakeAnythingButNonsense(t *testing.T) {
	for name, k := range allKeys() {
		anyWord := k.words == onlyTrue || k.words == onlyYes || k.words == allButNo || k.words == allButFalse
		if anyWord || strings.HasPrefix(k.allowed, "any text") || strings.HasPrefix(k.allowed, "words") {
			continue
		}
		if k.set(defaults(), "utter nonsense") {
			t.Errorf("%s takes nonsense", name)
		}
	}
}

func TestLoadAndFolders(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	file := filepath.Join(dir, "zoo.cfg")
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(file, "dataDir="+data+"\ndataLogDir="+dir+"/logs\nclientPort=2181\n")
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckDirs(); err != nil {
		t.Fatalf("missing folders may be made: %v", err)
	}
	write(filepath.Join(data, "version-2", "log.1"), "")
	if err := c.CheckDirs(); err == nil || !strings.Contains(err.Error(), "transaction logs") {
		t.Fatalf("logs among the snapshots: %v", err)
	}
	c.Storage.AutoCreateDir = false
	if err := c.CheckDirs(); err == nil || !strings.Contains(err.Error(), "datadir.autocreate") {
		t.Fatalf("a missing folder that may not be made: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "nosuch")); err == nil {
		t.Fatal("a missing file was read")
	}
}

func FuzzParse(f *testing.F) {
	paths, _ := filepath.Glob("../../testdata/zoocfg/*.txt")
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		for part := range strings.SplitSeq(string(text), "----") {
			f.Add(part)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("zoo.cfg", text, func(string) ([]byte, error) { return []byte(text), nil })
		if err != nil {
			_ = err.Error()
			return
		}
		for _, s := range c.Members.Servers {
			again, err := ParseServer(s.ID, s.String())
			if err != nil || again.String() != s.String() {
				t.Fatalf("%q is written as %q, which reads %+v %v", text, s.String(), again, err)
			}
		}
	})
}
