package main

import (
	"errors"

	"github.com/paddock-zk/paddock/zab"
	"github.com/paddock-zk/paddock/zab/transport"
	"github.com/paddock-zk/paddock/zab/zxid"
)

// images ships and installs images of the state.
type images struct{ node *node }

var errNoImages = errors.New("images of the state are not shipped yet")

func (i *images) Send(s zab.SnapSend, meta func(zxid.ID) zab.SnapshotMeta, message func(zab.SnapshotMeta) zab.Message) (zxid.ID, error) {
	return 0, errNoImages
}

func (i *images) Install(s zab.Snapshot) error { return errNoImages }

func (n *node) receiveImage(from zab.PeerID, header []byte) (transport.ImageWriter, error) {
	return nil, errNoImages
}
