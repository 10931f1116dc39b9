package znode

import (
	"math"
	"strings"
	"unicode/utf8"
)

// Paths that always exist and that nobody may delete (DataTree.isSpecialPath).
const (
	pathRoot      = "/"
	pathZookeeper = "/zookeeper"
	pathQuota     = "/zookeeper/quota"
	// ConfigPath is the node that shows the ensemble.
	ConfigPath = "/zookeeper/config"
)

func reservedPath(path string) bool {
	return path == pathRoot || path == pathZookeeper || path == pathQuota || path == ConfigPath
}

// ValidPath says whether path is a legal path of a node (PathUtils.validatePath): begins with "/", has no empty, "." or ".." part,
// does not end in "/", holds no code point that ZooKeeper forbids; nothing outside the basic plane.
func ValidPath(path string) bool {
	if path == pathRoot {
		return true
	}
	if path == "" || path[0] != '/' {
		return false
	}
	for rest := path[1:]; ; {
		name, tail, more := strings.Cut(rest, "/")
		if !validName(name) {
			return false
		}
		if !more {
			return true
		}
		rest = tail
	}
}

func validName(name string) bool {
	if name == "" || name == "." || name == ".." {
		return false
	}
	for i := 0; i < len(name); {
		if c := name[i]; c < utf8.RuneSelf {
			if c < 0x20 || c == 0x7f {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(name[i:]) // a bad byte reads as U+FFFD, which is forbidden
		if r <= 0x9f || r >= 0xd800 && r <= 0xf8ff || r >= 0xfff0 {
			return false
		}
		i += size
	}
	return true
}

// parentPath cuts the last part off, without looking further. ok is false for a path without "/" or with a NUL
// (PrepRequestProcessor.validatePathForCreate).
func parentPath(path string) (parent, name string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 || strings.IndexByte(path, 0) >= 0 {
		return "", "", false
	}
	return path[:i], path[i+1:], true
}

// eventPath is the path that events and replies name: the root is never "".
func eventPath(path string) string {
	if path == "" {
		return pathRoot
	}
	return path
}

// appendSequence appends the suffix of a sequential node: the counter in decimal, padded with zeros to 10 places including the sign
// (Java's %010d); the smallest int32 needs 11.
func appendSequence(dst []byte, counter int32) []byte {
	v := int64(counter)
	width := 10
	if v < 0 {
		dst = append(dst, '-')
		v, width = -v, 9
	}
	if v > math.MaxInt32 {
		width = 10
	}
	var digits [10]byte
	i := len(digits)
	for ; v > 0; v /= 10 {
		i--
		digits[i] = byte('0' + v%10)
	}
	for ; len(digits)-i < width; i-- {
		digits[i-1] = '0'
	}
	return append(dst, digits[i:]...)
}
