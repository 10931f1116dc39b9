package cluster

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
)

// keySet is what the tool must know of the public keys.
type keySet struct {
	Serial string `json:"serial"`
	Keys   []struct {
		Status string `json:"status"`
	} `json:"keys"`
}

// keysRotate asks one server after the other until one has done it. The request names the serial of the key set that it is about, so a server that is
// asked after an answer was lost does not rotate a second time.
func keysRotate(cl *cluster, _ []string) error {
	q := url.Values{}
	if after := cl.c.Duration("after"); after < 0 || after > 0 && cl.c.Bool("revoke") {
		return tool.UsageOf(fmt.Errorf("keys rotate --after %v: a time ahead, and not together with --revoke (nothing could be signed until then)", after))
	} else if after > 0 {
		q.Set("after", after.String())
	}
	if cl.c.Bool("revoke") {
		if err := tool.Confirm(cl.c, "revoke the keys in use? Tokens that they signed are refused from then on"); err != nil {
			return err
		}
		q.Set("revoke", "true")
	}
	serial, err := cl.keySerial()
	if err != nil {
		return err
	}
	q.Set("serial", serial)
	return cl.rotate(q)
}

// keySerial is what --serial says, or the serial of the keys that are there.
func (cl *cluster) keySerial() (string, error) {
	if n := cl.c.Int("serial"); n > 0 {
		return strconv.Itoa(n), nil
	}
	var now keySet
	_, err := cl.firstKeys("read the signing keys", func(addr string) ([]byte, error) {
		_, body, err := askHTTP(cl.c.Context, cl.target.Timeout, addr, "/paddock/keys", &now)
		return body, err
	})
	return now.Serial, err
}

func (cl *cluster) rotate(q url.Values) error {
	lost, serial := false, q.Get("serial")
	body, err := cl.firstKeys("rotate the signing keys", func(addr string) ([]byte, error) {
		code, body, err := cl.order(addr, "/paddock/keys/rotate?"+q.Encode(), nil)
		switch {
		case code == http.StatusConflict && lost:
			return cl.rotated(addr, q.Has("revoke"))
		case code == http.StatusConflict:
			return nil, &tool.Error{Tried: "rotate the signing keys", Happened: err.Error(), Todo: "somebody has changed them meanwhile: look with keys list, and say it again if it is still wanted", Code: tool.ExitConflict, Cause: err}
		case err != nil && (code == 0 && !notSent(err) || code >= http.StatusInternalServerError):
			lost = true
		}
		return body, err
	})
	switch {
	case err == nil:
		return cl.printKeys(body)
	case lost && tool.ExitStatus(err) != tool.ExitConflict:
		return &tool.Error{Tried: "rotate the signing keys", Happened: "no answer came, so it may have been done: " + strings.ReplaceAll(err.Error(), "\n", "; "),
			Todo: "say it again with --serial " + serial + ", which does nothing if it has been done", Code: tool.ExitNoServer, Cause: err}
	}
	return err
}

// notSent says whether a request has not reached anybody.
func notSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// rotated reads the keys of a server that has refused to rotate them again, and sees that it was done as it was asked for.
func (cl *cluster) rotated(addr string, revoke bool) ([]byte, error) {
	var now keySet
	_, body, err := askHTTP(cl.c.Context, cl.target.Timeout, addr, "/paddock/keys", &now)
	if err != nil {
		return nil, err
	}
	for _, k := range now.Keys[:max(0, len(now.Keys)-1)] {
		if revoke && k.Status != "revoked" {
			return nil, &tool.Error{Tried: "rotate the signing keys", Happened: "somebody else has changed them meanwhile, and older ones are not revoked", Todo: "look with keys list, and say it again", Code: tool.ExitConflict}
		}
	}
	tool.Note(cl.c, "the answer of the server that has rotated the keys was lost")
	return body, nil
}
