package paseto_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/paseto"
)

// The ensemble signs; the storage pins the root key, and verifies before any watermark is looked at.
func ExampleVerifier() {
	root, key := ed25519.NewKeyFromSeed(make([]byte, 32)), ed25519.NewKeyFromSeed(append(make([]byte, 31), 1))
	l := fencing.Lineage{Cluster: fencing.ID{1}, Incarnation: fencing.ID{2}}

	signer, _ := paseto.NewSigner(key)
	keys := paseto.KeySet{Cluster: l.Cluster, Serial: 1, Keys: []paseto.Key{signer.Key(time.Time{})}}
	byRoot, _ := paseto.SignKeySet(root, keys)
	document, _ := keys.Document(byRoot) // served at /zookeeper/keys

	verifier, err := paseto.NewVerifier(paseto.Config{Cluster: l.Cluster, Root: root.Public().(ed25519.PublicKey)})
	fmt.Println(err, verifier.Update(document))

	token, _ := fencing.FromCzxid(l, "/locks/job", fencing.Exclusive, 0x100000005)
	signed, _ := signer.Sign(token, paseto.Issue{})
	got, err := verifier.Verify(signed)
	fmt.Println(got.Fence, err)
	_, err = verifier.Verify(signed[:len(signed)-1] + "A")
	fmt.Println(errors.Is(err, fencing.ErrUnverified))
	// Output:
	// <nil> <nil>
	// 4294967301 <nil>
	// true
}
