package node

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/paddock-zk/paddock/compat/admin"
	"github.com/paddock-zk/paddock/zab/txnlog"
)

// slowDisk is a disk whose syncs take as long as the test says; time passes in them alone.
type slowDisk struct {
	txnlog.FS
	txnlog.File
	now  time.Time
	took time.Duration
}

func (d *slowDisk) OpenFile(string, bool) (txnlog.File, error) { return d, nil }
func (d *slowDisk) Sync() error                                { d.now = d.now.Add(d.took); return nil }

// TestSlowSyncs: a sync above fsync.warningthresholdms is counted, and warned of with the folder and the time; one that takes as long is not. Many in a
// second make one warning, and the next one tells how many had none.
func TestSlowSyncs(t *testing.T) {
	var out bytes.Buffer
	disk := &slowDisk{now: time.Unix(1, 0)}
	s := &syncs{took: admin.NewMetrics().Storage.Fsync, threshold: time.Second, logger: slog.New(slog.NewTextHandler(&out, nil)), now: func() time.Time { return disk.now }}
	f, err := timedDisk{disk, s}.OpenFile("/var/lib/paddock/log/log.1", true)
	if err != nil {
		t.Fatal(err)
	}
	sync := func(took time.Duration) (warning string) {
		out.Reset()
		disk.took = took
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if w := sync(time.Second); w != "" || s.exceeded() != 0 {
		t.Errorf("a sync that takes as long as the threshold: %d are counted, and the log says %q", s.exceeded(), w)
	}
	for _, want := range []string{"level=WARN", "folder=/var/lib/paddock/log ", "took=1.001s", "fsync.warningthresholdms=1000", "since_last_warning=0"} {
		if w := sync(1001 * time.Millisecond); !strings.Contains(w, want) {
			t.Errorf("the warning lacks %q: %q", want, w)
		}
	}
	s.threshold = 0
	counted := s.exceeded()
	for range 3 {
		if w := sync(10 * time.Millisecond); w != "" {
			t.Errorf("a second warning within a second: %q", w)
		}
	}
	if w := sync(time.Second); !strings.Contains(w, "since_last_warning=3") {
		t.Errorf("the next warning does not tell of the three that had none: %q", w)
	}
	if n := s.exceeded() - counted; n != 4 {
		t.Errorf("%d of 4 slow syncs are counted", n)
	}
}

// TestSlowSyncsAreReported: with a threshold below 0 every sync of a server is a slow one, and mntr says how many there were.
func TestSlowSyncsAreReported(t *testing.T) {
	cfg, err := ParseConfig("", "dataDir="+t.TempDir()+"\nclientPort=0\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\nfsync.warningthresholdms=-1\n", nil, -1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := start(t.Context(), cfg, Program{}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	var r admin.Report
	n.describe(&r, 0)
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	if r.Traffic.SlowSyncs < 1 {
		t.Errorf("fsync_threshold_exceed_count is %d after the log was founded", r.Traffic.SlowSyncs)
	}
}
