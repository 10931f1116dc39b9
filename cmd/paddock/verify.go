package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/paddock-zk/paddock/zab/txnlog"
	"github.com/paddock-zk/paddock/znode/store"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check every file of a data folder, or one backup, without changing anything",
		ArgsUsage: "[FILE...]",
		Description: `   paddock verify --data-dir /var/lib/paddock     identity, log, checkpoints
   paddock verify backup.img                      a file made by snapshot save

Exit codes: 0 all is well, 1 something is damaged (named with file and offset).`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "data-dir", Aliases: []string{"d"}, Usage: "data folder", Value: "paddock-data", EnvVars: []string{"PADDOCK_DATA_DIR"}},
			&cli.StringFlag{Name: "log-dir", Usage: "its dataLogDir, if it has one of its own", EnvVars: []string{"PADDOCK_LOG_DIR"}},
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				var errs []error
				for _, file := range c.Args().Slice() {
					errs = append(errs, verifyImage(c, file))
				}
				return errors.Join(errs...)
			}
			return verifyFolder(c, c.String("data-dir"), c.String("log-dir"))
		},
	}
}

func verifyImage(c *cli.Context, file string) error {
	records := 0
	h, err := store.VerifyImage(file, func(_, _ []byte) error { records++; return nil })
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	fmt.Fprintf(c.App.Writer, "%s: good, %d records at zxid %v, cluster %x incarnation %x\n", file, records, h.Zxid, h.Identity.Cluster, h.Identity.Incarnation)
	return nil
}

func verifyFolder(c *cli.Context, dir, logDir string) error {
	id, ok, err := loadIdentity(dir)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%s is not the data folder of a Paddock server (there is no file %q in it)", dir, identityFile)
	}
	fmt.Fprintf(c.App.Writer, "%s: good, server %d of cluster %s, incarnation %s, generation %d\n", filepath.Join(dir, identityFile), id.Server, id.Cluster, id.Incarnation, id.Generation)
	var errs []error
	log := filepath.Join(logDirOf(dir, logDir), "log")
	records := 0
	if _, err := txnlog.Inspect(txnlog.OS{}, log, func(txnlog.Location, *txnlog.Record) error { records++; return nil }); err != nil {
		errs = append(errs, err)
	} else {
		fmt.Fprintf(c.App.Writer, "%s: good, %d records\n", log, records)
	}
	images, err := store.Checkpoints(filepath.Join(dir, "state"))
	errs = append(errs, err)
	for _, i := range images {
		errs = append(errs, verifyImage(c, i.Path))
	}
	return errors.Join(errs...)
}
