package pgfence

import (
	"encoding/binary"

	"github.com/paddock-zk/paddock/fencing"
)

// The gate is a transaction's advisory lock for each scope: writers share it, a raise takes it alone. Rows alone would do for safety. But PostgreSQL lets share locks
// of a row in beside those that are held, before a raise that waits, so that writers without a gap between them would hold the next holder up for ever. Advisory locks queue.
//
// Each query takes the gate in its target list, which PostgreSQL works out for rows that match and before it locks them.
const (
	// limitIdle bounds the idle time of this transaction by $7 milliseconds, if nothing bounds it.
	limitIdle = `CASE WHEN $7::bigint > 0 AND current_setting('idle_in_transaction_session_timeout') = '0'
		THEN set_config('idle_in_transaction_session_timeout', $7::text, true) ELSE '' END`

	sameGrant = `SELECT pg_advisory_xact_lock_shared($6)::text, ` + limitIdle + ` FROM paddock_fence
		WHERE scope = $1 AND cluster = $2 AND incarnation = $3 AND fence = $4 AND sub = $5 FOR SHARE`

	look = `SELECT cluster, incarnation, fence, sub, '', '' FROM paddock_fence WHERE scope = $1`

	lookAndShare = `SELECT cluster, incarnation, fence, sub, pg_advisory_xact_lock_shared($2)::text, '' FROM paddock_fence WHERE scope = $1 FOR SHARE`

	// lock finds no row when the token is below the watermark.
	lock = `SELECT cluster, incarnation, fence, sub, pg_advisory_xact_lock($6)::text, ` + limitIdle + ` FROM paddock_fence
		WHERE scope = $1 AND NOT (cluster = $2 AND incarnation = $3 AND (fence, sub) > ($4, $5)) FOR UPDATE`

	// safe is where a watermark may be changed: what the transaction reads next is no older than its seal, and a commit is durable. $6 is true for an enrolment.
	safe = `current_setting('synchronous_commit') <> 'off' AND ($6 OR current_setting('transaction_isolation') IN ('read committed', 'read uncommitted'))`

	insert = `INSERT INTO paddock_fence (scope, cluster, incarnation, fence, sub)
		SELECT $1::bytea, $2::bytea, $3::bytea, $4::bigint, $5::bigint WHERE ` + safe + ` ON CONFLICT (scope) DO NOTHING`

	update = `UPDATE paddock_fence SET cluster = $2, incarnation = $3, fence = $4, sub = $5 WHERE scope = $1 AND ` + safe

	transaction = `SELECT current_setting('transaction_isolation'), current_setting('synchronous_commit')`
)

// gateOf is the key of a scope's advisory lock. Two scopes with one key, or another use of it in the same database, cost waiting and nothing else.
func gateOf(scope fencing.ID) int64 { return int64(binary.BigEndian.Uint64(scope[:8])) }
