package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/paddock-zk/paddock/cmd/paddock/adminapi"
)

// Admin is one admin address, and how to prove there that an operator asks.
type Admin struct {
	Addr    string        // host:port, an http:// URL, or unix:/path/of/the/admin/socket
	Auths   []string      // --auth
	Timeout time.Duration // to connect, and to find the socket
}

// Get asks for a report, which needs no proof.
func (a Admin) Get(ctx context.Context, path string) (*http.Response, error) {
	if socket, ok := strings.CutPrefix(a.Addr, "unix:"); ok {
		return a.overSocket(ctx, socket, http.MethodGet, path)
	}
	return a.overTCP(ctx, http.MethodGet, path)
}

// Order sends what changes a server or shows private data. On the server's own machine it goes through the admin socket in its data folder,
// which is open to the folder's owner alone; elsewhere the super user's credentials go along. The caller closes the body, and bounds ctx.
func (a Admin) Order(ctx context.Context, method, path string) (*http.Response, error) {
	if socket, ok := strings.CutPrefix(a.Addr, "unix:"); ok {
		r, err := a.overSocket(ctx, socket, method, path)
		if errors.Is(err, fs.ErrPermission) {
			return nil, a.ofAnotherUser(err)
		}
		return r, err
	}
	there, err := a.instance(ctx, a.overTCP)
	if err != nil {
		return nil, err
	}
	if there.AdminSocket != "" {
		here, err := a.instance(ctx, func(ctx context.Context, method, path string) (*http.Response, error) {
			return a.overSocket(ctx, there.AdminSocket, method, path)
		})
		switch { // a server on another machine may have its socket under the same name as one that is here
		case err == nil && here.Instance != "" && here.Instance == there.Instance:
			return a.overSocket(ctx, there.AdminSocket, method, path)
		case errors.Is(err, fs.ErrPermission) && a.authorization() == "":
			return nil, a.ofAnotherUser(err)
		}
	}
	return a.overTCP(ctx, method, path)
}

func (a Admin) ofAnotherUser(err error) error {
	return &Error{Tried: "ask " + a.Addr, Happened: "its data folder belongs to another user",
		Todo: "run it as the user who owns the data folder, or give the super user's credentials: --admin HOST:PORT --auth digest:super:PASSWORD", Code: ExitDenied, Cause: err}
}

// instance asks who is there.
func (a Admin) instance(ctx context.Context, by func(ctx context.Context, method, path string) (*http.Response, error)) (st adminapi.NodeStatus, err error) {
	if a.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.Timeout)
		defer cancel()
	}
	r, err := by(ctx, http.MethodGet, "/paddock/status")
	if err != nil {
		return st, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK { // not Paddock: the order itself will be told so
		return st, nil
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&st); err != nil {
		return st, fmt.Errorf("%s/paddock/status: %w", a.Addr, err)
	}
	return st, nil
}

func (a Admin) overTCP(ctx context.Context, method, path string) (*http.Response, error) {
	url := a.Addr
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	q, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(url, "/")+path, nil)
	if err != nil {
		return nil, Usage("--admin %q: %w", a.Addr, err)
	}
	if path != "/paddock/status" { // who asks for a report need not show a password
		if proof := a.authorization(); proof != "" {
			q.Header.Set("Authorization", proof)
		}
	}
	return a.client((&net.Dialer{Timeout: a.Timeout}).DialContext).Do(q)
}

func (a Admin) overSocket(ctx context.Context, socket, method, path string) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, method, "http://admin"+path, nil)
	if err != nil {
		return nil, err
	}
	return a.client(func(ctx context.Context, _, _ string) (net.Conn, error) { return adminapi.DialSocket(ctx, socket) }).Do(q)
}

func (a Admin) client(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
}

// authorization is the header of ZooKeeper's AdminServer commands, "digest user:password", of the first identity that --auth gives.
func (a Admin) authorization() string {
	for _, auth := range a.Auths {
		if scheme, credentials, ok := strings.Cut(auth, ":"); ok {
			return scheme + " " + credentials
		}
	}
	return ""
}
