package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/compat/admin"
)

// zkVersion is the version of ZooKeeper whose behaviour is copied; dashboards parse it.
const zkVersion = "3.9.5"

// build is what the build says of this program.
type build struct {
	Version  string    // 1.2.3 of a tagged source, 0.0.0-TIME-REVISION of another, "devel" where the build does not say
	Revision string    // of the source; "" unknown
	Time     time.Time // of that revision; zero unknown
	Modified bool      // the source had changes that are not in the revision
}

// thisBuild is the build of the program that runs.
func thisBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return buildOf(info)
}

// buildOf reads what the go command has put into the program.
func buildOf(info *debug.BuildInfo) build {
	var b build
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time, _ = time.Parse(time.RFC3339, s.Value) // zero is unknown
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	b.Version, _, _ = strings.Cut(strings.TrimPrefix(info.Main.Version, "v"), "+") // "+dirty" is Modified
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "devel"
		if b.Revision != "" {
			b.Version += "-" + b.Revision[:min(12, len(b.Revision))]
		}
	}
	if b.Modified {
		b.Version += "-modified"
	}
	return b
}

// report is the build as four-letter words and the admin port show it, behind the version of ZooKeeper.
func (b build) report() admin.Build {
	r := admin.Build{Version: zkVersion + "-paddock-" + b.Version}
	if !b.Time.IsZero() {
		r.BuiltOn = b.Time.UTC().Format("2006-01-02 15:04 UTC")
	}
	return r
}

// text is what `paddock version` prints.
func (b build) text() string {
	revision, at := "an unknown revision", "an unknown time"
	if b.Revision != "" {
		revision = "revision " + b.Revision
	}
	if !b.Time.IsZero() {
		at = b.Time.UTC().Format(time.RFC3339)
	}
	if b.Modified {
		at += ", with changes that are not in it"
	}
	return fmt.Sprintf("paddock %s\nbuilt from %s of %s, by %s\nbehaves as ZooKeeper %s", b.Version, revision, at, runtime.Version(), zkVersion)
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version of this program", Category: "Settings",
		Description: "   paddock version\n   paddock -o json version\n\nWhat servers run is in paddock status.\n\nExit codes: 0 printed, 2 wrong usage.",
		Flags:       tool.OfflineFlags(),
		Action: func(c *cli.Context) error {
			_, out, err := tool.Begin(c, 0, 0)
			if err != nil {
				return err
			}
			b := thisBuild()
			v := struct {
				Version   string     `json:"version"`
				Revision  string     `json:"revision,omitempty"`
				Time      *time.Time `json:"revisionTime,omitempty"`
				Modified  bool       `json:"modified"`
				ZooKeeper string     `json:"zookeeper"` // whose behaviour it has
				Go        string     `json:"go"`
			}{Version: b.Version, Revision: b.Revision, Modified: b.Modified, ZooKeeper: b.report().Version, Go: runtime.Version()}
			if !b.Time.IsZero() {
				v.Time = &b.Time
			}
			return out.Line(v, b.text())
		},
	}
}
