package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/paddock-zk/paddock/cmd/paddock/tool"
	"github.com/paddock-zk/paddock/fencing"
	"github.com/paddock-zk/paddock/fencing/pgfence"
	"github.com/paddock-zk/paddock/fencing/sqlitefence"
)

// accountStore says where an account is kept: in a file, or in a schema of a PostgreSQL database.
type accountStore struct {
	file             string
	postgres, schema string
}

// flags hand the store to a worker.
func (s accountStore) flags() []string {
	return []string{"--db", s.file, "--postgres", s.postgres, "--schema", s.schema}
}

// account is an open account. What differs between the two kinds of storage is the schema, the parameter's name, and where the watermark is.
type account struct {
	*sql.DB
	tables []string
	update string
	marks  func(tx *sql.Tx) fencing.Watermarks
}

func (s accountStore) open() (*account, error) {
	if s.postgres == "" {
		db, err := sql.Open("sqlite", "file:"+s.file+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
		if err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
		return &account{db, []string{sqlitefence.Schema}, `UPDATE account SET balance = ?`, sqlitefence.In}, nil
	}
	cfg, err := pgx.ParseConfig(s.postgres)
	if err != nil {
		return nil, tool.UsageOf(fmt.Errorf("demo: --postgres: %w", err))
	}
	cfg.RuntimeParams["search_path"] = s.schema
	marks := func(tx *sql.Tx) fencing.Watermarks { return pgfence.InSQL(tx) }
	return &account{stdlib.OpenDB(*cfg), []string{"CREATE SCHEMA " + s.schema, pgfence.Schema}, `UPDATE account SET balance = $1`, marks}, nil
}

// create makes account and watermarks, in a place of their own.
func (a *account) create(ctx context.Context) error {
	for _, q := range append(a.tables, `CREATE TABLE account (balance INTEGER NOT NULL)`, `INSERT INTO account VALUES (100)`) {
		if _, err := a.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("demo: make the account: %w", err)
		}
	}
	return nil
}

// remove leaves a database of somebody else's as it was; files go with their folder.
func (s accountStore) remove(ctx context.Context, a *account) error {
	var err error
	if s.postgres != "" {
		if _, err = a.ExecContext(ctx, "DROP SCHEMA IF EXISTS "+s.schema+" CASCADE"); err != nil {
			err = fmt.Errorf("demo: remove the schema %s: %w", s.schema, err)
		}
	}
	return errors.Join(err, a.Close())
}

func (a *account) balance(ctx context.Context) (n int, err error) {
	if err := a.QueryRowContext(ctx, `SELECT balance FROM account`).Scan(&n); err != nil {
		return 0, fmt.Errorf("demo: read the account: %w", err)
	}
	return n, nil
}

// tx runs a transaction.
func (a *account) tx(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := a.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// guard protects the account. A new one has no watermark; enrolling it by the first seal is fine for a demonstration.
func guard(l fencing.Lineage) (*fencing.Guard, error) {
	scope, err := fencing.ScopeOf(l.Cluster, lockPath)
	if err != nil {
		return nil, err
	}
	return fencing.NewGuard(fencing.Policy{Lineage: l, Scope: scope, EnrolOnSeal: true})
}
