package tokens

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/paseto"
	"github.com/paddock-zk/paddock/session"
	"github.com/paddock-zk/paddock/znode"
)

// Paths of the virtual nodes.
const (
	LineagePath = "/zookeeper/lineage"
	KeysPath    = "/zookeeper/keys"
	TokenPrefix = "/zookeeper/token" // followed by the path of a lock node
)

// Keeper makes the virtual nodes. It implements server.Virtual.
type Keeper struct {
	lineage func() fencing.Lineage
	now     func() time.Time
	log     *slog.Logger
	made    atomic.Pointer[madeSigner] // of the last token
	fronts  fronts
}

// NewKeeper makes a keeper for an ensemble. l is its lineage, which is known before the first client is served. now stamps tokens for people to read; it decides nothing.
func NewKeeper(l func() fencing.Lineage, now func() time.Time, log *slog.Logger) *Keeper {
	return &Keeper{lineage: l, now: now, log: log}
}

// Has implements server.Virtual. Tokens are read at a point that a quorum has confirmed.
func (k *Keeper) Has(path string) (virtual, confirm bool) {
	if path == LineagePath || path == KeysPath {
		return true, false
	}
	token := strings.HasPrefix(path, TokenPrefix+"/")
	return token, token
}

// Reserved implements server.Virtual: the virtual nodes, what tokens are below, and all that is below of any of them. Whoever could make one of these nodes could
// answer in the name of the ensemble wherever a read is not taken for a virtual one.
func (k *Keeper) Reserved(path string) bool {
	for _, root := range [...]string{TokenPrefix, LineagePath, KeysPath} {
		if rest, ok := strings.CutPrefix(path, root); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// Read implements server.Virtual.
func (k *Keeper) Read(st *znode.State, who session.ID, _ []znode.Identity, path string) ([]byte, znode.Stat, znode.Code) {
	switch path {
	case LineagePath:
		b, err := json.Marshal(k.lineage())
		return k.answer(b, znode.Stat{}, err)
	case KeysPath:
		set, err := k.KeySet(st)
		if err != nil {
			return k.answer(nil, znode.Stat{}, err)
		}
		b, err := set.Document("")
		return k.answer(b, znode.Stat{Version: int32(set.Serial)}, err)
	}
	text, stat, err := k.token(st, who, strings.TrimPrefix(path, TokenPrefix))
	return k.answer([]byte(text), stat, err)
}

func (k *Keeper) answer(b []byte, stat znode.Stat, err error) ([]byte, znode.Stat, znode.Code) {
	switch {
	case err == nil:
		stat.DataLength, stat.NumChildren = int32(len(b)), 0
		return b, stat, znode.OK
	case errors.Is(err, fencing.ErrNotOwner), errors.Is(err, fencing.ErrNotHolder), errors.Is(err, fencing.ErrAmbiguousGrant):
		return nil, znode.Stat{}, znode.ErrNoAuth
	case errors.Is(err, errNoNode), errors.Is(err, fencing.ErrNotALock), errors.Is(err, fencing.ErrMalformed):
		return nil, znode.Stat{}, znode.ErrNoNode
	}
	k.log.Error("a virtual node could not be made", "err", err)
	return nil, znode.Stat{}, znode.ErrSystem
}

var errNoNode = errors.New("no such lock node")

// token signs the grant of the session that owns the node.
func (k *Keeper) token(st *znode.State, who session.ID, node string) (string, znode.Stat, error) {
	t, stat, err := k.grant(st, who, node)
	if err != nil {
		return "", stat, err
	}
	by, err := k.signer(st, k.now())
	if err != nil {
		return "", stat, err
	}
	text, err := by.Sign(t, paseto.Issue{At: k.now()})
	return text, stat, err
}

// grant is the token of the session that owns the node, if the node holds its lock.
func (k *Keeper) grant(st *znode.State, who session.ID, node string) (fencing.Token, znode.Stat, error) {
	stat, _, ok := st.Node(node)
	cut := strings.LastIndexByte(node, '/')
	if !ok || cut < 0 || node == "/" {
		return fencing.Token{}, stat, errNoNode
	}
	name, lock := node[cut+1:], node[:max(cut, 1)]
	facts := fencing.Facts{NodePath: node, Caller: int64(who), Node: fencing.LockNode{Name: name, Czxid: stat.Czxid, Owner: stat.EphemeralOwner}}
	settled := true
	if stat.EphemeralOwner == int64(who) { // nobody else is worth the look at the siblings
		if _, fence, slot := fencing.SlotPaths(node); slot {
			if fs, _, ok := st.Node(fence); ok {
				facts.FenceMzxid = fs.Mzxid
			}
		} else if fencing.ParseNodeName(name).Role != fencing.RoleNone {
			facts.Siblings, settled = k.fronts.before(st, lock, facts.Node)
		}
	}
	t, err := fencing.Issuer{Lineage: k.lineage()}.Issue(facts)
	if !settled && (err == nil || errors.Is(err, fencing.ErrNotHolder)) {
		k.fronts.note(lock, facts.Node, facts.Siblings, err == nil)
	}
	return t, stat, err
}
