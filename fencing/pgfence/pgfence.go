package pgfence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/paddock-zk/paddock/fencing"
)

// Schema creates the table of watermarks. Run it once, in the database (and the schema on the search path) that holds the protected data.
const Schema = `CREATE TABLE IF NOT EXISTS paddock_fence (
	scope       bytea  PRIMARY KEY CHECK (length(scope) = 16),
	cluster     bytea  NOT NULL CHECK (length(cluster) = 16),
	incarnation bytea  NOT NULL CHECK (length(incarnation) = 16),
	fence       bigint NOT NULL CHECK (fence >= 0),
	sub         bigint NOT NULL CHECK (sub BETWEEN 0 AND 4294967295)
)`

// In keeps the watermark in a pgx transaction. Only a transaction will do: outside of one the check and the write would be two steps.
func In(tx pgx.Tx, options ...Option) fencing.Watermarks {
	return watermarks{pgxTx{tx}, apply(options)}
}

// InSQL keeps the watermark in a database/sql transaction on PostgreSQL.
func InSQL(tx *sql.Tx, options ...Option) fencing.Watermarks {
	return watermarks{sqlTx{tx}, apply(options)}
}

// DefaultIdleLimit is how long a checked transaction may be idle before PostgreSQL ends it, unless the session has a limit of its own.
const DefaultIdleLimit = time.Minute

// Option changes how a transaction is guarded.
type Option func(*settings)

type settings struct{ idle time.Duration }

// IdleLimit sets idle_in_transaction_session_timeout for each transaction that passes a check, where the session has none of its own. A holder that is stopped
// in the middle of its transaction holds up the next holder's seal for at most this long. 0 sets nothing.
func IdleLimit(d time.Duration) Option { return func(s *settings) { s.idle = d } }

func apply(options []Option) settings {
	s := settings{idle: DefaultIdleLimit}
	for _, o := range options {
		o(&s)
	}
	return s
}

// conn is what both kinds of transaction can do.
type conn interface {
	// row scans the first row of a query; found is false if there is none.
	row(ctx context.Context, query string, args, dest []any) (found bool, err error)
	exec(ctx context.Context, query string, args []any) (rows int64, err error)
}

type watermarks struct {
	conn     conn
	settings settings
}

// Raise is the fencing.Watermarks contract: one round trip for a token that is sealed already, three for one that raises.
func (w watermarks) Raise(ctx context.Context, c fencing.Claim) error {
	if c.Op() == fencing.OpRead {
		if done, err := w.readOnly(ctx, c); done || err != nil {
			return err
		}
	}
	if c.Op() != fencing.OpEnrol && c.Token().Mode == fencing.Exclusive {
		same, err := w.sameGrant(ctx, c)
		if same || err != nil {
			return err
		}
	}
	// Two tries: between finding no row and inserting it, another transaction may have inserted it.
	for range 2 {
		seen, found, err := w.load(ctx, c)
		if err != nil {
			return err
		}
		next, store, err := c.Judge(seen, found)
		if err != nil || !store {
			return err
		}
		if done, err := w.store(ctx, c, next, found); done || err != nil {
			return err
		}
	}
	return fmt.Errorf("pgfence: the watermark of %s appears and disappears: under REPEATABLE READ redo the transaction; otherwise somebody deletes it, which must not be", c.Scope())
}

// readOnly judges a read in a transaction that may not lock rows: one that is read-only, or on a replica. done is false in all others.
func (w watermarks) readOnly(ctx context.Context, c fencing.Claim) (done bool, err error) {
	var setting string
	if _, err := w.conn.row(ctx, `SELECT current_setting('transaction_read_only')`, nil, []any{&setting}); err != nil {
		return false, fmt.Errorf("pgfence: ask whether the transaction is read-only: %w", err)
	}
	if setting != "on" {
		return false, nil
	}
	seen, found, err := w.mark(ctx, look, c.Scope(), []any{scopeArg(c)})
	if err != nil {
		return false, err
	}
	_, _, err = c.Judge(seen, found)
	return true, err
}

func (w watermarks) sameGrant(ctx context.Context, c fencing.Claim) (same bool, err error) {
	var gate, idle string
	args := append(markArgs(c.SameGrant()), gateOf(c.Scope()), w.settings.idle.Milliseconds())
	same, err = w.conn.row(ctx, sameGrant, args, []any{&gate, &idle})
	if err != nil {
		return false, fmt.Errorf("pgfence: look for the grant of %s: %w", c.Scope(), err)
	}
	return same, nil
}

// load reads the watermark, and locks it unless the token is refused anyhow. A token below the watermark takes no lock: its transaction may hold the row in share
// mode already (it waited for a raise), and two of them that asked for more would wait for each other.
func (w watermarks) load(ctx context.Context, c fencing.Claim) (m fencing.Mark, found bool, err error) {
	switch {
	case c.Op() == fencing.OpEnrol:
	case c.Op() == fencing.OpRead || c.Token().Mode == fencing.Shared: // never raises, so readers need not queue
		m, found, err = w.mark(ctx, lookAndShare, c.Scope(), []any{scopeArg(c), gateOf(c.Scope())})
	default:
		m, found, err = w.mark(ctx, lock, c.Scope(), append(markArgs(c.SameGrant()), gateOf(c.Scope()), w.settings.idle.Milliseconds()))
	}
	if found || err != nil {
		return m, found, err
	}
	return w.mark(ctx, look, c.Scope(), []any{scopeArg(c)})
}

// mark runs a query for the watermark of a scope.
func (w watermarks) mark(ctx context.Context, query string, scope fencing.ID, args []any) (m fencing.Mark, found bool, err error) {
	var cluster, incarnation []byte
	var sub int64
	var gate, idle string
	found, err = w.conn.row(ctx, query, args, []any{&cluster, &incarnation, &m.Fence, &sub, &gate, &idle})
	if err != nil {
		return m, false, fmt.Errorf("pgfence: read the watermark of %s: %w (if another transaction holds it, Holders names it)", scope, err)
	}
	if !found {
		return m, false, nil
	}
	m.Scope, m.Sub = scope, uint32(sub)
	if copy(m.Cluster[:], cluster) != len(cluster) || copy(m.Incarnation[:], incarnation) != len(incarnation) {
		return m, false, fmt.Errorf("pgfence: the watermark of %s has ids of the wrong length", scope)
	}
	return m, true, nil
}

// store changes the watermark; done is false when another transaction did.
func (w watermarks) store(ctx context.Context, c fencing.Claim, next fencing.Mark, found bool) (done bool, err error) {
	query := update
	if !found {
		query = insert
	}
	enrol := c.Op() == fencing.OpEnrol // admits nothing and reads nothing, so that any isolation level will do
	rows, err := w.conn.exec(ctx, query, append(markArgs(next), enrol))
	if err != nil {
		return false, fmt.Errorf("pgfence: store the watermark of %s: %w", c.Scope(), err)
	}
	if rows == 1 {
		return true, nil
	}
	var level, commit string
	if _, err := w.conn.row(ctx, transaction, nil, []any{&level, &commit}); err != nil {
		return false, fmt.Errorf("pgfence: ask for the transaction's settings: %w", err)
	}
	switch {
	case commit == "off":
		return false, errors.New("pgfence: synchronous_commit is off, and a watermark that a crash can take back protects nothing: say SET LOCAL synchronous_commit = on first")
	case !enrol && level != "read committed" && level != "read uncommitted":
		return false, fmt.Errorf("pgfence: a token is sealed at READ COMMITTED, and this transaction is %s: its snapshot may be older than writes that the seal waited for; "+
			"seal in a transaction of its own, then begin this one", strings.ToUpper(level))
	}
	return false, nil
}

func scopeArg(c fencing.Claim) []byte {
	scope := c.Scope()
	return scope[:]
}

func markArgs(m fencing.Mark) []any {
	return []any{m.Scope[:], m.Cluster[:], m.Incarnation[:], m.Fence, int64(m.Sub)}
}

type pgxTx struct{ tx pgx.Tx }

func (t pgxTx) row(ctx context.Context, query string, args, dest []any) (bool, error) {
	err := t.tx.QueryRow(ctx, query, args...).Scan(dest...)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (t pgxTx) exec(ctx context.Context, query string, args []any) (int64, error) {
	tag, err := t.tx.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

type sqlTx struct{ tx *sql.Tx }

func (t sqlTx) row(ctx context.Context, query string, args, dest []any) (bool, error) {
	err := t.tx.QueryRowContext(ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (t sqlTx) exec(ctx context.Context, query string, args []any) (int64, error) {
	res, err := t.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
