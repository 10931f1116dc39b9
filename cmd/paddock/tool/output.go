package tool

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-zookeeper/zk"
	"github.com/mattn/go-runewidth"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"
	"gopkg.in/yaml.v3"
)

// Out is where a verb's data goes, and in which form. Messages go to standard error instead.
type Out struct {
	Writer io.Writer
	Format string // table, json, yaml or simple
	Colour bool
}

// Output reads -o. Without it people get tables and programs get tab-separated lines.
func Output(c *cli.Context) (Out, error) {
	out := Out{Writer: c.App.Writer, Format: String(c, "output")}
	tty := false
	if f, ok := c.App.Writer.(*os.File); ok {
		tty = term.IsTerminal(int(f.Fd()))
	}
	out.Colour = tty && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	switch out.Format {
	case "table", "json", "yaml", "simple":
	case "":
		out.Format = "simple"
		if tty {
			out.Format = "table"
		}
	default:
		return out, Usage("--output %q: table, json, yaml or simple", out.Format)
	}
	return out, nil
}

// Begin reads what every verb has: its words (see Args), and where its data goes.
func Begin(c *cli.Context, least, most int) (words []string, out Out, err error) {
	if words, err = Args(c, least, most); err != nil {
		return nil, out, err
	}
	out, err = Output(c)
	return words, out, err
}

// Structured writes v if the form is one for programs, and says whether it was. Field names are those of v's JSON and stay.
func (o Out) Structured(v any) (bool, error) {
	if o.Format != "json" && o.Format != "yaml" {
		return false, nil
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return true, err
	}
	if o.Format == "yaml" {
		var n yaml.Node // JSON is YAML: read it as such, and the order of the fields stays
		if err := yaml.Unmarshal(text, &n); err != nil {
			return true, err
		}
		plainYAML(&n)
		if text, err = yaml.Marshal(&n); err != nil {
			return true, err
		}
	}
	_, err = fmt.Fprintln(o.Writer, strings.TrimRight(string(text), "\n"))
	return true, err
}

// Record writes one of many: an object on a line of JSON, a document of YAML, or text.
func (o Out) Record(v any, text string) error {
	switch o.Format {
	case "json":
		return json.NewEncoder(o.Writer).Encode(v)
	case "yaml":
		fmt.Fprintln(o.Writer, "---")
		_, err := o.Structured(v)
		return err
	}
	_, err := fmt.Fprintln(o.Writer, text)
	return err
}

func plainYAML(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		plainYAML(c)
	}
}

// Rows writes a table: aligned under a header, or tab-separated without one. v is the same for programs.
func (o Out) Rows(v any, header []string, rows [][]string) error {
	if done, err := o.Structured(v); done {
		return err
	}
	if o.Format == "simple" {
		for _, r := range rows {
			if _, err := fmt.Fprintln(o.Writer, strings.Join(r, "\t")); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := io.WriteString(o.Writer, Table(header, rows, o.Colour))
	return err
}

// Table aligns columns by the width that a terminal gives each character.
func Table(header []string, rows [][]string, colour bool) string {
	width := make([]int, len(header))
	for _, r := range append([][]string{header}, rows...) {
		for i, cell := range r {
			width[i] = max(width[i], runewidth.StringWidth(cell))
		}
	}
	var b strings.Builder
	for n, r := range append([][]string{header}, rows...) {
		var line strings.Builder
		for i, cell := range r {
			line.WriteString(cell)
			if i < len(r)-1 {
				line.WriteString(strings.Repeat(" ", width[i]-runewidth.StringWidth(cell)+2))
			}
		}
		text := strings.TrimRight(line.String(), " ")
		if n == 0 && colour {
			text = "\x1b[1m" + text + "\x1b[0m"
		}
		b.WriteString(text + "\n")
	}
	return b.String()
}

// Line writes one value: text for people, or v for programs. No text is no line.
func (o Out) Line(v any, text string) error {
	if done, err := o.Structured(v); done || text == "" {
		return err
	}
	_, err := fmt.Fprintln(o.Writer, text)
	return err
}

// Note prints a message on standard error: it is for people and no part of the data.
func Note(c *cli.Context, format string, args ...any) {
	fmt.Fprintf(c.App.ErrWriter, format+"\n", args...)
}

// Stat is a Stat with stable names.
type Stat struct {
	Czxid          string `json:"czxid"`
	Ctime          string `json:"ctime"`
	Mzxid          string `json:"mzxid"`
	Mtime          string `json:"mtime"`
	Pzxid          string `json:"pzxid"`
	Cversion       int32  `json:"cversion"`
	Version        int32  `json:"dataVersion"`
	Aversion       int32  `json:"aclVersion"`
	EphemeralOwner string `json:"ephemeralOwner"`
	DataLength     int32  `json:"dataLength"`
	NumChildren    int32  `json:"numChildren"`
}

func Hex(v int64) string { return fmt.Sprintf("0x%x", uint64(v)) }

func Time(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

func StatOf(s *zk.Stat) *Stat {
	return &Stat{Hex(s.Czxid), Time(s.Ctime), Hex(s.Mzxid), Time(s.Mtime), Hex(s.Pzxid), s.Cversion, s.Version, s.Aversion,
		Hex(s.EphemeralOwner), s.DataLength, s.NumChildren}
}

// Lines is zkCli's form of a Stat, which scripts parse.
func (s *Stat) Lines() string {
	return fmt.Sprintf("cZxid = %s\nctime = %s\nmZxid = %s\nmtime = %s\npZxid = %s\ncversion = %d\ndataVersion = %d\naclVersion = %d\nephemeralOwner = %s\ndataLength = %d\nnumChildren = %d",
		s.Czxid, s.Ctime, s.Mzxid, s.Mtime, s.Pzxid, s.Cversion, s.Version, s.Aversion, s.EphemeralOwner, s.DataLength, s.NumChildren)
}

// Data is node data in JSON: text as it is, anything else in base64.
type Data struct {
	Data     string `json:"data"`
	Encoding string `json:"encoding"` // utf8 or base64
}

func DataOf(b []byte) Data {
	if utf8.Valid(b) {
		return Data{string(b), "utf8"}
	}
	return Data{base64.StdEncoding.EncodeToString(b), "base64"}
}

// Bytes decodes the data.
func (d Data) Bytes() ([]byte, error) {
	switch d.Encoding {
	case "", "utf8":
		return []byte(d.Data), nil
	case "base64":
		return base64.StdEncoding.DecodeString(d.Data)
	}
	return nil, fmt.Errorf("encoding %q: utf8 or base64", d.Encoding)
}

// progress counts on standard error while a verb works, if somebody watches and it takes longer than a second.
type progress struct {
	w     io.Writer
	what  string
	start time.Time
	last  time.Time
	Count int
	shown bool
}

func Counting(c *cli.Context, what string) *progress {
	p := &progress{what: what, start: time.Now()}
	if f, ok := c.App.ErrWriter.(*os.File); ok && term.IsTerminal(int(f.Fd())) && !Bool(c, "no-progress") {
		p.w = f
	}
	return p
}

func (p *progress) Add(n int) {
	p.Count += n
	now := time.Now()
	if p.w == nil || now.Sub(p.start) < time.Second || now.Sub(p.last) < 100*time.Millisecond {
		return
	}
	p.last, p.shown = now, true
	fmt.Fprintf(p.w, "\r\x1b[K%s: %d (%.0f/s)", p.what, p.Count, float64(p.Count)/now.Sub(p.start).Seconds())
}

func (p *progress) End() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
