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
// zxid of the last live entry, or base when there is none.
type history struct {
	base  zxid.ID // entries begin after it
	last  zxid.ID
	state []byte // the encoded hard state, nil before the first
	image image  // what was installed last
	runs  []*run
}

// image is the pointer that an installed snapshot leaves.
type image struct {
	zxid zxid.ID
	data []byte
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

// anchor begins the history at the first segment that is there.
func (h *history) anchor(r *Record) {
	h.base, h.last = r.Zxid, r.Zxid
	h.image = image{zxid: r.Base, data: append([]byte(nil), r.Data...)}
}

// truncate voids all after z. A z before base happens when a segment that is kept holds the truncation of one that was dropped.
func (h *history) truncate(z zxid.ID) {
	n := len(h.runs)
	for n > 0 && h.runs[n-1].first > z {
		n--
	}
	clear(h.runs[n:])
	h.runs = h.runs[:n]
	if n > 0 {
		r := h.runs[n-1]
		r.last, r.closed = min(r.last, z), true
	}
	h.base, h.last = min(h.base, z), z
}

// install begins the history anew after an image.
func (h *history) install(z zxid.ID, data []byte) {
	h.runs, h.base, h.last = nil, z, z
	h.image = image{zxid: z, data: append([]byte(nil), data...)}
}

// add takes the next entry, which stands in frame f of seg.
func (h *history) add(seg *segment, f *frame, e *zab.Entry) {
	n := len(h.runs)
	if n == 0 || h.runs[n-1].closed || h.runs[n-1].seg != seg {
		h.runs = append(h.runs, &run{seg: seg, first: e.Zxid})
		n++
	}
	r := h.runs[n-1]
	if p := len(r.points); p == 0 || f.off-r.points[p-1].off >= pointEvery {
		r.points = append(r.points, point{zxid: e.Zxid, off: f.off})
	}
	r.last, r.end, h.last = e.Zxid, f.next(), e.Zxid
}

// take puts one record of frame f into the history.
func (h *history) take(seg *segment, f *frame, r *Record) {
	switch r.Kind {
	case RecordHardState:
		h.state = append([]byte(nil), r.Data...)
	case RecordTruncate:
		h.truncate(r.Zxid)
	case RecordBase:
		h.install(r.Zxid, r.Data)
	case RecordEntry:
		h.add(seg, f, &r.Entry)
	}
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
	for len(h.runs) > 0 && h.runs[0].seg == seg {
		h.base = h.runs[0].last
		h.runs = append([]*run(nil), h.runs[1:]...)
	}
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
