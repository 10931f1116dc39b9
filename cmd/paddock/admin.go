package main

import (
	"context"

	"github.com/paddock-zk/paddock/compat/server"
)

// adminServer is the HTTP side of the report.
type adminServer struct{}

func (n *node) startAdmin() {}

func (a *adminServer) stop(context.Context) {}

func (n *node) words() server.Words { return nil }
