package zktest

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/paddock-zk/paddock/cmd/paddock/adminapi"
)

// Operator is a client of a Paddock server's admin socket, where the owner of the data folder may do everything. The host of a URL means nothing to it.
func Operator(s Server) *http.Client {
	return &http.Client{Timeout: Patience, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			return adminapi.DialSocket(ctx, adminapi.SocketPath(s.Dir()))
		}}}
}
