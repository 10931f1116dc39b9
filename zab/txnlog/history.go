package txnlog

import (
	"sort"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// pointEvery is how many bytes of frames one entry of the index covers: 16 bytes of memory for 4 KiB of log.
const pointEvery = 4096

// history is what the frames say, put together: where the live entries are. Opening and appending build it with the same calls.
//
// Invariants: the runs hold the live entries in ascending order and do not overlap; the first entry's Prev is base; last is the
// zxid of the last live entry, or base when there is none; reconfigs are the live entries that make an ensemble.
type history struct {
	base      zab.SnapshotMeta // entries begin after it
	last      zxid.ID
	state     zab.HardState
	runs      []*run
	reconfigs []reconfig
}

// reconfig is a live entry that makes an ensemble, and that one.
type reconfig struct {
	entry    zab.Entry
	ensemble zab.Ensemble
}

// run is a stretch of frames in one segment whose entries up to last are live. Truncation ends a run; nothing is added to it after.
type run struct {
	seg    *segment
	points []point
	first  zxid.ID
	last   zxid.ID
	end    int64 // where its last frame ends
	closed bool
}

// point says that the entries from zxid on begin with the frame at off.
type point struct {
	zxid zxid.ID
	off  int64
}

// begin starts the history after base: at the first segment that is there, or after an image that was installed.
func (h *history) begin(base zab.SnapshotMeta) {
	h.runs, h.reconfigs, h.base, h.last = nil, nil, base, base.Zxid
}

// truncate voids all after z. A z before base happens while opening, when the segment that is kept holds the truncation of one
// that was dropped: the record brings the membership of that time along.
func (h *history) truncate(z zab.SnapshotMeta) {
	n := len(h.runs)
	for n > 0 && h.runs[n-1].first > z.Zxid {
		n--
	}
	clear(h.runs[n:])
	h.runs = h.runs[:n]
	if n > 0 {
		r := h.runs[n-1]
		r.last, r.closed = min(r.last, z.Zxid), true
	}
	for k := len(h.reconfigs); k > 0 && h.reconfigs[k-1].entry.Zxid > z.Zxid; k-- {
		h.reconfigs = h.reconfigs[: k-1 : k-1]
	}
	if z.Zxid < h.base.Zxid {
		h.base = z
	}
	h.last = z.Zxid
}

// ensemble is the membership as of z.
func (h *history) ensemble(z zxid.ID) zab.Ensemble {
	for i := len(h.reconfigs) - 1; i >= 0; i-- {
		if h.reconfigs[i].entry.Zxid <= z {
			return h.reconfigs[i].ensemble
		}
	}
	return h.base.Ensemble
}

// add takes the next entry, which stands in frame f of seg.
func (h *history) add(seg *segment, f *frame, e *zab.Entry) error {
	ens, ok, err := e.Ensemble()
	if err != nil {
		return err
	}
	if ok {
		kept := *e
		kept.Data = append([]byte(nil), e.Data...)
		h.reconfigs = append(h.reconfigs, reconfig{entry: kept, ensemble: ens})
	}
	n := len(h.runs)
	if n == 0 || h.runs[n-1].closed || h.runs[n-1].seg != seg {
		h.runs = append(h.runs, &run{seg: seg, first: e.Zxid})
		n++
	}
	r := h.runs[n-1]
	if p := len(r.points); p == 0 || f.off-r.points[p-1].off >= pointEvery {
		r.points = append(r.points, point{zxid: e.Zxid, off: f.off})
	}
	r.last, r.end, h.last = e.Zxid, min(f.next(), seg.size), e.Zxid
	return nil
}

// take puts one record of frame f into the history. Anchors are the opener's business.
func (h *history) take(seg *segment, f *frame, r *Record) error {
	switch r.Kind {
	case RecordHardState:
		h.state = r.State
	case RecordTruncate, RecordBase:
		meta, err := r.meta()
		if err != nil {
			return err
		}
		if r.Kind == RecordBase {
			h.begin(meta)
		} else {
			h.truncate(meta)
		}
	case RecordEntry:
		return h.add(seg, f, &r.Entry)
	}
	return nil
}

// find is the index of the run that holds the first entry after z; len(runs) if there is none.
func (h *history) find(z zxid.ID) int {
	return sort.Search(len(h.runs), func(i int) bool { return h.runs[i].last > z })
}

// seek is the offset of a frame at or before the first entry after z.
func (r *run) seek(z zxid.ID) int64 {
	i := sort.Search(len(r.points), func(i int) bool { return r.points[i].zxid > z })
	return r.points[max(i-1, 0)].off
}

// dropped forgets the runs of a segment that is removed from the front.
func (h *history) dropped(seg *segment) {
	n := 0
	for n < len(h.runs) && h.runs[n].seg == seg {
		n++
	}
	if n == 0 {
		return
	}
	z := h.runs[n-1].last
	h.base = zab.SnapshotMeta{Zxid: z, Ensemble: h.ensemble(z)}
	h.runs = append([]*run(nil), h.runs[n:]...)
	k := 0
	for k < len(h.reconfigs) && h.reconfigs[k].entry.Zxid <= z {
		k++
	}
	h.reconfigs = append([]reconfig(nil), h.reconfigs[k:]...)
}

// newest is the last live entry of seg, or 0.
func (h *history) newest(seg *segment) zxid.ID {
	var z zxid.ID
	for _, r := range h.runs {
		if r.seg == seg {
			z = r.last
		}
	}
	return z
}
