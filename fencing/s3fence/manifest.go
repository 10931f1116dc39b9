package s3fence

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/minio/minio-go/v7"
)

// manifest is the one object that decides. Marks is by scope; Objects names the current data object of each key.
type manifest struct {
	V       string            `json:"v"`
	Nonce   string            `json:"nonce"`
	Recent  []string          `json:"recent,omitempty"` // the nonces of the newest changes, the oldest first; "" stands for no manifest
	Marks   map[string]string `json:"marks"`
	Objects map[string]string `json:"objects"`
}

// mostRecent is how many changes a manifest remembers. Whoever lost the reply to its own change must ask before that many others were made.
const mostRecent = 64

// succeed makes m the manifest after the one that was read.
func (m *manifest) succeed() {
	m.Recent = append(m.changes(), nonce())
	m.Recent = slices.Clone(m.Recent[max(0, len(m.Recent)-mostRecent):])
	m.Nonce = m.Recent[len(m.Recent)-1]
}

// changes are the newest changes up to this manifest; one that was written by an older version knows only itself.
func (m *manifest) changes() []string {
	if len(m.Recent) == 0 {
		return []string{m.Nonce}
	}
	return m.Recent
}

// fate is what became of one change.
type fate int

const (
	unknown fate = iota
	open         // the manifest before it is still the current one, so that it may take effect yet
	landed       // it took effect
	overrun      // another one came instead, so that it can never take effect
)

// fateOf says what became of the change that was to follow the manifest before, from the manifest as it is now.
func (m *manifest) fateOf(change, before string) fate {
	switch changes := m.changes(); {
	case slices.Contains(changes, change):
		return landed
	case m.Nonce == before:
		return open
	case slices.Contains(changes, before):
		return overrun
	}
	return unknown
}

// ErrUnknownOutcome: the change has taken effect, or will, or not.
var ErrUnknownOutcome = errors.New("s3fence: whether it took effect is unknown: look before you write again")

// replace puts a changed manifest in the place of the one that it was read as. done is false if another writer was faster.
//
// A reply may be lost, and the client library may send a request again and then get the refusal of its second copy. So an error says nothing by itself: the
// manifest that is there says it. As long as the one that was read is still current the same bytes are sent again, which take effect once at most: their
// condition holds for one copy only.
func (b *Bucket) replace(ctx context.Context, m manifest, etag string) (done bool, err error) {
	before := m.Nonce
	m.succeed()
	data, err := json.Marshal(m)
	if err != nil {
		return false, fmt.Errorf("s3fence: %w", err)
	}
	for range maxTries {
		if _, err = b.putIf(ctx, b.prefix+"manifest", data, etag); err == nil {
			return true, nil
		}
		now, _, lookErr := b.load(ctx)
		if lookErr != nil {
			err = errors.Join(err, lookErr)
			break
		}
		switch now.fateOf(m.Nonce, before) {
		case landed:
			return true, nil
		case overrun:
			return false, nil
		case unknown:
			return false, fmt.Errorf("s3fence: replace the manifest: %w: more than %d changes came since, or a program that does not write them down: %w", ErrUnknownOutcome, mostRecent, err)
		case open:
			if !worthAnother(err) {
				return false, fmt.Errorf("s3fence: replace the manifest: %w", err)
			}
		}
	}
	return false, fmt.Errorf("s3fence: replace the manifest: %w: %w", ErrUnknownOutcome, err)
}

// worthAnother: the same bytes may have more luck when they are sent again. A store that says no to the sender will go on saying it.
func worthAnother(err error) bool {
	var answer minio.ErrorResponse
	return !errors.As(err, &answer) || answer.StatusCode >= 500 || overtaken(err)
}

func nonce() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand ends the process instead)
	return hex.EncodeToString(b[:])
}
