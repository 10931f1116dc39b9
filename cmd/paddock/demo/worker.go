package demo

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/lock"
)

func workerFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "server"}, &cli.StringFlag{Name: "db"}, &cli.StringFlag{Name: "postgres"}, &cli.StringFlag{Name: "schema"}, &cli.IntFlag{Name: "add"}, &cli.BoolFlag{Name: "guard"},
	}
}

// client is one client of the account: an ordinary program, with or without the two lines that guard its writes.
type client struct {
	out     io.Writer
	in      *bufio.Reader
	session *lock.Session
	account *account
	guard   *fencing.Guard // nil in the first act
	add     int
}

// worker prints "<word> <sentence>" lines; after "checked" it waits for a line before it writes.
func worker(c *cli.Context) error {
	ctx, cancel := context.WithTimeout(c.Context, patience)
	defer cancel()
	w := &client{out: c.App.Writer, in: bufio.NewReader(c.App.Reader), add: c.Int("add")}
	var err error
	// The lineage is for a stock ZooKeeper; Paddock tells its own.
	cfg := lock.Config{Servers: []string{c.String("server")}, Timeout: 4 * time.Second}
	if w.session, err = lock.Connect(ctx, cfg); errors.Is(err, fencing.ErrMalformed) {
		cfg.Lineage = fencing.Lineage{Cluster: fencing.ID{15: 1}, Incarnation: fencing.ID{15: 1}}
		w.session, err = lock.Connect(ctx, cfg)
	}
	if err != nil {
		return err
	}
	defer w.session.Close()
	if w.account, err = (accountStore{c.String("db"), c.String("postgres"), c.String("schema")}).open(); err != nil {
		return err
	}
	defer w.account.Close()
	if c.Bool("guard") {
		if w.guard, err = guard(w.session.Lineage()); err != nil {
			return err
		}
	}
	pause := true
	for {
		err := w.work(ctx, pause)
		if !errors.Is(err, fencing.ErrStaleToken) {
			return err
		}
		pause = false
	}
}

func (w *client) say(word, format string, args ...any) {
	fmt.Fprintf(w.out, "%s %s\n", word, fmt.Sprintf(format, args...))
}

// work takes the lock, seals, reads, computes and writes.
func (w *client) work(ctx context.Context, pause bool) error {
	grant, err := w.session.NewLock(lockPath).Lock(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = grant.Unlock(ctx) }()
	token := grant.Token()
	w.say("granted", "holds the lock, token %#x", token.Fence)
	if w.guard != nil {
		if err := w.account.tx(ctx, func(tx *sql.Tx) error { return w.guard.Seal(ctx, w.account.marks(tx), token) }); err != nil {
			return err
		}
		w.say("sealed", "seals the account with its token")
	}
	balance, err := w.account.balance(ctx)
	if err != nil {
		return err
	}
	w.say("read", "reads the balance: %d", balance)
	if !grant.Held() {
		return errors.New("demo: the lock was lost before the write")
	}
	w.say("checked", "looks at its lock once more: still held")
	if pause {
		if _, err := w.in.ReadString('\n'); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	next := balance + w.add
	err = w.account.tx(ctx, func(tx *sql.Tx) error {
		if w.guard != nil {
			if err := w.guard.Check(ctx, w.account.marks(tx), token); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, w.account.update, next)
		return err
	})
	if err != nil {
		w.say("refused", "REFUSED by the account: %v", err)
		return err
	}
	w.say("done", "writes the balance: %d", next)
	return nil
}
