package s3fence

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/paddock-zk/paddock/fencing"
)

// ErrNoConditionalWrites refuses a store that does not keep If-None-Match or If-Match on PutObject.
var ErrNoConditionalWrites = errors.New("s3fence: the store does not keep conditional writes")

// ErrNotFound: the key has no current object.
var ErrNotFound = errors.New("s3fence: no such key")

// Bucket is the guarded objects under one prefix of one bucket. Safe from any goroutine and any number of processes.
type Bucket struct {
	client         *minio.Client
	bucket, prefix string
}

// maxManifest bounds what is read from the store.
const maxManifest = 16 << 20

// Open probes the store and gives the bucket. The prefix ends with a slash, or is empty for the whole bucket.
func Open(ctx context.Context, client *minio.Client, bucket, prefix string) (*Bucket, error) {
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		return nil, fmt.Errorf("s3fence: prefix %q does not end with a slash", prefix)
	}
	b := &Bucket{client: client, bucket: bucket, prefix: prefix}
	return b, b.probe(ctx)
}

// probe writes an object twice as new, and once over a version that is not there: the second and third must be refused.
func (b *Bucket) probe(ctx context.Context) error {
	name := b.prefix + "probe/" + nonce()
	etag, err := b.putIf(ctx, name, []byte("1"), "")
	if err != nil {
		return fmt.Errorf("s3fence: probe %s: %w", b.bucket, err)
	}
	defer func() {
		_ = b.client.RemoveObject(context.WithoutCancel(ctx), b.bucket, name, minio.RemoveObjectOptions{})
	}()
	if _, err := b.putIf(ctx, name, []byte("2"), ""); !overtaken(err) {
		return fmt.Errorf("%w: If-None-Match: * over an existing object gave %v", ErrNoConditionalWrites, err)
	}
	if _, err := b.putIf(ctx, name, []byte("3"), "0123456789abcdef0123456789abcdef"); !overtaken(err) {
		return fmt.Errorf("%w: If-Match with another ETag gave %v", ErrNoConditionalWrites, err)
	}
	if _, err := b.putIf(ctx, name, []byte("4"), etag); err != nil {
		return fmt.Errorf("%w: If-Match with the right ETag gave %v", ErrNoConditionalWrites, err)
	}
	return nil
}

// putIf writes an object if its ETag is etag, or if there is none for "".
func (b *Bucket) putIf(ctx context.Context, name string, data []byte, etag string) (string, error) {
	o := minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true}
	if etag == "" {
		o.SetMatchETagExcept("*")
	} else {
		o.SetMatchETag(etag)
	}
	info, err := b.client.PutObject(ctx, b.bucket, name, bytes.NewReader(data), int64(len(data)), o)
	return info.ETag, err
}

// overtaken: the condition did not hold (412), two writers met (409), or the object vanished under If-Match (404).
func overtaken(err error) bool {
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		return false
	}
	return answer.StatusCode == 412 || answer.StatusCode == 409 || answer.StatusCode == 404
}

// there: the object that was to be made exists.
func there(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.StatusCode == 412
}

// load reads the manifest with its ETag. Some servers keep the ETag beside the data and can answer with the one of the version before or after; a replace on the condition of such a
// pair would lose an update. So a pair is believed only when the ETag is the MD5 of the data, or when a second read on that condition gives the same.
func (b *Bucket) load(ctx context.Context) (m manifest, etag string, err error) {
	m = manifest{V: "1", Marks: map[string]string{}, Objects: map[string]string{}}
	var data []byte
	for range maxTries {
		if data, etag, err = b.read(ctx, ""); err != nil || etag == "" {
			return m, "", err
		}
		sum := md5.Sum(data)
		if etag == hex.EncodeToString(sum[:]) {
			break
		}
		again, same, err := b.read(ctx, etag)
		if err == nil && same == etag && bytes.Equal(again, data) {
			break
		}
		if err != nil && !overtaken(err) {
			return m, "", err
		}
		etag = ""
	}
	if etag == "" {
		return m, "", fmt.Errorf("s3fence: %d reads of the manifest did not give data and ETag of one version", maxTries)
	}
	if err := json.Unmarshal(data, &m); err != nil || m.V != "1" || m.Marks == nil || m.Objects == nil || len(data) > maxManifest {
		return m, "", fmt.Errorf("s3fence: %smanifest in %s is not one that was written here (%d bytes, %v): nothing is admitted until an operator has looked", b.prefix, b.bucket, len(data), err)
	}
	return m, etag, nil
}

// read gives the manifest's bytes and ETag, and "" if there is no manifest. ifMatch, if not "", is the only version wanted.
func (b *Bucket) read(ctx context.Context, ifMatch string) (data []byte, etag string, err error) {
	options := minio.GetObjectOptions{}
	if ifMatch != "" {
		if err := options.SetMatchETag(ifMatch); err != nil {
			return nil, "", fmt.Errorf("s3fence: %w", err)
		}
	}
	o, err := b.client.GetObject(ctx, b.bucket, b.prefix+"manifest", options)
	if err != nil {
		return nil, "", fmt.Errorf("s3fence: read the manifest: %w", err)
	}
	defer o.Close()
	data, err = io.ReadAll(io.LimitReader(o, maxManifest+1))
	if ifMatch == "" && minio.ToErrorResponse(err).StatusCode == 404 {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("s3fence: read the manifest: %w", err)
	}
	info, err := o.Stat()
	if err != nil {
		return nil, "", fmt.Errorf("s3fence: read the manifest: %w", err)
	}
	return data, info.ETag, nil
}

// Writing gives the watermarks for one guarded write; write may be nil to seal or enrol. The function may be called again when another writer was faster.
func (b *Bucket) Writing(write func(tx *Tx) error) fencing.Watermarks { return step{b, write} }

type step struct {
	bucket *Bucket
	write  func(tx *Tx) error
}

// maxTries bounds the redone steps; each means that another writer was faster.
const maxTries = 200

// Raise is the fencing.Watermarks contract. The write is run again only when what it has prepared can never take effect.
func (s step) Raise(ctx context.Context, c fencing.Claim) error {
	for range maxTries {
		done, err := s.try(ctx, c)
		if done || err != nil {
			return err
		}
	}
	return fmt.Errorf("s3fence: %d times another writer was faster", maxTries)
}

func (s step) try(ctx context.Context, c fencing.Claim) (done bool, err error) {
	m, etag, err := s.bucket.load(ctx)
	if err != nil {
		return false, err
	}
	scope := c.Scope().String()
	var seen fencing.Mark
	text, found := m.Marks[scope]
	if found {
		if seen, err = fencing.ParseMark(text); err != nil {
			return false, err
		}
	}
	next, store, err := c.Judge(seen, found)
	if err != nil {
		return false, err
	}
	if store {
		m.Marks[scope] = next.String()
	}
	tx := &Tx{ctx: ctx, bucket: s.bucket, grant: grantName(c.Token()), objects: m.Objects}
	if s.write != nil {
		if err := s.write(tx); err != nil {
			return false, err
		}
	}
	if !store && !tx.changed {
		return true, nil
	}
	return s.bucket.replace(ctx, m, etag)
}

// Tx is one guarded change of the bucket. Valid only inside the function that got it.
type Tx struct {
	ctx     context.Context
	bucket  *Bucket
	grant   string
	objects map[string]string
	changed bool
}

// grantName is the part of a data object's name that tells under which token it was written: its lock, incarnation and place in the order.
func grantName(t fencing.Token) string {
	return t.Scope.String() + "." + t.Incarnation.String() + "." + t.Order()
}

// Put uploads data as the next object of key. Readers see it when the guarded step has succeeded.
func (tx *Tx) Put(key string, data []byte) error {
	name := tx.bucket.prefix + "data/" + key + "/" + tx.grant + "-" + nonce()
	_, err := tx.bucket.putIf(tx.ctx, name, data, "")
	if err != nil && !there(err) { // nobody else makes this name: what is there is ours, and the reply of its upload was lost
		return fmt.Errorf("s3fence: put %s: %w", key, err)
	}
	tx.objects[key], tx.changed = name, true
	return nil
}

// Delete removes key for readers when the guarded step has succeeded. Watermarks stay.
func (tx *Tx) Delete(key string) {
	delete(tx.objects, key)
	tx.changed = true
}

// Get reads the current object of key. ErrNotFound if there is none.
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, error) {
	before := ""
	for {
		m, _, err := b.load(ctx)
		if err != nil {
			return nil, err
		}
		name, ok := m.Objects[key]
		if !ok {
			return nil, fmt.Errorf("%w: %s", ErrNotFound, key)
		}
		data, err := b.object(ctx, name)
		if minio.ToErrorResponse(err).StatusCode == 404 && name != before {
			before = name // replaced and swept since the manifest was read
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("s3fence: get %s: %w", key, err)
		}
		return data, nil
	}
}

func (b *Bucket) object(ctx context.Context, name string) ([]byte, error) {
	o, err := b.client.GetObject(ctx, b.bucket, name, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer o.Close()
	return io.ReadAll(o)
}

// Keys lists the keys that have a current object.
func (b *Bucket) Keys(ctx context.Context) ([]string, error) {
	m, _, err := b.load(ctx)
	if err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(m.Objects))
	for k := range maps.Keys(m.Objects) {
		keys = append(keys, k)
	}
	return keys, nil
}

// Sweep deletes data objects that are not current any more, and returns how many went. The holder calls it with its token, which must be sealed, between writes of
// its own: a write that is under way has objects that the manifest does not name yet. Objects of newer grants are not touched, so a holder that is stopped in
// the middle and goes on much later does no harm. Objects of other locks and of other incarnations stay.
func (b *Bucket) Sweep(ctx context.Context, t fencing.Token) (int, error) {
	m, _, err := b.load(ctx)
	if err != nil {
		return 0, err
	}
	if err := sealedBy(m, t); err != nil {
		return 0, err
	}
	current := map[string]bool{}
	for _, name := range m.Objects {
		current[name] = true
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing if an error ends this
	n := 0
	for o := range b.client.ListObjects(ctx, b.bucket, minio.ListObjectsOptions{Prefix: b.prefix + "data/", Recursive: true}) {
		if o.Err != nil {
			return n, fmt.Errorf("s3fence: list: %w", o.Err)
		}
		if current[o.Key] || !writtenUntil(o.Key, t) {
			continue
		}
		if err := b.client.RemoveObject(ctx, b.bucket, o.Key, minio.RemoveObjectOptions{}); err != nil {
			return n, fmt.Errorf("s3fence: remove %s: %w", o.Key, err)
		}
		n++
	}
	return n, nil
}

// writtenUntil says whether a data object is of t's lock and incarnation, and was written under t or an older grant.
func writtenUntil(name string, t fencing.Token) bool {
	by, _, _ := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], "-")
	order, same := strings.CutPrefix(by, strings.TrimSuffix(grantName(t), t.Order()))
	return same && len(order) == len(t.Order()) && order <= t.Order()
}

// sealedBy: every lower token's write is refused from now on, so what it has uploaded will never be current.
func sealedBy(m manifest, t fencing.Token) error {
	text, found := m.Marks[t.Scope.String()]
	if !found {
		return &fencing.NoWatermark{Scope: t.Scope}
	}
	seen, err := fencing.ParseMark(text)
	if err != nil {
		return err
	}
	switch {
	case seen.Cluster != t.Cluster || seen.Scope != t.Scope:
		return &fencing.WrongScope{Token: t, Cluster: seen.Cluster, Scope: seen.Scope}
	case seen.Incarnation != t.Incarnation:
		return &fencing.UnknownLineage{Token: t, Known: seen.Incarnation}
	case seen.Order() > t.Order():
		return &fencing.StaleToken{Token: t, Seen: seen}
	case seen.Order() < t.Order():
		return fmt.Errorf("s3fence: sweep: the token %s is not sealed here yet (the watermark is %s): seal first", t.Order(), seen.Order())
	}
	return nil
}
