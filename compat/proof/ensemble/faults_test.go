package ensemble

import (
	"flag"
	"fmt"
	"testing"

	"github.com/paddock-zk/paddock/compat/proof/zktest"
)

var faultsFlag = flag.String("faults", "some", `"all" runs every row of the catalogue that real processes show, "some" a handful`)

// row is one line of the fault catalogue (docs/faults.md).
type row struct {
	number int
	name   string
	some   bool // in the handful
	play   func(t *testing.T)
}

// rows are grouped by files: crashes, links, pauses, disks, bytes, members, clients.
func rows() []row {
	var all []row
	for _, group := range [][]row{crashRows(), linkRows(), pauseRows(), diskRows(), byteRows(), memberRows(), clientRows(), divergeRows()} {
		all = append(all, group...)
	}
	return all
}

// TestEnsembleFaults plays the rows; each is a test of its own, named by its number in the catalogue.
func TestEnsembleFaults(t *testing.T) {
	for _, r := range rows() {
		t.Run(fmt.Sprintf("%02d_%s", r.number, r.name), func(t *testing.T) {
			if !r.some && *faultsFlag == "some" {
				zktest.LeftOut(t, "the longer faults of an ensemble", "go test ./compat/proof/ensemble -faults=all")
			}
			t.Parallel()
			r.play(t)
		})
	}
}
