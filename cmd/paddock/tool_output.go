package main

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

// toolOut is where a verb's data goes, and in which form. Messages go to standard error instead.
type toolOut struct {
	w      io.Writer
	format string // table, json, yaml or simple
	colour bool
}

// toolOutput reads -o. Without it people get tables and programs get tab-separated lines.
func toolOutput(c *cli.Context) (toolOut, error) {
	out := toolOut{w: c.App.Writer, format: toolString(c, "output")}
	tty := false
	if f, ok := c.App.Writer.(*os.File); ok {
		tty = term.IsTerminal(int(f.Fd()))
	}
	out.colour = tty && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	switch out.format {
	case "table", "json", "yaml", "simple":
	case "":
		out.format = "simple"
		if tty {
			out.format = "table"
		}
	default:
		return out, toolUsage("--output %q: table, json, yaml or simple", out.format)
	}
	return out, nil
}

// toolBegin reads what every verb has: its words (see toolArgs), and where its data goes.
func toolBegin(c *cli.Context, least, most int) (words []string, out toolOut, err error) {
	if words, err = toolArgs(c, least, most); err != nil {
		return nil, out, err
	}
	out, err = toolOutput(c)
	return words, out, err
}

// structured writes v if the form is one for programs, and says whether it was. Field names are those of v's JSON and stay.
func (o toolOut) structured(v any) (bool, error) {
	if o.format != "json" && o.format != "yaml" {
		return false, nil
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return true, err
	}
	if o.format == "yaml" {
		var n yaml.Node // JSON is YAML: read it as such, and the order of the fields stays
		if err := yaml.Unmarshal(text, &n); err != nil {
			return true, err
		}
		toolPlainYAML(&n)
		if text, err = yaml.Marshal(&n); err != nil {
			return true, err
		}
	}
	_, err = fmt.Fprintln(o.w, strings.TrimRight(string(text), "\n"))
	return true, err
}

// record writes one of many: an object on a line of JSON, a document of YAML, or text.
func (o toolOut) record(v any, text string) error {
	switch o.format {
	case "json":
		return json.NewEncoder(o.w).Encode(v)
	case "yaml":
		fmt.Fprintln(o.w, "---")
		_, err := o.structured(v)
		return err
	}
	_, err := fmt.Fprintln(o.w, text)
	return err
}

func toolPlainYAML(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		toolPlainYAML(c)
	}
}

// rows writes a table: aligned under a header, or tab-separated without one. v is the same for programs.
func (o toolOut) rows(v any, header []string, rows [][]string) error {
	if done, err := o.structured(v); done {
		return err
	}
	if o.format == "simple" {
		for _, r := range rows {
			if _, err := fmt.Fprintln(o.w, strings.Join(r, "\t")); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := io.WriteString(o.w, toolTable(header, rows, o.colour))
	return err
}

// toolTable aligns columns by the width that a terminal gives each character.
func toolTable(header []string, rows [][]string, colour bool) string {
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

// line writes one value: as it is for people, or v for programs.
func (o toolOut) line(v any, text string) error {
	if done, err := o.structured(v); done {
		return err
	}
	_, err := fmt.Fprintln(o.w, text)
	return err
}

// toolNote is a message for whoever watches: not data.
func toolNote(c *cli.Context, format string, args ...any) {
	fmt.Fprintf(c.App.ErrWriter, format+"\n", args...)
}

// toolStat is a Stat with stable names.
type toolStat struct {
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

func toolHex(v int64) string { return fmt.Sprintf("0x%x", uint64(v)) }

func toolTime(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

func toolStatOf(s *zk.Stat) *toolStat {
	return &toolStat{toolHex(s.Czxid), toolTime(s.Ctime), toolHex(s.Mzxid), toolTime(s.Mtime), toolHex(s.Pzxid), s.Cversion, s.Version, s.Aversion,
		toolHex(s.EphemeralOwner), s.DataLength, s.NumChildren}
}

// lines is zkCli's form of a Stat, which scripts parse.
func (s *toolStat) lines() string {
	return fmt.Sprintf("cZxid = %s\nctime = %s\nmZxid = %s\nmtime = %s\npZxid = %s\ncversion = %d\ndataVersion = %d\naclVersion = %d\nephemeralOwner = %s\ndataLength = %d\nnumChildren = %d",
		s.Czxid, s.Ctime, s.Mzxid, s.Mtime, s.Pzxid, s.Cversion, s.Version, s.Aversion, s.EphemeralOwner, s.DataLength, s.NumChildren)
}

// toolData is node data in JSON: text as it is, anything else in base64.
type toolData struct {
	Data     string `json:"data"`
	Encoding string `json:"encoding"` // utf8 or base64
}

func toolDataOf(b []byte) toolData {
	if utf8.Valid(b) {
		return toolData{string(b), "utf8"}
	}
	return toolData{base64.StdEncoding.EncodeToString(b), "base64"}
}

// bytes is the way back.
func (d toolData) bytes() ([]byte, error) {
	switch d.Encoding {
	case "", "utf8":
		return []byte(d.Data), nil
	case "base64":
		return base64.StdEncoding.DecodeString(d.Data)
	}
	return nil, fmt.Errorf("encoding %q: utf8 or base64", d.Encoding)
}

// toolProgress counts on standard error while a verb works, if somebody watches and it takes longer than a second.
type toolProgress struct {
	w     io.Writer
	what  string
	start time.Time
	last  time.Time
	n     int
	shown bool
}

func toolCounting(c *cli.Context, what string) *toolProgress {
	p := &toolProgress{what: what, start: time.Now()}
	if f, ok := c.App.ErrWriter.(*os.File); ok && term.IsTerminal(int(f.Fd())) && !toolBool(c, "no-progress") {
		p.w = f
	}
	return p
}

func (p *toolProgress) add(n int) {
	p.n += n
	now := time.Now()
	if p.w == nil || now.Sub(p.start) < time.Second || now.Sub(p.last) < 100*time.Millisecond {
		return
	}
	p.last, p.shown = now, true
	fmt.Fprintf(p.w, "\r\x1b[K%s: %d (%.0f/s)", p.what, p.n, float64(p.n)/now.Sub(p.start).Seconds())
}

func (p *toolProgress) end() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
