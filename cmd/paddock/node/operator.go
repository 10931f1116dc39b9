package node

import (
	"cmp"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/paddock-zk/paddock/compat/auth"
	"github.com/paddock-zk/paddock/znode"
)

// errWhoAsks tells an operator how to prove that he is one.
var errWhoAsks = errors.New("this changes the ensemble or shows private data, and where a request comes from proves nothing (a proxy, a tunnel or a browser on this machine is local too): " +
	"run it on the server's own machine as the user who owns its data folder, or give the super user's credentials (--auth digest:super:PASSWORD)")

// operatorOnly lets only the super user in, who proves himself as in ZooKeeper's own commands: "Authorization: digest super:password". A request that
// a web page sends has an Origin; none is let in, whatever it proves.
func operatorOnly(set *auth.Set) func(http.HandlerFunc) http.HandlerFunc {
	return func(h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Origin") != "" {
				failJSON(w, http.StatusForbidden, errors.New("this is not answered to web pages"))
				return
			}
			scheme, credentials, ok := strings.Cut(r.Header.Get("Authorization"), " ")
			addr, err := netip.ParseAddrPort(r.RemoteAddr)
			if !ok || err != nil {
				failJSON(w, http.StatusUnauthorized, errWhoAsks)
				return
			}
			v := set.Authenticate(auth.Peer{Addr: addr.Addr().Unmap()}, scheme, []byte(credentials))
			super := func(id znode.Identity) bool { return id.Scheme == auth.SchemeSuper }
			if v.Outcome != auth.Accept || !slices.ContainsFunc(v.IDs, super) {
				failJSON(w, http.StatusForbidden, errors.New("these are not the super user's credentials (DigestAuthenticationProvider.superDigest)"))
				return
			}
			h(w, r)
		}
	}
}

// asker says in logs who sent a request.
func asker(r *http.Request) string {
	if r.RemoteAddr == "" || strings.HasPrefix(r.RemoteAddr, "@") {
		return "the admin socket"
	}
	return r.RemoteAddr
}

// audited notes in the audit log what an operator did or was refused to do.
func (n *node) audited(operation string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer := &statusOf{ResponseWriter: w, code: http.StatusOK}
		h(answer, r)
		if n.audit == nil {
			return
		}
		who, ip := "", "" // by the socket: the owner of the data folder, who runs this server
		if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
			ip, who = addr.Addr().Unmap().String(), "super"
			if answer.code == http.StatusUnauthorized || answer.code == http.StatusForbidden {
				who = "unknown"
			}
		}
		q := r.URL.Query()
		n.audit.Operator(who, ip, operation, cmp.Or(q.Get("id"), q.Get("to")), answer.code < 400)
	}
}

// statusOf remembers the status of an answer.
type statusOf struct {
	http.ResponseWriter
	code int
}

func (s *statusOf) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}
