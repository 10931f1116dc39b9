package auth

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/paddock-zk/paddock/znode"
)

type hashFunc func([]byte) []byte

// algorithm finds a hash by the name Java gives it (MessageDigest.getInstance).
func algorithm(name string) (hashFunc, error) {
	switch strings.ToUpper(name) {
	case "", "SHA1", "SHA-1", "SHA":
		return func(b []byte) []byte { h := sha1.Sum(b); return h[:] }, nil
	case "MD5":
		return func(b []byte) []byte { h := md5.Sum(b); return h[:] }, nil
	case "SHA-224":
		return func(b []byte) []byte { h := sha256.Sum224(b); return h[:] }, nil
	case "SHA-256":
		return func(b []byte) []byte { h := sha256.Sum256(b); return h[:] }, nil
	case "SHA-384":
		return func(b []byte) []byte { h := sha512.Sum384(b); return h[:] }, nil
	case "SHA-512":
		return func(b []byte) []byte { h := sha512.Sum512(b); return h[:] }, nil
	case "SHA3-256":
		return func(b []byte) []byte { h := sha3.Sum256(b); return h[:] }, nil
	case "SHA3-512":
		return func(b []byte) []byte { h := sha3.Sum512(b); return h[:] }, nil
	}
	return nil, fmt.Errorf("auth: DigestAuthenticationProvider.digestAlg=%s is not known; use SHA1 (the default), SHA-256, SHA-384, SHA-512, SHA3-256, SHA3-512, SHA-224 or MD5", name)
}

// DigestID is the identity of a user:password pair: what stands before the first colon, ":" and the base64 of the hash of the whole
// pair. (DigestAuthenticationProvider.generateDigest)
func (s *Set) DigestID(pair []byte) string {
	user, _, _ := strings.Cut(string(pair), ":")
	return user + ":" + base64.StdEncoding.EncodeToString(s.hash(pair))
}

func (s *Set) digest(pair []byte) Verdict {
	if pair == nil {
		return Verdict{Outcome: Refuse, Why: errors.New("auth: digest needs user:password, got null")}
	}
	id := s.DigestID(pair)
	var ids []znode.Identity
	if s.cfg.Digest.Super != "" && subtle.ConstantTimeCompare([]byte(id), []byte(s.cfg.Digest.Super)) == 1 {
		ids = append(ids, znode.Identity{Scheme: SchemeSuper})
	}
	return Verdict{IDs: append(ids, znode.Identity{Scheme: SchemeDigest, ID: id})}
}
