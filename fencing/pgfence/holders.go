package pgfence

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/paddock-zk/paddock/fencing"
)

// Queryer is a *pgx.Conn, a *pgxpool.Pool or a pgx.Tx.
type Queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Holder is a transaction that passed a check and has not ended: a seal waits for it.
type Holder struct {
	PID         uint32
	User        string
	Application string
	Client      string    // its address; "" over a Unix socket
	State       string    // as in pg_stat_activity: "idle in transaction" is one that does nothing
	Began       time.Time // when its transaction began
}

const holders = `SELECT a.pid, coalesce(a.usename, ''), coalesce(a.application_name, ''), coalesce(host(a.client_addr), ''), coalesce(a.state, ''), a.xact_start
	FROM pg_locks l JOIN pg_stat_activity a USING (pid)
	WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL
		AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND (l.classid::bigint << 32 | l.objid::bigint) = $1
	ORDER BY a.xact_start`

// Holders are the transactions that a seal of the scope waits for, the oldest first. Those of other users show their number alone to who is no
// superuser and no member of pg_read_all_stats.
func Holders(ctx context.Context, db Queryer, scope fencing.ID) ([]Holder, error) {
	rows, err := db.Query(ctx, holders, gateOf(scope))
	if err != nil {
		return nil, fmt.Errorf("pgfence: look for the holders of %s: %w", scope, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Holder])
	if err != nil {
		return nil, fmt.Errorf("pgfence: look for the holders of %s: %w", scope, err)
	}
	return list, nil
}

// End ends the session of a holder, if it is in the same transaction still, and says whether it did. What the transaction wrote is undone. It takes a role that
// may signal that session (its own user, or pg_signal_backend).
func End(ctx context.Context, db Queryer, h Holder) (ended bool, err error) {
	rows, err := db.Query(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND xact_start = $2`, h.PID, h.Began)
	if err != nil {
		return false, fmt.Errorf("pgfence: end the session %d: %w", h.PID, err)
	}
	results, err := pgx.CollectRows(rows, pgx.RowTo[bool])
	if err != nil {
		return false, fmt.Errorf("pgfence: end the session %d: %w", h.PID, err)
	}
	return len(results) == 1 && results[0], nil
}
