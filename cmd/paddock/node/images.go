package node

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/transport"
	"github.com/paddock-zk/paddock/zab/zxid"
	"github.com/paddock-zk/paddock/znode/store"
)

// images ships exact images of the state to servers that are too far behind for the log, and installs those that come. An image
// is a checkpoint file on both sides: the sender takes one (or has one), the receiver stages it among its own.
type images struct{ node *node }

// imageRate leaves room for heartbeats and proposals on a gigabit link.
const imageRate = 64 << 20

// imageNote describes an image; it is sent before the bytes.
type imageNote struct {
	Header store.ImageHeader
	Size   int64
	Ready  []byte // the message that the receiver's core gets once the image is staged
}

// Send implements peer.Images.
func (i *images) Send(s zab.SnapSend, meta func(zxid.ID) zab.SnapshotMeta, message func(zab.SnapshotMeta) zab.Message) (zxid.ID, error) {
	ctx := i.node.disk.follower.Life() // a server that stops ships nothing to its end
	c, err := i.node.disk.follower.ImageAt(ctx, s.Min)
	if err != nil {
		return 0, err
	}
	sender, err := store.Send(c)
	if err != nil {
		return 0, err
	}
	defer sender.Close()
	m := message(meta(c.Zxid))
	note, err := json.Marshal(imageNote{Header: sender.Header(), Size: sender.Size(), Ready: zab.AppendMessage(nil, &m)})
	if err != nil {
		return 0, err
	}
	i.node.meter.Consensus.Snaps.Inc()
	i.node.logger.Info("shipping an image of the state", "to", s.To, "zxid", c.Zxid, "bytes", sender.Size())
	open := func(offset int64) (io.ReadCloser, error) {
		return io.NopCloser(&chunks{from: sender, at: offset}), nil
	}
	return c.Zxid, i.node.links.transport.SendImage(ctx, s.To, note, open, imageRate)
}

// chunks is a reader of an image that begins at an offset.
type chunks struct {
	from *store.Sender
	at   int64
}

func (c *chunks) Read(p []byte) (int, error) {
	n, err := c.from.Chunk(p, c.at)
	c.at += int64(n)
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// receiveImage stages an image that a leader ships.
func (n *node) receiveImage(from zab.PeerID, header []byte) (transport.ImageWriter, error) {
	var note imageNote
	if err := json.Unmarshal(header, &note); err != nil {
		return nil, fmt.Errorf("image from server %d: %w", from, err)
	}
	var ready zab.Message
	if err := zab.DecodeMessage(note.Ready, &ready); err != nil || ready.Type != zab.MsgSnap || ready.Zxid != note.Header.Zxid || ready.From != from || ready.To != n.self {
		return nil, fmt.Errorf("image from server %d: its message does not fit (%v)", from, err)
	}
	r, err := n.disk.db.Receive(note.Header, note.Size)
	if err != nil {
		return nil, err
	}
	n.logger.Info("receiving an image of the state", "from", from, "zxid", note.Header.Zxid, "bytes", note.Size, "have", r.Offset())
	return &staging{node: n, to: r, ready: ready}, nil
}

// staging is an image that is being received.
type staging struct {
	node  *node
	to    *store.Receiver
	ready zab.Message
}

func (s *staging) Offset() int64 { return s.to.Offset() }

func (s *staging) Write(p []byte) (int, error) {
	if err := s.to.Chunk(p, s.to.Offset()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Commit verifies the image, makes it durable, and tells the core.
func (s *staging) Commit() error {
	if _, err := s.to.Finish(); err != nil {
		return err
	}
	s.node.peer.Deliver(s.ready)
	return nil
}

func (s *staging) Abort() { s.to.Close() }

// Install implements peer.Images: the log says already that the history begins at the image; a crash from here on finds the image by that.
func (i *images) Install(s zab.Snapshot) error {
	err := i.node.disk.follower.Install(s.Zxid)
	if err == nil {
		i.node.learn()
	}
	return err
}
