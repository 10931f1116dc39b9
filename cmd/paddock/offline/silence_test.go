package offline

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// A server that never comes to an end with its image, as one with a full disk, is given up after --timeout: before its answer, and in the middle of it.
func TestSnapshotSaveGivesUpASilentServer(t *testing.T) {
	for what, answers := range map[string]bool{"before the answer": false, "in the middle of the image": true} {
		t.Run(what, func(t *testing.T) {
			over := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/paddock/snapshot" {
					http.NotFound(w, r)
					return
				}
				if answers {
					w.Header().Set("X-Paddock-Zxid", "0x1")
					_, _ = w.Write([]byte("PADDKIMG"))
					w.(http.Flusher).Flush()
				}
				select {
				case <-r.Context().Done():
				case <-over:
				}
			}))
			defer server.Close()
			defer close(over)
			file := filepath.Join(t.TempDir(), "a.img")
			app := &cli.App{Name: "paddock", Flags: tool.Flags(cli.HelpFlag), Commands: []*cli.Command{SnapshotCommand()}, ExitErrHandler: func(*cli.Context, error) {}}
			err := app.RunContext(t.Context(), []string{"paddock", "snapshot", "save", "--timeout", "50ms", "--admin", server.URL, file})
			if err == nil || !strings.Contains(err.Error(), "has said nothing for 50ms") {
				t.Errorf("%v", err)
			}
			if left, _ := filepath.Glob(file + "*"); len(left) > 0 {
				t.Errorf("it leaves %v", left)
			}
		})
	}
}
