package offline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/paddock-zk/paddock/cmd/paddock/folder"
	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/znode"
	"github.com/paddock-zk/paddock/znode/store"
)

// madeReport is what import, restore and recover say of the folder that they made.
type madeReport struct {
	DataDir    string `json:"dataDir"`
	Server     int    `json:"server"`
	Znodes     int    `json:"znodes"`
	Sessions   int    `json:"sessions"`
	Zxid       string `json:"zxid"`
	Generation uint32 `json:"generation"`
}

func reportOf(dir string, id folder.Identity, st *znode.State) madeReport {
	return madeReport{dir, id.Server, st.NodeCount() - 1, st.SessionCount(), st.LastZxid().String(), id.Generation}
}

func (b madeReport) print(out tool.Out, text string) error {
	return out.Line(b, fmt.Sprintf("%s\ngeneration %d; its first leader draws the incarnation\nnext: paddock serve --data-dir %s", text, b.Generation, b.DataDir))
}

// madeNothing describes a failure of folder.Create.
func madeNothing(ctx context.Context, verb, dir string, err error) error {
	if ctx.Err() != nil {
		return &tool.Error{Tried: verb, Happened: "interrupted: nothing was kept", Code: tool.ExitInterrupt, Cause: err}
	}
	todo := "nothing was kept: try again when that is mended"
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, store.ErrNoSpace) {
		todo = "nothing was kept: make room there, or give --data-dir on another disk"
	}
	return &tool.Error{Tried: verb + ": make " + dir, Happened: strings.ReplaceAll(err.Error(), "\n", "; "), Todo: todo, Code: 1, Cause: err}
}
