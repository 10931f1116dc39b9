package datadir

import (
	"errors"
	"fmt"
	"hash/adler32"
	"io"

	"github.com/paddock-zk/paddock/znode"
)

const (
	logMagic   = 0x5a4b4c47 // ZKLG
	endOfEntry = 0x42
)

// Transaction types of the log (ZooDefs.OpCode).
const (
	typeCreate          = 1
	typeDelete          = 2
	typeSetData         = 5
	typeSetACL          = 7
	typeCheck           = 13
	typeMulti           = 14
	typeCreate2         = 15
	typeReconfig        = 16
	typeCreateContainer = 19
	typeDeleteContainer = 20
	typeCreateTTL       = 21
	typeCreateSession   = -10
	typeCloseSession    = -11
	typeError           = -1
)

// logTxn is one logged transaction: what was decided, not what was asked.
type logTxn struct {
	session int64
	zxid    int64
	time    int64
	op      logOp
	ops     []logOp  // multi
	failed  bool     // a failed multi, or an error: takes its zxid, changes nothing
	paths   []string // closeSession since 3.6
	listed  bool     // paths was there
	timeout int32    // createSession
}

// logOp is one decided operation.
type logOp struct {
	kind           int32
	path           string
	data           []byte
	acl            []znode.ACL
	ephemeral      bool
	parentCversion int32 // raw, after the increment; -1: not in the record (before 3.4)
	ttl            int64
	version        int32
}

// logReader reads one log: entry by entry, and anywhere once an entry is broken.
type logReader struct {
	r      io.ReaderAt
	size   int64
	stream *stream
	start  int64 // where an entry begins; 0 = at the beginning, behind the header
}

// each calls f for every entry with its offset, until f returns an error. It returns nil at a clean end, *brokenEntry at an entry that is not whole.
func (l *logReader) each(f func(at int64, body []byte) error) error {
	if l.size == 0 {
		return nil // created and never written
	}
	s := l.stream
	if l.start > 0 {
		s.off = l.start
	} else if magic, v := s.int(), s.int(); magic != logMagic || v != formatV2 {
		return &brokenEntry{why: fmt.Sprintf("this is not a transaction log of format 2 (magic %08x, version %d)", uint32(magic), v), headless: true}
	} else {
		s.long() // dbid
	}
	for {
		at := s.off
		sum, body := s.long(), s.buffer()
		why := ""
		switch {
		case s.err == nil && len(body) == 0 && sum != 0:
			why = "it has a checksum and no length"
		case errors.Is(s.err, io.EOF) && s.off == at, s.err == nil && len(body) == 0: // the end of the file, or of what was preallocated
		case s.err == nil && !l.marked():
			why = "its end mark is missing"
		case s.err != nil:
			why = s.err.Error()
		default:
			if have := adler32.Checksum(body); int64(have) != sum {
				why = fmt.Sprintf("its checksum is %08x, its bytes say %08x", uint64(sum), have)
				break
			}
			if err := f(at, body); err != nil {
				return err
			}
			continue
		}
		return l.end(at, why)
	}
}

// marked reads the byte that ends an entry.
func (l *logReader) marked() bool {
	var mark [1]byte
	return l.stream.fill(mark[:]) && mark[0] == endOfEntry
}

// end judges what is behind the last entry that is whole: why is empty if nothing is there.
func (l *logReader) end(at int64, why string) error {
	behind, err := l.wholeEntries(at)
	switch {
	case err != nil:
		return err
	case why == "" && behind.count == 0:
		return nil
	case why == "":
		why = "zeros stand where it should be"
	}
	return &brokenEntry{at: at, why: why, behind: behind}
}

// decodeTxn reads a TxnHeader and its record; the digest that may follow is not looked at.
func decodeTxn(body []byte) (*logTxn, error) {
	s := bodyStream(body)
	t := &logTxn{session: s.long()}
	s.int() // cxid
	t.zxid, t.time = s.long(), s.long()
	kind := s.int()
	switch kind {
	case typeError:
		t.failed = true
		s.int()
	case typeCreateSession:
		t.timeout = s.int()
	case typeCloseSession:
		t.paths, t.listed = closePaths(s)
	case typeMulti:
		decodeMulti(s, t)
	default:
		t.op = decodeOp(s, kind)
	}
	t.op.kind = kind
	if err := whole(s); err != nil {
		return nil, err
	}
	return t, nil
}

// closePaths reads the list of ephemerals that 3.6 and later write; a record without it ends here.
func closePaths(s *stream) ([]string, bool) {
	n := int(s.int())
	if errors.Is(s.err, io.EOF) {
		s.err = nil
		return nil, false
	}
	var out []string
	for i := 0; i < n && s.err == nil; i++ {
		out = append(out, s.text())
	}
	return out, true
}

func decodeMulti(s *stream, t *logTxn) {
	n := int(s.int())
	for i := 0; i < n && s.err == nil; i++ {
		kind := s.int()
		sub := bodyStream(s.buffer())
		if kind == typeError {
			t.failed = true
			continue
		}
		op := decodeOp(sub, kind)
		op.kind = kind
		s.fail(whole(sub))
		t.ops = append(t.ops, op)
	}
}

// decodeOp reads the record of one operation.
func decodeOp(s *stream, kind int32) logOp {
	op := logOp{path: s.text()}
	switch kind {
	case typeCreate, typeCreate2, typeCreateContainer, typeCreateTTL:
		op.data, op.acl = s.buffer(), s.acls()
		if kind == typeCreate || kind == typeCreate2 {
			var b [1]byte
			s.fill(b[:])
			op.ephemeral = b[0] != 0
		}
		op.parentCversion = s.int()
		if errors.Is(s.err, io.EOF) { // before 3.4 (CreateTxnV0)
			s.err, op.parentCversion = nil, -1
		}
		if kind == typeCreateTTL {
			op.ttl = s.long()
		}
	case typeDelete, typeDeleteContainer:
	case typeSetData, typeReconfig:
		op.data, op.version = s.buffer(), s.int()
	case typeSetACL:
		op.acl, op.version = s.acls(), s.int()
	case typeCheck:
		op.version = s.int()
	default:
		s.fail(fmt.Errorf("%w: unknown transaction type %d", ErrDamaged, kind))
	}
	return op
}
