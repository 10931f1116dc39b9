package main

import (
	"runtime"

	"github.com/urfave/cli/v2"
)

func versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version of this program", Category: "Settings",
		Description: "   paddock version\n   paddock -o json version\n\nWhat servers run is in paddock status.",
		Flags:       offlineFlags(),
		Action: func(c *cli.Context) error {
			if _, err := toolArgs(c, 0, 0); err != nil {
				return err
			}
			out, err := toolOutput(c)
			if err != nil {
				return err
			}
			return out.line(struct {
				Version   string `json:"version"`
				ZooKeeper string `json:"zookeeper"` // whose behaviour it has
				Go        string `json:"go"`
			}{version, zkVersion, runtime.Version()}, "paddock "+version)
		},
	}
}
